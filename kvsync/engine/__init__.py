"""What each command does, a module a command: it ties the other rooms together."""
