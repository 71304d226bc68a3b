"""The machine goes in by the front door, too."""

from tests.cli.conftest import clean_environment, credentials, edge

__all__ = ["clean_environment", "credentials", "edge"]
