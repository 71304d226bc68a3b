"""Limits that readers and writers share."""

__all__ = ["MAX_MANIFEST_SIZE", "MAX_VALUE_SIZE"]

MAX_MANIFEST_SIZE = 64 * 2**20
"""Bytes; with it a manifest that is one single scalar still stays below 300 MiB of memory."""

MAX_VALUE_SIZE = 2**20
"""In bytes of UTF-8. The API's page says 1 MB, and not which."""
