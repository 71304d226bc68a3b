"""A state that the disk has spoiled: an error that says what to do, and never a false unchanged."""

import random

import pytest

from kvsync.state.sqlite import State
from tests.cli.spoiling import LOOKS, STATE, altered, noise, truncate
from tests.cli.watching import counted, held
from tests.effort import examples

COUNT = 300
KEYS = "keys: {" + ", ".join(f"key-{n}: {{value: v, ttl: 1h}}" for n in range(COUNT)) + "}\n"


@pytest.fixture
def sound(kvsync, edge, manifest) -> bytes:
    """A state of several pages, in which every key is in doubt: whatever is called unchanged would
    be a lie. Returns the file's content."""
    manifest("keys: {key-0: {value: v, ttl: 1h}}\n")
    assert kvsync("sync", "m.yaml").code == 0
    with State.write(str(STATE.resolve())) as state:
        (target,) = state.targets()
        (row,) = state.rows(target).values()
        rows = [row._replace(key=f"key-{n}", in_doubt=True) for n in range(COUNT)]
        state.correct(target, rows, [])
    manifest(KEYS)
    return STATE.read_bytes()


def looked_at(kvsync) -> set[int]:
    """The exit codes of all that looks at the state; nothing may be called unchanged."""
    codes = set()
    for command in LOOKS:
        result = kvsync(*command)
        assert result.code in (0, 4), (command, result)
        assert "Traceback" not in result.err
        if command[0] == "plan" and result.code == 0:
            assert result.json["runs"][0]["summary"]["unchanged"] == 0
        codes.add(result.code)
    return codes


@pytest.mark.slow
def test_bits(kvsync, edge, sound):
    """Single bits that flip, anywhere in the file, make no key unchanged."""
    chance = random.Random(1)
    for _ in range(examples(50)):
        spoiled = bytearray(sound)
        spoiled[chance.randrange(len(sound))] ^= 1 << chance.randrange(8)
        STATE.write_bytes(spoiled)
        looked_at(kvsync)
        assert STATE.read_bytes() == spoiled


@pytest.mark.slow
@pytest.mark.parametrize("length", [2, 16, 512, 4096])
def test_noise_anywhere(kvsync, edge, sound, length):
    """Noise of any length, anywhere in the file, makes no key unchanged."""
    chance = random.Random(length)
    for _ in range(examples(15)):
        STATE.write_bytes(sound)
        noise(chance.randrange(len(sound) - length), length)
        looked_at(kvsync)


@pytest.mark.slow
def test_each_page(kvsync, edge, sound):
    """Of every page that is noise, or zeros, a sync says what is wrong and how to repair it; it
    sends nothing, and leaves the file as it is."""
    for start in range(0, len(sound), 4096):
        for spoil in (noise, zeros):
            STATE.write_bytes(sound)
            spoil(start, 4096)
            before = STATE.read_bytes()
            assert looked_at(kvsync) == {4}
            with counted(edge) as seen:
                result = kvsync("sync", "m.yaml")
            assert (result.code, result.out, seen) == (4, "", {})
            assert len(result.errors) == 1
            assert "Repair it with `kvsync state rebuild SOURCE`" in result.err
            assert STATE.read_bytes() == before


def zeros(start: int, length: int) -> None:
    """Overwrite these bytes with zeros."""
    spoiled = bytearray(STATE.read_bytes())
    spoiled[start : start + length] = bytes(length)
    STATE.write_bytes(spoiled)


def lengths(whole: int) -> list[int]:
    """Where a file may end too early."""
    few = [2, 15, 16, 17, 24, 50, 99, 100, 101, 511, 512, 513, 1000, 4095]
    return [*few, *range(4096, whole, 4096), whole // 2 + 7, whole - 1]


@pytest.mark.slow
def test_truncated(kvsync, edge, sound):
    """A state that ends too early is told as such, wherever it ends, and left as it is."""
    for length in lengths(len(sound)):
        STATE.write_bytes(sound)
        truncate(length)
        assert looked_at(kvsync) == {4}, length
        with counted(edge) as seen:
            result = kvsync("sync", "m.yaml")
        assert (result.code, result.out, seen) == (4, "", {}), length
        assert STATE.stat().st_size == length


@pytest.mark.slow
@pytest.mark.parametrize("length", [0, 1])
def test_empty(kvsync, edge, sound, length):
    """A state of no bytes, or of one, as SQLite has it, knows nothing: all is sent once more."""
    truncate(length)
    assert looked_at(kvsync) == {0}
    assert f"{COUNT} created;" in kvsync("sync", "m.yaml").out
    assert kvsync("state", "check", "m.yaml").code == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE entry SET in_doubt = 0",
        "UPDATE entry SET runs_out = 1e12",
        "UPDATE entry SET owner = 'x.yaml'",
        "UPDATE entry SET key = 'new' WHERE key = 'key-7'",
        "UPDATE entry SET ttl = 'noon'",
        "UPDATE entry SET origin = x'00'",
        "UPDATE target SET namespace = 'other'",
    ],
)
def test_each_column(kvsync, edge, manifest, sound, sql):
    """Whatever is changed in the rows, no key is unchanged on the word of it, and none deleted."""
    altered(sql)
    manifest("namespace: ns\n" + KEYS)
    assert 4 in looked_at(kvsync)
    manifest("")
    before = held(edge)
    assert kvsync("sync", "m.yaml", "--delete", "--max-delete", "100%").code in (0, 4)
    assert held(edge) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sql", "command"),
    [
        ("UPDATE run SET counts = 'noise'", ["plan", "m.yaml"]),
        ("UPDATE run SET started = 'noise'", ["state", "list", "m.yaml"]),
        ("UPDATE run SET exit_code = x'00'", ["plan", "m.yaml"]),
        ("UPDATE target SET clock_offset = 'noise'", ["plan", "m.yaml"]),
        ("UPDATE target SET clock_offset = 9e999", ["sync", "m.yaml"]),
        ("UPDATE target SET zone = x'00'", ["state", "show", "m.yaml"]),
        ("INSERT INTO recent VALUES (1, 'key-1', 'noise')", ["sync", "m.yaml", "--refresh"]),
        ("UPDATE entry SET owner = CAST(x'ff' AS TEXT)", ["sync", "m.yaml"]),
        ("DROP TABLE run", ["plan", "m.yaml"]),
        ("DROP TABLE entry", ["sync", "m.yaml"]),
    ],
)
def test_beside_the_rows(kvsync, edge, sound, sql, command):
    """What else the file holds is not believed blindly either."""
    altered(sql)
    result = kvsync(*command)
    assert (result.code, len(result.errors)) == (4, 1)
    assert "Repair it with `kvsync state rebuild SOURCE`" in result.err
    assert kvsync("state", "check", "m.yaml").code in (0, 4)


@pytest.mark.slow
def test_many_rows(kvsync, edge, sound, monkeypatch):
    """Rows that are too many for memory are checked when they are read, one by one."""
    monkeypatch.setattr("kvsync.state.sqlite.reading._MANY", 10)
    assert looked_at(kvsync) == {0}
    for sql in ("UPDATE entry SET in_doubt = 0 WHERE key = 'key-99'",
                "UPDATE entry SET owner = CAST(x'ff' AS TEXT) WHERE key = 'key-98'"):  # fmt: skip
        STATE.write_bytes(sound)
        altered(sql)
        assert kvsync("plan", "m.yaml").code == 4
        assert kvsync("state", "show", "m.yaml").code == 4
