"""Manifests that mean harm."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.hostile.cases import Case
from tests.hostile.laying import Part, Times, laid

_MIB = 1 << 20
_HEAD = "version: 1\n"
_PLAN = ("plan", "m.yaml")
_PROTO = (
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "__class__",
    "__init__",
    "hasOwnProperty",
)


def _text(*parts: Part) -> Callable[[], object]:
    return laid("m.yaml", *parts)


def _lines(
    lines: Callable[[], Iterator[str]], head: str = _HEAD + "keys:\n"
) -> Callable[[], object]:
    def made() -> None:
        with open("m.yaml", "w", encoding="utf-8") as file:
            file.write(head)
            file.writelines(lines())

    return made


def _bomb() -> Iterator[str]:
    yield "  a0: {json: &a0 [x, x, x, x, x, x, x, x, x, x]}\n"
    for level in range(1, 12):
        inner = ", ".join([f"*a{level - 1}"] * 10)
        yield f"  a{level}: {{json: &a{level} [{inner}]}}\n"


def _merge_bomb() -> Iterator[str]:
    yield "  a0: {json: &a0 {k: v}}\n"
    for level in range(1, 25):
        yield f"  a{level}: {{json: &a{level} {{<<: [*a{level - 1}, *a{level - 1}]}}}}\n"


def _merge_wide() -> Iterator[str]:
    many = ", ".join(f"k{n}: v" for n in range(2000))
    yield f"  a: {{json: &a {{{many}}}}}\n"
    for number in range(400):
        yield f"  b{number}: {{json: {{<<: *a}}}}\n"


def _large_aliases() -> Iterator[str]:
    yield f"  a: &a '{'x' * _MIB}'\n"
    for number in range(40):
        yield f"  b{number}: *a\n"


def _many(entry: str, times: int = 1_000_000) -> Callable[[], Iterator[str]]:
    return lambda: (f"  {entry.format(n)}\n" for n in range(times))


def _deep_folder() -> None:
    _text(_HEAD, "trees:\n", Times(b"  - path: ./d\n", 20_000))()
    Path("d").mkdir()
    Path("d/f").write_text("v")


def _out() -> None:
    _text(_HEAD, "trees: [{path: ./t}]\nkeys:\n  a: {file: /dev/zero}\n  b: {file: fifo}\n")()
    Path("t").symlink_to("/etc")


_keys = _HEAD + "keys:\n"
MANIFESTS = {
    "alias bomb": Case(_lines(_bomb), _PLAN, 2, "aliases up to here add too much"),
    "merge bomb": Case(_lines(_merge_bomb), _PLAN, 2),
    "wide merges": Case(_lines(_merge_wide), _PLAN, 2),
    "a large value, 40 times": Case(_lines(_large_aliases), _PLAN, 2, "add too much"),
    "an alias within itself": Case(
        _text(_keys, "  a: {json: &a [*a]}\n"), _PLAN, 2, "alias inside"
    ),
    "a value of 100 MB": Case(
        _text(_keys, "  a: ", Times(b"x", 100_000_000)), _PLAN, 2, "larger than 64"
    ),
    "a value of 60 MiB": Case(
        _text(_keys, "  a: ", Times(b"x", 60 * _MIB)), _PLAN, 2, "at most 1048576"
    ),
    "60 MiB of emoji": Case(
        _text(_keys, "  a: ", Times("😀".encode(), 15 * _MIB)), _PLAN, 2, "at most 1048576"
    ),
    "60 MiB, each escaped": Case(_text(_keys, '  a: "', Times(b"\\0", 30 * _MIB), '"\n'), _PLAN, 2),
    "60 MiB folded": Case(_text(_keys, "  a: >\n", Times(b"    x\n", 10 * _MIB)), _PLAN, 2),
    "60 MiB of comments": Case(_text(_HEAD, Times(b"#\n", 30 * _MIB)), _PLAN, 0),
    "a key of 60 MiB": Case(_text(_keys, "  ? ", Times(b"x", 60 * _MIB), "\n  : v\n"), _PLAN, 2),
    "60 MiB of empty lists": Case(
        _text(_keys, "  a: {json: [", Times(b"[],", 20 * _MIB), "[]]}\n"), _PLAN, 2
    ),
    "60 MiB of commas": Case(
        _text(_keys, "  a: {json: [", Times(b"a,", 30 * _MIB), "a]}\n"), _PLAN, 2
    ),
    "tags": Case(_text(_keys, "  a: !!python/object/apply:os.system [id]\n"), _PLAN, 2, "a tag"),
    "a tag at the top": Case(_text("!!python/name:os.system\n"), _PLAN, 2, "a tag"),
    "depth in brackets": Case(_text(_keys, "  a: {json: ", Times(b"[", _MIB)), _PLAN, 2, "deep"),
    "depth in braces": Case(_text(_keys, "  a: {json: ", Times(b"{a: ", _MIB)), _PLAN, 2, "deep"),
    "depth in lines": Case(
        _text(_keys, "  a:\n   json:\n    ", Times(b"- ", _MIB)), _PLAN, 2, "deep"
    ),
    "depth by question marks": Case(_text(_keys, "  ", Times(b"? ", _MIB)), _PLAN, 2, "deep"),
    "names of other languages": Case(
        _text(
            _keys, *(f"  {name}: v\n" for name in _PROTO), f"  j: {{json: {{{_PROTO[0]}: v}}}}\n"
        ),
        _PLAN,
        0,
        "8 to create",
    ),
    "300,000 keys": Case(_lines(_many("k{}: v", 300_000)), ("validate", "m.yaml"), 0, target=False),
    "a million keys": Case(_lines(_many("k{}: v")), _PLAN, 2, "more than 640,000 keys"),
    "300,000 mistakes": Case(_lines(_many("k{}: no", 300_000)), _PLAN, 2, "299,000 more mistakes"),
    "300,000 bad keys": Case(_lines(_many("'k {}': v", 300_000)), _PLAN, 2, "other characters"),
    "300,000 mistakes as JSON": Case(_lines(_many("k{}: no", 300_000)), (*_PLAN, "--json"), 2),
    "a key 300,000 times": Case(_lines(_many("k: v", 300_000)), _PLAN, 2, "given twice"),
    "300,000 unknown fields": Case(
        _lines(_many("f{}: v", 300_000), _HEAD + "defaults:\n"), _PLAN, 2, "unknown field"
    ),
    "a million documents": Case(_lines(_many("---"), _HEAD), _PLAN, 2),
    "20,000 trees": Case(_deep_folder, _PLAN, 2),
    "files that are none": Case(_out, _PLAN, 2, "not a regular file"),
    "NUL bytes": Case(_text(_keys, b"  a: \0\n"), _PLAN, 2, "save it as UTF-8"),
    "nothing but NUL": Case(_text(Times(b"\0", _MIB)), _PLAN, 2, "save it as UTF-8"),
    "UTF-16": Case(_text((_keys + "  a: v\n").encode("utf-16")), _PLAN, 0),
    "a byte order mark": Case(_text("\ufeff", _keys, "  a: v\n"), _PLAN, 0, "1 to create"),
    "half of UTF-8": Case(_text(_keys, b"  a: \xc3\n"), _PLAN, 2, "save it as UTF-8"),
    "surrogates": Case(_text(_keys, '  a: "\\ud800"\n'), _PLAN, 2),
    "huge numbers": Case(
        _text(
            _keys,
            f"  a: {{value: v, ttl: {'9' * 100_000}}}\n  b: {{json: {'9' * 100_000}}}\n",
            f"  c: {{value: v, expires: {'9' * 100_000}}}\n  d: {{json: 1e{'9' * 100}}}\n",
        ),
        _PLAN,
        2,
    ),
    "scalars for slow patterns": Case(
        _text(
            _keys,
            *(
                f"  k{n}: {{json: {c * _MIB}x}}\n"
                for n, c in enumerate(("1", "1_", "1:", ".", "-", "+", " ", "0"))
            ),
        ),
        _PLAN,
        2,
    ),
    "gzip": Case(_text(b"\x1f\x8b\x08\0\0\0\0\0\0\3" + b"x" * 1000), _PLAN, 2),
    "variables": Case(
        _text("version: 1\nzone: '", Times(b"${A:-", 200_000), "'\n"),
        ("plan", "m.yaml"),
        2,
        target=False,
    ),
}
