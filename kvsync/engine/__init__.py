"""The commands, a module each, and the stages that they share: here the other rooms meet."""
