"""The worker pool: puts, deletes and batched gets, paced and tried again."""
