"""Values, errors, keys and limits, which every room may use; they use nothing."""
