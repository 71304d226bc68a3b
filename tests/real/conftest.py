"""The front door, for what real tools have made."""

from tests.cli.conftest import clean_environment, credentials, edge, kvsync, meanwhile, write

__all__ = ["clean_environment", "credentials", "edge", "kvsync", "meanwhile", "write"]
