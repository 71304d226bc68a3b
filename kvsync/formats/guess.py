"""Which format a dump is in, where that is safe to tell; and JSON that is nearly a dump.

Other stores' APIs answer with JSON that is no dump as it is, but one command away from being one.
"""

import io
import os
import re
from collections.abc import Mapping

from kvsync.formats import FILES, MANIFEST_ENDINGS, all_formats
from kvsync.formats.decoder import Json
from kvsync.formats.format import Head
from kvsync.formats.jsontext import BrokenError, JsonText
from kvsync.formats.record import Layout

_REST = frozenset({"success", "errors", "messages", "result"})
_OURS = frozenset({"trees", "files", "metadata"})
"""Names that manifests and pairs have."""
_VALUES = re.compile(r'\{\s*"values"\s*:\s*\{')
_NAMES = re.compile(r'\[\s*\{\s*"name"\s*:')
_PAIRS = re.compile(r'\[\s*\{\s*"[kK]ey"\s*:')
_REFUSED = re.compile(r'"success"\s*:\s*false')
_RESULT = re.compile(r'"result"\s*:\s*')
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_GET = "no values are in it: `wrangler kv bulk get` gets them for such a list"
_CONSUL = {"Key": "key", "Flags": "flags", "Value": "value"}
_CONSUL_ONLY = {"LockIndex", "CreateIndex", "ModifyIndex", "Flags"}
_CONSUL_PLACES = {"Namespace": "namespace", "Partition": "partition"}
_ETCD = "[.kvs[] | {key: (.key | @base64d), value, base64: true}]"


def guess_format(name: str, head: bytes, layout: Layout) -> tuple[str, str] | None:
    """Return the format and what tells it, as `kvsync.formats.guess_format` says."""
    begun = Head(head)
    known = all_formats()
    for each in known:
        if each.certain and each.certain(begun):
            return each.name, ""
    for each in known:
        if each.named and each.named(name):
            return each.name, "its name"
    ending = os.path.splitext(name)[1].lower()
    if ending in MANIFEST_ENDINGS:
        return None
    claimed = [form for form, endings in FILES.items() if ending in endings]
    for each in known:
        fits = each.name in claimed if claimed else each.anywhere
        if fits and each.sniff and each.sniff(begun, layout):
            return each.name, each.shown
    return None


def name_stranger(head: bytes) -> str:
    """Return the words of `kvsync.formats.name_stranger`."""
    if told := name_answer(head.decode(errors="replace")):
        return told
    begun = Head(head)
    for each in all_formats():
        if each.nearly and (told := each.nearly(begun)):
            return f"this looks like pairs of the format {each.name}, with an {told}"
    return ""


def name_answer(head: str) -> str:
    """Return the kind of answer of another store's API that a JSON text is, and what makes a dump
    of it.

    ``head`` is its beginning, which may be cut off anywhere. Empty for all that is not known.
    """
    text = JsonText(io.BytesIO(head.encode(errors="replace")))
    try:
        if text.peek() == "[":
            return _of_first(next((found.value for found in text.elements()), None))
        if text.peek() == "{":
            return _of_members(text, head)
    except BrokenError:
        # Where the beginning was cut off, perhaps.
        pass
    return ""


def _of_first(first: Json) -> str:
    """Return what an array is that begins with this."""
    if isinstance(first, str):
        return f"this looks like a list of keys, and {_GET}"
    if not isinstance(first, dict):
        return ""
    if "Key" in first and first.keys() & _CONSUL_ONLY:
        return _consul(first)
    if "name" in first and not first.keys() & {"key", "value"}:
        return f"this looks like what `wrangler kv key list` prints, and {_GET}"
    return ""


def _consul(pair: Mapping[str, Json]) -> str:
    places = {name: field for name, field in _CONSUL_PLACES.items() if name in pair}
    fields = ", ".join(f"{field}: .{name}" for name, field in {**_CONSUL, **places}.items())
    return (
        "this is what Consul's HTTP API answers: take what `consul kv export` prints instead, or"
        f" make that with jq 'map({{{fields}}})' FILE (format consul)"
    )


def _of_members(text: JsonText, head: str) -> str:
    for _, name in text.names():
        value = text.coming()
        if name == "kvs" and value.startswith("["):
            told = f"this is what etcd answers: make a dump with jq '{_ETCD}' FILE"
            return f"{told} (format cloudflare)"
        if name in _REST and (told := _rest(name, value, head)):
            return told
        inside = _PAIRS.match(value) and _PLAIN_NAME.fullmatch(name)
        if inside and name not in _OURS:
            return f"the pairs are inside an object: take them out with jq .{name} FILE"
        text.item()
    return ""


def _rest(name: str, value: str, head: str) -> str:
    """Return what Cloudflare's API answers, if this is a member of that."""
    what = "this is what Cloudflare's API answers"
    surely = value.startswith(("true", "false") if name == "success" else "[") and name != "result"
    if surely and _REFUSED.search(head):
        return f"{what} where it refuses: it has no pairs, ask again"
    found = _RESULT.search(head)
    result = value if name == "result" else head[found.end() :][:200] if found else ""
    if _NAMES.match(result):
        return f"{what} to who asks for keys, in .result, and {_GET}"
    if _VALUES.match(result) or _PAIRS.match(result):
        return f"{what}: take the pairs out with jq .result FILE (format cloudflare)"
    return f"{what}, and what is here are no pairs" if surely and result else ""
