"""A Python that reads names by its locale becomes one that reads them as UTF-8, or says so."""

import os
import sys
from collections.abc import Iterator

import pytest

from kvsync.model.errors import UsageError
from kvsync.model.utf8 import is_text, require_utf8, restart_in_utf8


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[bytes]]]:
    """As if the locale were Latin-1; what would have been started, and nothing is."""
    started: list[list[bytes]] = []
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "kvsync", "put", "k", "caf\udce9"])
    monkeypatch.setattr(sys, "argv", ["kvsync", "put", "k", "caf\udce9"])
    monkeypatch.setattr(os, "execv", lambda _, arguments: started.append(arguments))
    monkeypatch.setenv("PYTHONIOENCODING", "")
    return started


def test_it_starts_anew(started, monkeypatch):
    """With the same arguments, byte by byte, and the terminal's encoding for what it writes."""
    monkeypatch.setattr(sys, "stdout", open(os.devnull, "w", encoding="gbk"))  # noqa: SIM115
    restart_in_utf8()
    sys.stdout.close()
    assert started == [[b"python", b"-X", b"utf8", b"-m", b"kvsync", b"put", b"k", b"caf\xe9"]]
    assert os.environ["PYTHONIOENCODING"] == "gbk"


def test_it_starts_anew_once(started, monkeypatch):
    """Where that did not help, it goes on as it is."""
    monkeypatch.setattr(sys, "_xoptions", {"utf8": True})
    restart_in_utf8()
    assert not started
    with pytest.raises(UsageError, match=r"iso8859-1.*start it with -X utf8"):
        require_utf8()


def test_other_arguments_than_those_it_was_started_with(started, monkeypatch):
    """A program that has set them itself is not begun again."""
    monkeypatch.setattr(sys, "argv", ["kvsync", "put", "k", "v"])
    restart_in_utf8()
    assert not started


def test_a_system_that_refuses(started, monkeypatch):
    """Then it goes on: not everything that kvsync does has to do with names."""

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "execv", refuse)
    restart_in_utf8()


def test_utf8_is_left_alone(started, monkeypatch):
    """Most locales are UTF-8: nothing is started, and nothing refused."""
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "utf-8")
    restart_in_utf8()
    require_utf8()
    assert not started


def test_the_command_does_so_first(started, monkeypatch):
    """Before it loads anything that it would have to load once more."""
    from kvsync.__main__ import main

    monkeypatch.setattr("kvsync.cli.main", lambda: started.append([b"and then"]))
    main()
    assert [arguments[-1] for arguments in started] == [b"caf\xe9", b"and then"]


def test_what_is_text():
    """Bytes that are not UTF-8 come from outside as lone surrogates."""
    assert is_text("é中😀")
    assert not is_text(os.fsdecode(b"caf\xe9"))
