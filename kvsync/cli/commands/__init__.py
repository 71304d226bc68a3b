"""The commands: each module is one by its own name, and its first line tells what it does."""
