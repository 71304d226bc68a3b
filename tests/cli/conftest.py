"""The front door: command lines run in this process, against an emulator."""

import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kvsync.cli import run
from tests.cli.copying import Sides
from tests.cli.hourglass import Hourglass, hourglass

__all__ = ["Result"]


class Result(NamedTuple):
    """What a command line left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def errors(self) -> list[str]:
        """The lines on stderr."""
        return self.err.splitlines()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home without credentials, no variable of ours, and an empty folder to work in."""
    for name in os.environ:
        if name.startswith(("KVSYNC_", "TENCENTCLOUD_", "TKE_", "TCCLI_")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    # A busy machine is no defect.
    monkeypatch.setattr("kvsync.edgekv.endpoint._PATIENCE_S", 10.0)
    return work


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A pair in the environment."""
    pair = ("AKIDtest", "secret-of-the-test")
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", pair[0])
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", pair[1])
    return pair


@pytest.fixture
def kvsync(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs a command line."""

    def call(*args: str) -> Result:
        code = run(args)
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def edge(emulator, credentials, monkeypatch: pytest.MonkeyPatch):
    """The emulator, with a zone, a namespace and an unbounded rate to go there by default."""
    monkeypatch.setenv("KVSYNC_ENDPOINT", emulator.url)
    monkeypatch.setenv("KVSYNC_ZONE", "zone-1")
    monkeypatch.setenv("KVSYNC_NAMESPACE", "ns")
    monkeypatch.setenv("KVSYNC_RATE", "100000")
    return emulator


class _Answering(io.StringIO):
    """Somebody who does something before saying yes."""

    def __init__(self, does: Callable[[], object]) -> None:
        super().__init__()
        self._does = does

    def readline(self, *_: object) -> str:
        self._does()
        return "y\n"


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Lets something happen between the plan and the push of a sync with -i."""
    return lambda does: monkeypatch.setattr("sys.stdin", _Answering(does))


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | bytes], None]:
    """Puts bytes on stdin."""

    def put(content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))

    return put


@pytest.fixture
def sides(serve_emulator, clean_environment: Path) -> Sides:
    """Two services to copy between, each with a profile of its own."""
    return Sides.serve(serve_emulator, clean_environment.parent / "home")


@pytest.fixture
def write(clean_environment: Path) -> Callable[..., Path]:
    """Writes a file in the working folder; text or bytes."""

    def written(name: str, content: str | bytes) -> Path:
        path = clean_environment / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return written


@pytest.fixture
def manifest(write) -> Callable[[str], Path]:
    """Writes m.yaml: version 1, and what is given."""
    return lambda text: write("m.yaml", f"version: 1\n{text}")


@pytest.fixture
def glass() -> Iterator[Hourglass]:
    """An hour that passes when it is asked for."""
    with hourglass() as glass:
        yield glass


@pytest.fixture
def numbered(write: Callable[..., Path]) -> Callable[[str, int], str]:
    """Writes a manifest with so many keys, named after it."""

    def written(name: str, count: int) -> str:
        keys = ", ".join(f"{name}{n}: v" for n in range(count))
        write(f"{name}.yaml", f"version: 1\nkeys: {{{keys}}}\n")
        return f"{name}.yaml"

    return written
