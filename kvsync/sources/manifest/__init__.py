"""A YAML manifest as a source."""
