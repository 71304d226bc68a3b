"""Each mistake in an entry under keys, and the words a person reads for it."""

from pathlib import Path

import pytest

from tests.sources.making import DEEP, HEAD, LONE, SECRET, STRICT, faults

UNQUOTED = "put it in quotes ('…'), or write {json: …} around it"
EMPTY = "the value is empty, and EdgeKV stores no empty value: fill it, or leave it out"
TAG = "a tag (!…) has no meaning here: take it away"
AS_JSON = (
    "but is not written as JSON writes it: "
    "put a string in quotes ('…'); otherwise write true, false, null or a number like 12.5"
)
NESTED = (
    "nested, where a value must be text: to store all of it as one value, as JSON, write {json: …}"
    " around it (a whole file: {file: PATH}); to make a key of each part, write the keys out, or"
    " list the pairs in a file (files:, format: jsonl or csv)"
)
EXACTLY = "an entry has exactly one of value, json, file, env"

KEYS = [
    ("a: no", "5: a value without quotes that YAML reads as a boolean: " + UNQUOTED),
    ("a: 1.0", "5: a value without quotes that YAML reads as a number: " + UNQUOTED),
    ("a: 1e3", "5: a value without quotes that YAML reads as a number: " + UNQUOTED),
    ("a: 12:30", "5: a value without quotes that YAML reads as a number: " + UNQUOTED),
    ("a: 2026-01-01", "5: a value without quotes that YAML reads as a date or time: " + UNQUOTED),
    ("a: ~", "5: a value without quotes that YAML reads as null: " + UNQUOTED),
    ("a: =", "5: a value without quotes that YAML reads as a special character: " + UNQUOTED),
    ("a:", "4: nothing is given here: write the text, or take the field away"),
    ("a: ''", "5: " + EMPTY),
    ("a: {value: ''}", "13: value must be text, and not empty"),
    (
        "a: {value: 5}",
        (
            "13: a value without quotes that YAML reads as a number: put it in quotes "
            "('…') or write json: instead of value:"
        ),
    ),
    (
        "a: {value: [x]}",
        "13: value must be text, and not empty (of a list or mapping: write json: instead of"
        " value:)",
    ),
    ("a: {vlaue: x}", '6: unknown field "vlaue": did you mean value?'),
    (
        f"a: {{value: x, {SECRET}: x}}",
        ("16: unknown field (known: value, json, file, env, encoding, ttl, expires)"),
    ),
    (f"a: {{{SECRET}: x}}", "5: " + NESTED),
    (f"a: {{home: {{title: {SECRET}}}}}", "5: " + NESTED),
    (f"a: {{title: {SECRET}, text: x}}", "5: " + NESTED),
    (f"a: {{title: {SECRET}, ttl: 1h}}", "5: " + NESTED),
    (f"a: {{file: {{open: {SECRET}}}}}", "5: " + NESTED),
    (f"a: {{env: [{SECRET}]}}", "5: " + NESTED),
    (f"a: {{values: [{SECRET}]}}", "5: " + NESTED),
    (f"a: {{1: {SECRET}}}", "5: " + NESTED),
    (f"a: {{[x]: {SECRET}}}", "6: a key must be a string"),
    ("a: []", "5: " + NESTED),
    ("a: [{b: c}]", "5: " + NESTED),
    ("a: {ttl: 1h}", "5: " + EXACTLY),
    ("a: {}", "5: " + EXACTLY),
    ("a: {value: x, env: T}", "5: " + EXACTLY),
    ("a: [x]", "5: " + NESTED),
    ("a: {value: x, encoding: text}", "26: encoding goes with file only: take it away"),
    (f"a: {{file: f, encoding: {SECRET}}}", "25: encoding must be text (valid UTF-8) or base64"),
    ("a: {file: nope}", "12: no such file: check the path"),
    ("a: {file: f/x}", "12: no such file: a part of the path is not a directory"),
    ("a: {file: .}", "12: not a regular file: name a file, or leave it out"),
    (
        "a: {file: binary}",
        "12: not UTF-8 text: leave it out, or set encoding: base64 (folder: --encoding base64)",
    ),
    ("a: {file: empty}", "12: " + EMPTY),
    ("a: {file: big}", "12: the value has 1048577 bytes: EdgeKV takes at most 1048576 (1 MiB)"),
    (
        "a: {file: big, encoding: base64}",
        ("12: the value has 1398104 bytes in base64: EdgeKV takes at most 1048576 (1 MiB)"),
    ),
    ("a: {file: ''}", "12: not a path: it is empty, or has a character that none has"),
    ('a: {file: "a\\0b"}', "12: not a path: it is empty, or has a character that none has"),
    (
        "a: {file: '${NOPE}'}",
        ("12: the environment variable NOPE is not set: set it, or give a default"),
    ),
    ("a: {file: '$HOME'}", "12: " + LONE),
    ("a: {file: '${A'}", "12: " + LONE),
    (
        f"a: {{file: {'x' * 300}}}",
        ("12: the path is too long for this system: shorten it, or leave it out"),
    ),
    ("a: {env: NOPE}", "11: the environment variable NOPE is not set: set it before the run"),
    (
        "a: {env: AKIDsecret123}",
        "11: the environment variable named here is not set: set it before the run",
    ),
    (
        "a: {file: '${AKIDsecret123}'}",
        "12: the environment variable named here is not set: set it, or give a default",
    ),
    ("a: {env: EMPTY}", "11: " + EMPTY),
    ("a: {env: LATIN}", "11: the environment variable LATIN is not UTF-8 text: set it anew"),
    (f"a: {{env: {SECRET}}}", "11: env must be the name of an environment variable"),
    (
        "a: {value: x, ttl: 0}",
        ("21: ttl: a TTL must be greater than 0: write never for a key that stays"),
    ),
    ("a: {value: x, ttl: -5}", "21: ttl: not a duration: write seconds, or 90s, 15m, 1h30m, 7d"),
    (
        "a: {value: x, ttl: 010}",
        ("21: ttl: a number that starts with 0 can be read in two ways: leave the 0 out"),
    ),
    (
        f"a: {{value: x, ttl: {SECRET}}}",
        ("21: ttl: not a duration: write seconds, or 90s, 15m, 1h30m, 7d"),
    ),
    ("a: {value: x, ttl: [1]}", "21: ttl must be never, seconds, or 90s, 15m, 1h30m, 7d"),
    (
        "a: {value: x, expires: 2026-01-01T00:00:00}",
        ("25: expires: a time without a zone: add Z or +08:00"),
    ),
    (
        "a: {value: x, expires: soon}",
        ("25: expires: not a time: write 2026-12-31T23:59:59Z or Unix seconds"),
    ),
    (
        "a: {value: x, expires: 0}",
        ("25: expires: a time before 1970: write a later one, or leave expires out"),
    ),
    (
        "a: {value: x, expires: {}}",
        ("25: expires must be a time with a zone (2026-12-31T23:59:59Z) or Unix seconds"),
    ),
    (
        "a: {value: x, ttl: 1d, expires: 9000000000}",
        ("5: ttl and expires together: keep one of them"),
    ),
    ("5: x", "2: a key without quotes that YAML reads as a number: put it in quotes ('…')"),
    ("yes: x", "2: a key without quotes that YAML reads as a boolean: put it in quotes ('…')"),
    ("[a]: x", "2: a key must be a string"),
    ("a/b: x", f'2: the key "a/b" {STRICT}'),
    ("'': x", '2: the key "" is empty: a key has 1 to 512 characters'),
    (f"{'k' * 513}: x", f'2: the key "{"k" * 60}…" has 513 characters: EdgeKV takes at most 512'),
    ("a: {<<: 5, value: x}", "10: << takes a mapping or a list of mappings"),
    ("a: {json: yes}", "12: a value without quotes that can be read as a boolean, " + AS_JSON),
    ("a: {json: [010]}", "13: a value without quotes that can be read as a number, " + AS_JSON),
    ("a: {json: [0x1F]}", "13: a value without quotes that can be read as a number, " + AS_JSON),
    ("a: {json: [1_000]}", "13: a value without quotes that can be read as a number, " + AS_JSON),
    ("a: {json: [1e3]}", "13: a value without quotes that can be read as a number, " + AS_JSON),
    ("a: {json: [.inf]}", "13: a value without quotes that can be read as a number, " + AS_JSON),
    ("a: {json: [12:30]}", "13: a value without quotes that can be read as a number, " + AS_JSON),
    (
        "a: {json: {b: 2026-01-01}}",
        "16: a value without quotes that can be read as a date or time, " + AS_JSON,
    ),
    ("a: {json: }", "12: a value without quotes that can be read as null, " + AS_JSON),
    (
        "a: {json: {on: 1}}",
        ("13: a key without quotes that YAML reads as a boolean: put it in quotes ('…')"),
    ),
    (
        f"a: {{json: {{{SECRET}: 1, {SECRET}: 2}}}}",
        ("32: a key is given twice: it stands in line 3 already"),
    ),
    (f"a: !{SECRET} x", "5: " + TAG),
    (f"a: !{SECRET} {{}}", "5: " + TAG),
    ("a: !!str 5", "5: " + TAG),
    (f"a: *{SECRET}", "5: an alias without an anchor: write &name before the first *name"),
    ("a: {json: &x [*x]}", "16: an alias inside of what it stands for: write that part out"),
    ("a: {json: " + "[" * 70 + "]" * 70 + "}", "73: " + DEEP),
]


@pytest.mark.parametrize(("line", "fault"), KEYS)
def test_a_mistake_in_an_entry_names_its_place(tmp_path: Path, line: str, fault: str) -> None:
    """One mistake is one message with file, line and column, and no value in it."""
    (tmp_path / "f").write_text("x")
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "big").write_bytes(b"x" * (2**20 + 1))
    environ = {"T": SECRET, "EMPTY": "", "LATIN": "\udce9"}
    found = faults(tmp_path, f"{HEAD}keys:\n {line}\n", environ)
    assert found == [f"m.yaml:3:{fault}"]
    assert SECRET not in str(found)


TTL = "ttl: not a duration: write seconds, or 90s, 15m, 1h30m, 7d"
SEVERAL = [
    (
        "a: {value: x, ttl: 5x, expires: soon}",
        [
            "5: ttl and expires together: keep one of them",
            f"21: {TTL}",
            "34: expires: not a time: write 2026-12-31T23:59:59Z or Unix seconds",
        ],
    ),
    ("a: {env: NOPE, ttl: 5x}", ["11: the environment variable NOPE is not set: set it before the"
     " run", f"22: {TTL}"]),
    ("a: {json: [010], ttl: 5x}", ["13: a value without quotes that can be read as a number, "
     + AS_JSON, f"24: {TTL}"]),
    ("a: {file: nope, ttl: 5x}", ["12: no such file: check the path", f"23: {TTL}"]),
    (
        "a: {file: nope, env: NOPE, value: ''}",
        [
            "5: " + EXACTLY,
            "12: no such file: check the path",
            "23: the environment variable NOPE is not set: set it before the run",
            "36: value must be text, and not empty",
        ],
    ),
    (
        "a: {file: nope, encoding: x}",
        [
            "12: no such file: check the path",
            "28: encoding must be text (valid UTF-8) or base64",
        ],
    ),
    (
        "a: {file: binary, encoding: x}",
        ["30: encoding must be text (valid UTF-8) or base64"],
    ),
    ("a/b: {file: nope}", [f'2: the key "a/b" {STRICT}', "14: no such file: check the path"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), SEVERAL)
def test_every_mistake_of_an_entry_is_told(tmp_path: Path, line: str, expected: list[str]) -> None:
    """What is wrong with one field hides nothing that is wrong with another."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    found = faults(tmp_path, f"{HEAD}keys:\n {line}\n")
    assert found == [f"m.yaml:3:{fault}" for fault in expected]


def test_a_key_whose_value_is_wrong_is_taken_all_the_same(tmp_path: Path) -> None:
    """That a tree names the key too is told at once, not after the value is right."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a").write_text("x")
    text = f"{HEAD}keys: {{a: ''}}\ntrees: [{{path: t}}]\n"
    advice = "rename one, or give one of the two a prefix of its own (folder: --prefix)"
    assert faults(tmp_path, text) == [
        f"m.yaml:2:11: {EMPTY}",
        f't/a: the key "a" is also that of m.yaml:2: {advice}',
    ]
