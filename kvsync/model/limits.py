"""Limits of our own that readers and writers share; those of the API are in `kvsync.model.api`."""

MAX_MANIFEST_SIZE = 64 * 2**20
"""Bytes; with it a manifest that is one single scalar still stays below 300 MiB of memory."""

MAX_MANIFEST_NODES = 640_000
"""Scalars, lists and mappings. 320,000 keys, each with a word, are read in less than 300 MiB."""

MAX_MANIFEST_KEYS = 100_000
"""Pairs of a manifest that is written: with an expiry each makes six nodes of it."""
