"""Facts of EdgeKV's API, each with its source among the vendor's pages.

What the emulator judges by is its own. Where the service goes beyond its pages, the older one is
followed (2026-04-13): see `kvsync.emulator.limits` for both.
"""

PUT = "EdgeKVPut"
GET = "EdgeKVGet"
LIST = "EdgeKVList"
DELETE = "EdgeKVDelete"
DESCRIBE_NAMESPACES = "DescribeEdgeKVNamespaces"
CREATE_NAMESPACE = "CreateEdgeKVNamespace"
MODIFY_NAMESPACE = "ModifyEdgeKVNamespace"
DELETE_NAMESPACE = "DeleteEdgeKVNamespace"

API_RATE = 20.0
"""Requests per second for each action, access region and sub-account, counted as they arrive; the
console and the vendor's CLI draw on them, too ("API rate limit")."""

KEYS_PER_REQUEST = 20
"""That a request may name at most (EdgeKVGet, EdgeKVDelete)."""

KEYS_PER_PAGE = 1000
"""That a list has at most in one answer (EdgeKVList)."""

NAMESPACES_PER_PAGE = 1000
"""As many as a list has at most in one answer (DescribeEdgeKVNamespaces)."""

NAMESPACE_CAPACITY = 1 << 30
"""Bytes that a namespace has by default (DescribeEdgeKVNamespaces)."""

MAX_KEY_LENGTH = 512
"""In characters (EdgeKVPut); the page does not say whether it counts bytes."""

MAX_VALUE_SIZE = 2**20
"""In bytes of UTF-8 (EdgeKVPut). The page says 1 MB, and not which."""

MAX_VALUE_TEXT = "1 MiB"
"""That, for people."""

SHORTEST_TTL_S = 60
"""Seconds that a pair has to live at least, for the service since mid-2026 (EdgeKVPut, in its newer
revision; before, anything above 0)."""

CLOCK_SKEW_S = 300.0
"""Seconds by which a signature's time may differ from the service's clock ("Signature v3")."""

SETTLING_S = 60.0
"""Seconds until a write is readable everywhere: caches at the edge keep a value so long (EdgeKV's
product page). Whether EdgeKVGet reads past them is not documented."""
