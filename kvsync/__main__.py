"""``python -m kvsync``."""

from kvsync.cli import main

if __name__ == "__main__":
    main()
