"""What all tests share."""

from tests.nobody import shared
from tests.servers import emulator, serve_emulator

__all__ = ["emulator", "serve_emulator", "shared"]
