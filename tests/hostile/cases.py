"""What a case of hostile input is, and what a command makes of it in a process of its own."""

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple, TypeAlias

from tests.nobody import without_coverage

SECONDS = 5.0
"""What a command may take on an idle machine."""
BYTES = 300 << 20
"""Memory that its process may hold at its peak."""

_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
_GIVEN_UP = 30
"""Seconds after which a command is killed."""
_LARGEST_FILE = 256 << 20
"""Bytes of a file that the command may write: what is endless ends there, as on a full disk."""
_MOST_WORDS = 1 << 20
"""Bytes that a command may say."""
_BETWEEN = (sys.executable, "-I", "-S", str(Path(__file__).with_name("between.py")))
_TARGET = ("--zone", "zone-1", "--namespace", "ns")

Feed: TypeAlias = Callable[[IO[bytes]], None]
"""Writes to the command's stdin, for ever perhaps."""


class Case(NamedTuple):
    """Something laid out in an empty folder, and how a command that is called there must end.

    ``words`` are among those that the command says; ``during`` yields once what happens beside
    the command has begun.
    """

    make: Callable[[], object]
    args: tuple[str, ...]
    code: int
    words: str = ""
    feed: Feed | None = None
    during: Callable[[], "Iterator[None]"] | None = None
    target: bool = True


class End(NamedTuple):
    """How a command ended; ``peak`` is in bytes. A code below zero is the signal that killed it."""

    code: int
    words: str
    said: int
    seconds: float
    peak: int


@contextmanager
def workplace() -> Iterator[None]:
    """Work in an empty folder, which is then removed however deep it has become."""
    before = os.getcwd()
    folder = tempfile.mkdtemp(prefix="kvsync-hostile-")
    try:
        os.chdir(folder)
        yield
    finally:
        os.chdir(before)
        # Python's own way recurses, or needs a path for each level.
        subprocess.run(["rm", "-rf", folder], check=True)


def run_case(case: Case) -> End:
    """Lay it out here, and call the command."""
    case.make()
    with case.during() if case.during else _nothing():
        return _run([*case.args, *(_TARGET if case.target else ())], case.feed)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


def _run(args: list[str], feed: Feed | None) -> End:
    environment = {
        **{name: value for name, value in without_coverage().items() if "KVSYNC" not in name},
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "STDIN": "a value",
    }
    begun = time.monotonic()
    with tempfile.TemporaryFile() as words, tempfile.NamedTemporaryFile("r") as peak:
        child = subprocess.Popen(
            [*_BETWEEN, peak.name, sys.executable, "-m", "kvsync", *args],
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            env=environment,
            preexec_fn=_bounded,  # noqa: PLW1509 - no thread of this process is at work yet
        )
        feeding = threading.Thread(target=_feed, args=(child, feed), daemon=True)
        feeding.start()
        impatience = threading.Timer(_GIVEN_UP, child.terminate)
        impatience.start()
        child.wait()
        impatience.cancel()
        feeding.join()
        said = words.seek(0, os.SEEK_END)
        words.seek(0)
        text = words.read(_MOST_WORDS).decode(errors="replace")
        held = int(peak.read()) * _MAXRSS_BYTES
    return End(child.returncode, text, said, time.monotonic() - begun, held)


def _feed(child: subprocess.Popen[bytes], feed: Feed | None) -> None:
    if child.stdin and feed:
        with suppress(OSError), child.stdin:
            feed(child.stdin)


def faults(case: Case, end: End) -> list[str]:
    """What is wrong with how it ended, but for the time that it took."""
    found = []
    if end.code != case.code:
        found.append(f"exit code {end.code} instead of {case.code}")
    if case.words not in end.words:
        found.append(f"does not say {case.words!r}")
    if "Traceback" in end.words or "bug in kvsync" in end.words:
        found.append("an unexpected error")
    if not end.words.replace("\n", "").isprintable():
        found.append("words that a terminal would obey")
    if end.said > _MOST_WORDS:
        found.append(f"{end.said:,} bytes of words")
    if end.peak > BYTES:
        found.append(f"{end.peak >> 20} MiB")
    return found
