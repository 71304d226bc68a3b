"""What all tests share."""

import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib import import_module
from pkgutil import walk_packages

import pytest
from hypothesis import is_hypothesis_test, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

import kvsync
from tests.effort import EFFORT, examples
from tests.nobody import shared, without_coverage
from tests.servers import emulator, serve_emulator

__all__ = ["emulator", "serve_emulator", "shared"]

# A busy machine is no defect. CI tries the same examples every time; developers try new ones.
settings.register_profile("everywhere", deadline=None, max_examples=examples(100))
settings.register_profile("ci", parent=settings.get_profile("everywhere"), derandomize=True)
# Who tries many also wants to know of one that takes for ever, and not what was found last time.
settings.register_profile("long", deadline=10_000, max_examples=examples(100), database=None)
_profile = "ci" if os.environ.get("CI") else "everywhere"
settings.load_profile("long" if EFFORT > 1 else _profile)

_STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"}
_started: list[str] = []
_SHARING = ("tests/real/", "tests/hostile/test_bounds.py", "tests/sources/test_patterns.py")
"""Files in which the first test to need it makes what takes seconds."""


def _note_start(event: str, arguments: tuple[object, ...]) -> None:
    if event in _STARTS:
        _started.append(f"{event} {arguments[:1]}")


sys.addaudithook(_note_start)


def pytest_configure(config: pytest.Config) -> None:
    """Children of tests are not measured: they cost most of the time and cover nothing else."""
    if hasattr(config, "workerinput"):
        for name in set(os.environ) - set(without_coverage()):
            del os.environ[name]
        # What an unmeasured test is the first to import would seem to be never run.
        for module in walk_packages(kvsync.__path__, "kvsync."):
            if module.name != "kvsync.__main__":
                import_module(module.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """What is slow, tried a hundred times or a command's further variant covers hardly more."""
    variant = getattr(item, "callspec", None)
    if (
        item.get_closest_marker("slow")
        or is_hypothesis_test(getattr(item, "obj", None))
        or (item.nodeid.startswith("tests/cli/") and variant and any(variant.indices.values()))
    ):
        with _unmeasured():
            return (yield)
    return (yield)


class _Scheduling(LoadScopeScheduling):
    """Any process takes the next test, but for files whose tests share a server or a dump."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return file if file.startswith(_SHARING) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Scheduling:
    """Called by the process that hands the tests out; pytest 9.2 does not heed xdist_group."""
    return _Scheduling(config, log)


@contextmanager
def _unmeasured() -> Iterator[None]:
    """Suspend the measuring of coverage, which takes as long again as the code that it measures."""
    coverage = sys.modules.get("coverage")
    measuring = coverage and coverage.Coverage.current()
    if not measuring:
        yield
        return
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()


@pytest.fixture(autouse=True)
def _starts_no_process(request: pytest.FixtureRequest) -> Iterator[None]:
    """What starts a process is slow, and must say so: the quick loop goes without it."""
    _started.clear()
    yield
    if _started and not request.node.get_closest_marker("slow"):
        pytest.fail(f"starts a process ({_started[0]}): mark it with pytest.mark.slow")
