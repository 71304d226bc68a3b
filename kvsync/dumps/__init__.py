"""What other stores' tools write: each format is read into records, as they stand.

What EdgeKV cannot hold of a record is decided elsewhere: a reader loses nothing.
"""
