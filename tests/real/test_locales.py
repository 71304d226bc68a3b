"""Whatever the locale says, names, arguments and variables are UTF-8: in processes that have it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.watching import held
from tests.nobody import without_coverage
from tests.real.tools import tool

pytestmark = pytest.mark.slow

_LANGUAGES = {"de_DE": "ISO-8859-1", "zh_CN": "GBK"}


class Locale(NamedTuple):
    """What makes a child's locale, and the encoding that it has."""

    variables: dict[str, str]
    encoding: str


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with locales, made as Debian makes them (packages libc-bin and locales)."""
    folder = tmp_path_factory.mktemp("locales")
    for name, encoding in _LANGUAGES.items():
        place = str(folder / f"{name}.{encoding}")
        made = subprocess.run([tool("localedef"), "-i", name, "-f", encoding, place], check=False)
        if made.returncode and not os.environ.get("CI"):
            pytest.skip("localedef needs Debian's package locales; ./scripts/test gets it")
    return folder


@pytest.fixture(params=_LANGUAGES.items(), ids=".".join)
def locale(request: pytest.FixtureRequest, compiled: Path) -> Locale:
    """A locale in which Python would not read names as UTF-8."""
    name = ".".join(request.param)
    return Locale({"LC_ALL": name, "LOCPATH": str(compiled)}, request.param[1])


_FORBIDDEN = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
"""In the locale C Python takes UTF-8, unless somebody forbids it."""


class Child(NamedTuple):
    """What a process left behind."""

    code: int
    out: bytes
    err: bytes


def _python(locale: Locale, *arguments: str, **variables: str) -> Child:
    environ = {name: value for name, value in without_coverage().items() if name != "PYTHONUTF8"}
    found = subprocess.run(
        [sys.executable, *arguments],
        env=environ | locale.variables | variables,
        capture_output=True,
        check=False,
    )
    return Child(found.returncode, found.stdout, found.stderr)


def _kvsync(locale: Locale, *arguments: str, **variables: str) -> Child:
    return _python(locale, "-m", "kvsync", *arguments, **variables)


def test_the_locale_is_another_one(locale):
    """Python itself would read names by the locale here: else these tests say nothing."""
    told = _python(locale, "-c", "import sys; print(sys.getfilesystemencoding(), end='')")
    assert told.out.decode().replace("-", "") == locale.encoding.lower().replace("-", "")


def test_one_folder_read_by_two_people(kvsync, edge, write, locale):
    """The same keys in every locale: the second run has nothing to do, and deletes nothing."""
    for name in ("café.json", "中/文.json", "plain.json"):
        write(f"site/{name}", "{}")
    options = ("sync", "site", "--charset", "utf-8", "--prefix", "ü-", "--delete", "--name", "é中")
    assert kvsync(*options).code == 0
    before = held(edge)
    assert sorted(before) == ["ü-café.json", "ü-plain.json", "ü-中/文.json"]
    again = _kvsync(locale, *options)
    assert b"nothing to do; 3 keys unchanged" in again.out, again
    anew = _kvsync(locale, *options, "--state", "é/other.db")
    assert (anew.code, held(edge)) == (0, before), anew
    assert Path("é/other.db").exists()


@pytest.mark.parametrize("name", ["C", "POSIX"])
@pytest.mark.parametrize("variables", [{}, _FORBIDDEN], ids=["as it is", "forbidden"])
def test_no_locale_at_all(edge, write, name, variables):
    """Of a service or a cron job, which have none, the names are UTF-8 as well."""
    write("site/é中.json", "{}")
    plain = Locale(variables | {"LC_ALL": name}, "")
    done = _kvsync(plain, "sync", "site", "--charset", "utf-8", "--prefix", "ü")
    assert (done.code, sorted(held(edge))) == (0, ["üé中.json"]), done


def test_patterns(edge, write, locale):
    """Patterns from the command line and from an ignore file are UTF-8 as names are."""
    for name in ("é.json", "ü.json", "中.json", "文.json"):
        write(f"site/{name}", "{}")
    write("site/.kvsyncignore", "文*\n")
    done = _kvsync(locale, "sync", "site", "--charset=utf-8", "--exclude=é*", "--only=[中文é]*")
    assert (done.code, sorted(held(edge))) == (0, ["中.json"]), done


def test_put_and_get(edge, locale):
    """Key and value are the bytes that were typed, and come back as they were."""
    assert _kvsync(locale, "put", "ключ中", "é中😀").code == 0
    assert held(edge) == {"ключ中": "é中😀"}
    assert _kvsync(locale, "get", "ключ中").out.decode() == "é中😀"
    found = _kvsync(locale, "get", "ключ中", "--json")
    assert json.loads(found.out)["value"] == "é中😀"


def test_a_manifest(edge, write, locale):
    """Its text is UTF-8, as are the paths in it and the variables that it names."""
    write("été/中.json", "{}")
    write("été/logo", "é")
    write(
        "é.yaml",
        "version: 1\ncharset: utf-8\nnamespace: ${NS}\nkeys: {é: 中, env: {env: GREETING},"
        " file: {file: '${FOLDER}/logo'}}\ntrees: [{path: été, include: ['中*']}]\n",
    )
    variables = {"GREETING": "grüß 中", "FOLDER": "été", "NS": "ns"}
    done = _kvsync(locale, "sync", "é.yaml", **variables)
    assert done.code == 0, done
    assert held(edge) == {"é": "中", "env": "grüß 中", "file": "é", "中.json": "{}"}


def test_what_a_terminal_cannot_show(edge, write, locale):
    """Text is in the terminal's encoding, and escaped where it has no letter; JSON stays JSON."""
    write("é😀/a", "x")
    done = _kvsync(locale, "sync", "é😀", "--json")
    assert json.loads(done.out)["runs"][0]["source"] == "é😀", done
    missing = _kvsync(locale, "sync", "é😀中")
    known = "é😀中".encode(locale.encoding, "backslashreplace")
    assert missing.err.splitlines()[0] == known + b": no such file: check the path"


def test_export(edge, locale):
    """What is written is UTF-8, and read again it is the same."""
    edge.put("zone-1", "ns", "é中", "ü中")
    assert _kvsync(locale, "export", "-o", "ü中").code == 0
    there = _kvsync(locale, "verify", "ü中")
    assert there.code == 0, there
    assert _kvsync(locale, "export", "--format", "jsonl", "-o", "ü.jsonl").code == 0
    assert json.loads(Path("ü.jsonl").read_bytes()) == {"key": "é中", "value": "ü中"}


def test_a_program_of_ones_own(write, locale):
    """Whoever calls kvsync from Python is told how to start that: no key has another name."""
    write("site/é", "x")
    code = "from kvsync.sources import open_source; open_source('site')"
    told = _python(locale, "-c", code)
    assert b"start it with -X utf8" in told.err
    assert _python(locale, "-X", "utf8", "-c", code).code == 0


def test_a_program_that_gives_other_arguments(write, locale):
    """It is not begun again: it would lose them, and do twice what it has done before."""
    write("site/é", "x")
    code = (
        "import sys, kvsync.cli; print(1); sys.argv[1:] = ['validate', 'site']; kvsync.cli.main()"
    )
    told = _python(locale, "-c", code)
    assert told.out == b"1\n"
    assert b"start it with -X utf8" in told.err
