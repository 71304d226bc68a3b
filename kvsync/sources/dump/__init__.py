"""Another tool's file, or a living server, as a source."""
