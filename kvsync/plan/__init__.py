"""The differences between a source and its target, as the state knows it."""
