"""A directory tree as a source."""
