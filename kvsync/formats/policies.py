"""Policies: parts of a pair that EdgeKV cannot hold, and what becomes of them. Pure.

All that a pair loses is told: nothing is dropped, changed or left out in silence.
"""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kvsync.formats.record import ERROR, KEEP, SKIP, Loss, Lossy, Record
from kvsync.model.api import MAX_VALUE_SIZE, MAX_VALUE_TEXT, SHORTEST_TTL_S
from kvsync.model.keys import check_key, escape_bytes, join_key
from kvsync.model.text import duration_text, size_text
from kvsync.model.values import NEVER, Expiry

NOT_TEXT = "is not UTF-8: change it"


class Policy(NamedTuple):
    """``what`` a pair has that EdgeKV cannot hold, and the ``ways`` to deal with it.

    The first of the ways is what is done unasked. All that are neither ``error`` nor ``skip``
    change the pair, and send it.
    """

    what: str
    ways: Mapping[str, str]


def _policy(what: str, **ways: str) -> Policy:
    return Policy(
        what, {ERROR: "end the run before it sends anything", SKIP: "leave the pair out", **ways}
    )


POLICIES: Mapping[Loss, Policy] = {
    Loss.METADATA: _policy(
        "metadata",
        drop="send the value alone",
        envelope='send {"value": …, "metadata": …}, for pairs that have any',
    ),
    Loss.FLAGS: _policy("flags, or other marks of its store", drop="send the value alone"),
    Loss.BINARY: _policy("a value that is not UTF-8 text", base64="send it in base64"),
    Loss.EMPTY: _policy("an empty value"),
    Loss.LARGE: _policy(f"a value of more than {MAX_VALUE_TEXT}"),
    Loss.KEYS: _policy(
        "a key that is not legal",
        escape="escape every key, so that it can be turned back (as a folder's)",
        join="turn / and every illegal character into _",
    ),
    Loss.GROUPS: _policy(
        "a group that the key stands in",
        join="make group, --separator and key one key",
        drop="take the key alone",
    ),
    Loss.EXPIRED: _policy("an expiry that has passed"),
    Loss.SHORT_TTL: Policy(
        f"less than {SHORTEST_TTL_S} s to live",
        {
            KEEP: "send it as it is; the service refuses that since mid-2026",
            ERROR: "end the run before it sends anything",
            SKIP: "leave the pair out",
            "extend": f"let it live for {SHORTEST_TTL_S} s",
        },
    ),
    Loss.TYPES: _policy("a value that is no string (a list, a hash, …)"),
    Loss.MISSING: _policy("no value at all in the dump"),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """How records become pairs.

    ``ways`` has what to do by kind of loss, where someone has said; ``charset`` says which keys
    are legal; ``prefix`` is put before each key; ``separator`` between a group and its key;
    ``expiry`` is that of pairs that say nothing of it.
    """

    ways: Mapping[Loss, str] = field(default_factory=dict)
    charset: str = "strict"
    prefix: str = ""
    separator: str = "_"
    expiry: Expiry = NEVER

    def way(self, kind: Loss) -> str:
        """Return what is to be done about such a loss."""
        return self.ways.get(kind) or next(iter(POLICIES[kind].ways))


class Settled(NamedTuple):
    """The result for a record; ``value`` None: it is left out, for what the losses say."""

    key: str
    value: bytes | None
    expiry: Expiry
    losses: list[Lossy]

    @property
    def errors(self) -> list[Lossy]:
        """The losses that no one has allowed."""
        return [loss for loss in self.losses if loss.way == ERROR]

    @property
    def outdated(self) -> bool:
        """True if it is to be skipped because its expiry has passed."""
        return any(loss.kind is Loss.EXPIRED and loss.way == SKIP for loss in self.losses)


def settle(record: Record, rules: Rules, now: float) -> Settled:
    """Return the pair that EdgeKV can hold of a record, and what it loses by that.

    ``now`` is in Unix seconds. A pair whose expiry has passed keeps it, if it is to be skipped:
    the plan knows what to do with it.
    """
    settling = _Settling(rules)
    key = settling.key_of(record)
    value = settling.value_of(record)
    expiry = settling.expiry_of(record.expiry, now)
    return Settled(key, None if settling.left_out else value, expiry, settling.losses)


def names_of(record: Record, rules: Rules) -> set[str]:
    """Every key that the record's pair may have been sent under, no matter what the ways were
    then.
    """
    grouped = set() if record.group is None else {f"{record.group}{rules.separator}{record.key}"}
    names = {name for key in (record.key, *grouped) for name in (key, _escaped(key), join_key(key))}
    return {rules.prefix + name for name in names if _is_text(name)}


class _Settling:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.losses: list[Lossy] = []
        self.left_out = False

    def _way(self, kind: Loss, detail: str = "") -> str:
        way = self._rules.way(kind)
        self.losses.append(Lossy(kind, way, detail))
        if way in {ERROR, SKIP} and kind is not Loss.EXPIRED:
            self.left_out = True
        return way

    def key_of(self, record: Record) -> str:
        rules, key = self._rules, record.key
        if record.group is not None and self._way(Loss.GROUPS, record.group) == "join":
            key = f"{record.group}{rules.separator}{key}"
        way = rules.way(Loss.KEYS)
        fault = _fault_of(rules.prefix + key, rules.charset)
        if way == "escape" or (fault and way == "join"):
            changed = _escaped(key) if way == "escape" else join_key(key)
            if changed != key:
                self.losses.append(Lossy(Loss.KEYS, way, _shown(key)))
            key = changed
            fault = check_key(rules.prefix + key, rules.charset)
            if fault:
                self.left_out = True
                self.losses.append(Lossy(Loss.KEYS, ERROR, fault))
        elif fault:
            self._way(Loss.KEYS, fault)
        return rules.prefix + _shown(key)

    def value_of(self, record: Record) -> bytes:
        value = record.value
        if value is None:
            self._way(*((Loss.TYPES, record.kind) if record.kind else (Loss.MISSING,)))
            return b""
        if not _is_utf8(value) and self._way(Loss.BINARY) == "base64":
            value = base64.b64encode(value)
        if record.flags:
            self._way(Loss.FLAGS, record.flags)
        if record.metadata and self._way(Loss.METADATA, record.metadata) == "envelope":
            value = _envelope(value, record.metadata)
        if not value:
            self._way(Loss.EMPTY)
        elif len(value) > MAX_VALUE_SIZE:
            self._way(Loss.LARGE, size_text(len(value)))
        return value

    def expiry_of(self, expiry: Expiry, now: float) -> Expiry:
        if expiry == NEVER:
            expiry = self._rules.expiry
            if expiry == NEVER or self._rules.way(Loss.SHORT_TTL) == KEEP:
                # Of a short TTL that is everybody's there is one warning.
                return expiry
        left = expiry.ttl or expiry.at - now
        if left <= 0:
            self._way(Loss.EXPIRED)
        elif left < SHORTEST_TTL_S and self._way(Loss.SHORT_TTL, duration_text(left)) == "extend":
            return (
                Expiry(ttl=SHORTEST_TTL_S)
                if expiry.ttl
                else Expiry(at=math.ceil(now) + SHORTEST_TTL_S)
            )
        return expiry


def _is_text(key: str) -> bool:
    """Return whether a key of a record is text: what is none has surrogates in it."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(key: str) -> str:
    """Return a key of a record as it can be told: bytes that are no UTF-8 are escaped."""
    return key if _is_text(key) else _bytes_of(key).decode(errors="backslashreplace")


def _bytes_of(key: str) -> bytes:
    return key.encode(errors="surrogateescape")


def _escaped(key: str) -> str:
    return escape_bytes(_bytes_of(key))


def _fault_of(key: str, charset: str) -> str:
    """Return what is wrong with a key of a record, as `check_key` says it."""
    return check_key(key, charset) if _is_text(key) else NOT_TEXT


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _envelope(value: bytes, metadata: str) -> bytes:
    text = json.dumps(value.decode(errors="replace"), ensure_ascii=False)
    return f'{{"value":{text},"metadata":{metadata}}}'.encode()
