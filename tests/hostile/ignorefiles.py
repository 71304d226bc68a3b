"""Ignore files that mean harm, and files for their patterns to be tried on."""

from collections.abc import Callable
from pathlib import Path

from tests.hostile.cases import Case


def _ignoring(
    patterns: str, files: int = 200, name: str = "a" * 200, times: int = 1
) -> Callable[[], object]:
    def made() -> None:
        Path("t").mkdir()
        with open("t/.kvsyncignore", "w", encoding="latin-1") as file:
            file.writelines(patterns for _ in range(times))
        for number in range(files):
            Path(f"t/{name}{number}").write_text("v")

    return made


def _deep_name() -> None:
    _ignoring("**/" + "a/**/" * 20 + "b\n", 0)()
    Path("t/" + "a/" * 100).mkdir(parents=True)
    Path("t/" + "a/" * 100 + "f").write_text("v")


_PLAN = ("plan", "t")

IGNORE_FILES = {
    "stars": Case(_ignoring("*a" * 20 + "b\n"), _PLAN, 0),
    "stars and question marks": Case(_ignoring("*?" * 20 + "b\n"), _PLAN, 0),
    "many stars": Case(_ignoring("a*" * 2000 + "b\n"), _PLAN, 0),
    "double stars": Case(_deep_name, _PLAN, 0),
    "brackets": Case(
        _ignoring("[" * 10_000 + "\n" + "[a-z]*" * 20 + "!\n"), _PLAN, 2, "not a pattern"
    ),
    "60,000 patterns": Case(_ignoring("*xyz*\n" * 60_000, 500, "f"), _PLAN, 2, "more than"),
    "10,000 patterns": Case(_ignoring("*x*y*z*\n" * 10_000, 200, "f"), _PLAN, 0),
    "half a million patterns": Case(_ignoring("x\n" * 500_000, 5), _PLAN, 2, "more than 10,000"),
    "a pattern of 1 MiB": Case(_ignoring("x" * ((1 << 20) - 1)), _PLAN, 2, "not a pattern"),
    "200 MiB": Case(_ignoring("x\n" * 1000, times=100_000), _PLAN, 2, "over 1 MiB"),
    "noise": Case(_ignoring("".join(map(chr, range(256))) * 100), _PLAN, 0),
}
