"""What a sync would do: the differences between a source and what is known of its target."""
