"""Limits that readers and writers share."""

MAX_MANIFEST_SIZE = 64 * 2**20
"""Bytes; with it a manifest that is one single scalar still stays below 300 MiB of memory."""

MAX_MANIFEST_NODES = 640_000
"""Scalars, lists and mappings. 320,000 keys, each with a word, are read in less than 300 MiB."""

MAX_MANIFEST_KEYS = 100_000
"""Pairs of a manifest that is written: with an expiry each makes six nodes of it."""

MAX_VALUE_SIZE = 2**20
"""In bytes of UTF-8. The API's page says 1 MB, and not which."""

SETTLING_S = 60.0
"""Seconds until a write is readable everywhere: the store is eventually consistent.

Source: the sister product's documentation; EdgeKV's own says nothing."""
