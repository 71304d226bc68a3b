"""Who hears of signals."""

import os
import signal
import threading

import pytest

from kvsync.model.signals import heard_by, ignore, undisturbed

NUMBERS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def handlers():
    """What was there before is there after."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_listener_hears(number, handlers):
    """Within, the listener hears of a signal; after, whoever heard before."""
    heard = []
    with heard_by(heard.append):
        os.kill(os.getpid(), number)
    assert heard == [number]
    assert signal.getsignal(number) is handlers[number]


@pytest.mark.parametrize("number", NUMBERS)
def test_undisturbed(number):
    """What must not be left half done goes on."""
    with undisturbed():
        os.kill(os.getpid(), number)


def test_ignored():
    """Ignored signals end nothing any more."""
    ignore()
    for number in NUMBERS:
        os.kill(os.getpid(), number)


def test_outside_the_main_thread(handlers):
    """A library's caller in another thread keeps its handlers, and gets no error."""
    done = []

    def elsewhere() -> None:
        with heard_by(print):
            ignore()
        done.append(True)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert done == [True]
    assert {number: signal.getsignal(number) for number in NUMBERS} == handlers
