"""What becomes of a pair that EdgeKV cannot hold: nothing without a word."""

import base64
import json
import os
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.formats.policies import POLICIES, Rules, Settled, names_of, settle
from kvsync.formats.record import ERROR, SKIP, Loss, Lossy, Record
from kvsync.model.keys import check_key, unescape_key
from kvsync.model.values import NEVER, Expiry
from tests.formats.feeding import TEXTS

NOW = 1_000_000_000.5

MAX_SIZE = 1024
LARGE = b"x" * (MAX_SIZE + 1)
EXPIRIES = st.one_of(
    st.just(NEVER),
    st.builds(lambda ttl: Expiry(ttl=ttl), st.integers(1, 200)),
    st.builds(lambda left: Expiry(at=int(NOW) + left), st.integers(-100, 200)),
)
KEYS = st.one_of(
    st.text("ab_-/", max_size=8), st.text("aü/", min_size=505, max_size=520), TEXTS.map(str)
)
RECORDS = st.builds(
    Record,
    key=KEYS,
    value=st.one_of(st.none(), TEXTS.map(str.encode), st.binary(), st.just(LARGE)),
    line=st.integers(0, 9),
    expiry=EXPIRIES,
    metadata=st.sampled_from(["", "1", '{"a":[1.50,null]}', '"ü"']),
    flags=st.sampled_from(["", "flags 42"]),
    group=st.sampled_from([None, "", "g", "ü/"]),
    kind=st.sampled_from(["", "hash"]),
)
ALL_WAYS = st.fixed_dictionaries(
    {}, optional={kind: st.sampled_from([*policy.ways]) for kind, policy in POLICIES.items()}
)
RULES = st.builds(
    Rules,
    ways=ALL_WAYS,
    charset=st.sampled_from(["strict", "utf-8"]),
    prefix=st.sampled_from(["", "p-", "p" * 500]),
    separator=st.sampled_from(["_", "", "/"]),
    expiry=st.sampled_from([NEVER, Expiry(ttl=30), Expiry(ttl=3600)]),
)
SKIPPING = dict.fromkeys(Loss, SKIP)

LEAVING_OUT = {ERROR, SKIP}
CHANGING_KEY = {(Loss.KEYS, "escape"), (Loss.KEYS, "join"), (Loss.GROUPS, "join")}
CHANGING_VALUE = {(Loss.BINARY, "base64"), (Loss.METADATA, "envelope")}


def _ways(losses: list[Lossy]) -> set[tuple[Loss, str]]:
    return {(loss.kind, loss.way) for loss in losses}


@pytest.fixture(autouse=True, scope="module")
def small_values() -> Iterator[None]:
    """Values may be smaller than EdgeKV's are: those take long to make."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("kvsync.formats.policies.MAX_VALUE_SIZE", MAX_SIZE)
        yield


@pytest.mark.slow
@given(RECORDS, RULES)
def test_nothing_changes_without_a_word(record: Record, rules: Rules) -> None:
    """Key, value and expiry are the record's, unless a loss says what changed them."""
    settled = settle(record, rules, NOW)
    ways = _ways(settled.losses)
    if not ways & CHANGING_KEY:
        assert settled.key == rules.prefix + record.key
    if settled.value is None:
        assert any(way in LEAVING_OUT for _, way in ways)
    elif not ways & CHANGING_VALUE:
        assert settled.value == record.value
    if (Loss.SHORT_TTL, "extend") not in ways:
        assert settled.expiry == (rules.expiry if record.expiry == NEVER else record.expiry)


@pytest.mark.slow
@given(RECORDS, RULES)
def test_what_is_lost_is_told(record: Record, rules: Rules) -> None:
    """What a record has, and EdgeKV cannot hold, is among the losses, and nothing else is."""
    kinds = {loss.kind for loss in settle(record, rules, NOW).losses}
    assert (Loss.GROUPS in kinds) == (record.group is not None)
    assert (Loss.TYPES in kinds) == (record.value is None and bool(record.kind))
    assert (Loss.MISSING in kinds) == (record.value is None and not record.kind)
    if record.value is not None:
        assert (Loss.METADATA in kinds) == bool(record.metadata)
        assert (Loss.FLAGS in kinds) == bool(record.flags)
        assert (Loss.BINARY in kinds) == (
            record.value.decode(errors="ignore").encode() != record.value
        )
        if not record.metadata:
            assert (Loss.EMPTY in kinds) == (not record.value)
    # Of a short TTL that is everybody's, and that is kept, no pair tells by itself.
    kept = record.expiry == NEVER and rules.way(Loss.SHORT_TTL) == "keep"
    expiry = rules.expiry if record.expiry == NEVER and not kept else record.expiry
    left = expiry.ttl or (expiry.at - NOW if expiry.at else 1e9)
    assert (Loss.EXPIRED in kinds) == (left <= 0)
    assert (Loss.SHORT_TTL in kinds) == (0 < left < 60)


@pytest.mark.slow
@given(RECORDS, RULES)
def test_each_loss_goes_the_way_that_was_said(record: Record, rules: Rules) -> None:
    """A kind's way is the one that the rules give, or the kind's first; a loss comes once."""
    losses = settle(record, rules, NOW).losses
    for kind, way in _ways(losses):
        # What escaping or joining cannot mend is an error, whatever was said.
        hopeless = kind is Loss.KEYS and way == ERROR and rules.way(kind) in {"escape", "join"}
        assert hopeless or way == rules.way(kind)
    assert len(_ways(losses)) == len(losses)


@pytest.mark.slow
@given(RECORDS, RULES)
def test_what_is_left_is_legal(record: Record, rules: Rules) -> None:
    """Whatever the policies, what is to be sent is what EdgeKV takes."""
    settled = settle(record, rules, NOW)
    if settled.value is not None:
        assert not check_key(settled.key, rules.charset)
        assert 0 < len(settled.value) <= MAX_SIZE
        settled.value.decode()


@pytest.mark.slow
@given(RECORDS, st.sampled_from(["strict", "utf-8"]))
def test_skipping_all_leaves_whole_pairs(record: Record, charset: str) -> None:
    """With every policy skip, a pair is left out or is exactly what the dump has."""
    settled = settle(record, Rules(SKIPPING, charset), NOW)
    assert not settled.errors
    lost = {loss.kind for loss in settled.losses} - {Loss.EXPIRED}
    # What has expired is left to the plan, which knows of its row.
    assert (settled.value is None) == bool(lost)
    if settled.value is not None:
        assert (settled.key, settled.value, settled.expiry) == (
            record.key, record.value, record.expiry,
        )  # fmt: skip


@pytest.mark.slow
@given(RECORDS, RULES)
def test_it_is_the_same_again(record: Record, rules: Rules) -> None:
    """The same record, rules and time give the same pair and losses."""
    assert settle(record, rules, NOW) == settle(record, rules, NOW)


@pytest.mark.slow
@given(RECORDS, RULES)
def test_time_decides_of_expiries_alone(record: Record, rules: Rules) -> None:
    """Key and value are the same at any time, unless a TTL too short leaves the pair out."""
    now, before = settle(record, rules, NOW), settle(record, rules, 0)
    assert now.key == before.key
    if now.value is not None and before.value is not None:
        assert now.value == before.value


@pytest.mark.slow
@given(KEYS, st.sampled_from(["", "p-"]))
def test_escaped_keys_can_be_turned_back(key: str, prefix: str) -> None:
    """--keys escape loses nothing of a key."""
    settled = settle(Record(key, b"x", 1), Rules({Loss.KEYS: "escape"}, prefix=prefix), NOW)
    assert unescape_key(settled.key.removeprefix(prefix)) == key


@pytest.mark.slow
@given(st.binary(min_size=1), st.sampled_from(["1", '{"a":[1.50,null]}', '"ü"']))
def test_what_is_wrapped_can_be_unwrapped(value: bytes, metadata: str) -> None:
    """base64 and envelope, also together, keep value and metadata."""
    rules = Rules({Loss.BINARY: "base64", Loss.METADATA: "envelope"})
    settled = settle(Record("a", value, 1, metadata=metadata), rules, NOW)
    assert settled.value
    envelope = json.loads(settled.value)
    assert settled.value.endswith(b',"metadata":%s}' % metadata.encode())
    assert envelope["metadata"] == json.loads(metadata)
    text: str = envelope["value"]
    binary = any(loss.kind is Loss.BINARY for loss in settled.losses)
    assert (base64.b64decode(text) if binary else text.encode()) == value


@pytest.mark.slow
@given(st.integers(1, 59), st.booleans())
def test_extended_for_a_minute(left: int, dated: bool) -> None:
    """--short-ttl extend lets a pair live for 60 s, and for less than 62."""
    expiry = Expiry(at=int(NOW) + left) if dated else Expiry(ttl=left)
    settled = settle(Record("a", b"x", 1, expiry), Rules({Loss.SHORT_TTL: "extend"}), NOW)
    lives = settled.expiry.ttl or settled.expiry.at - NOW
    assert 60 <= lives < 62


def test_details_never_have_a_value() -> None:
    """What is told of a loss says how large or of what kind a value is, and not what it is."""
    ways = {Loss.BINARY: "base64", Loss.METADATA: "drop"}
    for value in (b"hunter2\xff", b"hunter2" * 200):
        record = Record("a/b", value, 1, metadata="1", flags="flags 1", group="g")
        assert "hunter2" not in repr(settle(record, Rules(ways), NOW).losses)


_JAVA = b"\xac\xed\x00\x05t\x00\x01a/b"


def _key(name: bytes, way: str, charset: str = "strict") -> Settled:
    record = Record(os.fsdecode(name), b"x", 0)
    return settle(record, Rules({Loss.KEYS: way}, charset, prefix="p-"), 0)


@pytest.mark.slow
@given(st.binary(min_size=1, max_size=40), st.sampled_from(["strict", "utf-8"]))
def test_a_key_that_is_no_text_can_be_escaped(name: bytes, charset: str) -> None:
    """Each byte of it is there, and different keys stay different."""
    settled = _key(name, "escape", charset)
    escaped = settled.key.removeprefix("p-").replace("__", "_5f").replace("_", "%")
    assert unquote_to_bytes(escaped) == name
    assert not settled.errors


@pytest.mark.parametrize("charset", ["strict", "utf-8"])
@pytest.mark.parametrize(
    ("way", "key", "sent"),
    [
        ("escape", "p-_ac_ed_00_05t_00_01a_2fb", True),
        ("join", "p-____t__a_b", True),
        ("skip", r"p-\xac\xed" + "\x00\x05t\x00\x01a/b", False),
        ("error", r"p-\xac\xed" + "\x00\x05t\x00\x01a/b", False),
    ],
)
def test_ways_of_a_key_that_is_no_text(charset: str, way: str, key: str, sent: bool) -> None:
    """The options decide, whatever the charset; what is told of it is text."""
    settled = _key(_JAVA, way, charset)
    assert (settled.key, settled.value) == (key, b"x" if sent else None)
    assert bool(settled.errors) == (way == "error")
    for text in (settled.key, *(loss.detail for loss in settled.losses)):
        text.encode()


def test_a_key_that_is_no_text_may_be_too_long() -> None:
    """Escaped it grows, and is then refused as any other."""
    (loss,) = _key(b"\xff" * 512, "escape").errors
    assert "has 1538 characters" in loss.detail


@given(st.binary(min_size=1, max_size=20))
def test_names_of_a_key_are_text(name: bytes) -> None:
    """Those under which it may have been sent are looked for in the state."""
    names = names_of(Record(os.fsdecode(name), b"x", 0), Rules(prefix="p-"))
    assert {_key(name, way).key for way in ("escape", "join")} <= names
    for text in names:
        text.encode()
