"""The ``kvsync`` command, and ``python -m kvsync``."""

from kvsync.model.utf8 import restart_in_utf8


def main() -> None:
    """Do as `kvsync.cli.main`; what would have to be done twice is not yet done."""
    restart_in_utf8()
    from kvsync.cli import main as command

    command()


if __name__ == "__main__":
    main()
