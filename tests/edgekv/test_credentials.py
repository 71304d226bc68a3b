"""How long credentials are kept, and who waits for them."""

import asyncio
import threading

import pytest

from kvsync.edgekv.credentials import Credential, Credentials, StaticCredentials
from kvsync.model.errors import FatalError


async def test_static_credentials_stay() -> None:
    """A library user's own key pair is handed out as it is."""
    assert await StaticCredentials("i", "k", "t").get() == Credential("i", "k", "t")


class Source:
    """Finds what it was given, one after the other, and counts how often it was asked."""

    def __init__(self, *results: Credential | Exception) -> None:
        self.results = list(results)
        self.asked = 0
        self.now = 1000.0
        self.threads: set[threading.Thread] = set()

    def find(self) -> Credential:
        self.asked += 1
        self.threads.add(threading.current_thread())
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    def clock(self) -> float:
        return self.now


def temporary(expires: float) -> Credential:
    """A credential that ends."""
    return Credential("i", "k", "t", expires)


async def test_permanent_credentials_are_found_once() -> None:
    """A pair that does not end is looked for once, off the event loop, in a daemon thread."""
    source = Source(Credential("i", "k"))
    credentials = Credentials(source.find, clock=source.clock)
    assert await credentials.get() is await credentials.get()
    assert source.asked == 1
    assert all(thread.daemon for thread in source.threads)
    assert threading.current_thread() not in source.threads


async def test_concurrent_callers_wait_for_one_look_up() -> None:
    """Sixty-four workers that start at once cause one look-up."""
    source = Source(Credential("i", "k"))
    credentials = Credentials(source.find, clock=source.clock)
    results = await asyncio.gather(*(credentials.get() for _ in range(64)))
    assert len(set(results)) == 1
    assert source.asked == 1


@pytest.mark.parametrize(("lifetime", "margin"), [(7200, 600), (1000, 250)])
async def test_temporary_credentials_are_refreshed_in_time(lifetime: int, margin: int) -> None:
    """They are renewed 10 minutes before their end, or a quarter of their life if that is less."""
    old, new = temporary(1000 + lifetime), temporary(90_000)
    source = Source(old, new)
    credentials = Credentials(source.find, clock=source.clock)
    assert await credentials.get() == old
    source.now = 1000 + lifetime - margin - 1
    assert await credentials.get() == old
    source.now += 1
    assert await credentials.get() == new


async def test_a_failed_refresh_keeps_what_still_holds(caplog: pytest.LogCaptureFixture) -> None:
    """While the old credentials are valid, a failed refresh is a warning, and is tried again."""
    error = FatalError("BadCredentials", "no answer")
    source = Source(temporary(2000), error, temporary(9000))
    credentials = Credentials(source.find, clock=source.clock)
    await credentials.get()
    source.now = 1900
    assert await credentials.get() == temporary(2000)
    assert await credentials.get() == temporary(2000)
    assert source.asked == 2
    assert "could not be refreshed yet: no answer" in caplog.text
    source.now = 1930
    assert await credentials.get() == temporary(9000)


async def test_expired_credentials_are_fatal() -> None:
    """Past their end a failed refresh is fatal, and so are new ones that have ended, too."""
    error = FatalError("BadCredentials", "no answer")
    source = Source(temporary(2000), error, temporary(2500))
    credentials = Credentials(source.find, clock=source.clock)
    await credentials.get()
    source.now = 3000
    with pytest.raises(FatalError, match="no answer"):
        await credentials.get()
    with pytest.raises(FatalError, match="have expired: log in again"):
        await credentials.get()


async def test_a_file_that_nobody_renews_is_not_read_for_every_request() -> None:
    """Close to the end of credentials that stay the same, there is one look-up per second."""
    source = Source(*[temporary(2000)] * 5)
    credentials = Credentials(source.find, clock=source.clock)
    source.now = 1999
    for _ in range(5):
        await credentials.get()
    assert source.asked == 1


async def test_a_cancelled_caller_does_not_stop_the_look_up() -> None:
    """If the caller that looks is cancelled, the next one gets the credentials."""
    go = threading.Event()
    source = Source(Credential("i", "k"), Credential("i", "k"))

    def find() -> Credential:
        go.wait(5)
        return source.find()

    credentials = Credentials(find, clock=source.clock)
    first = asyncio.create_task(credentials.get())
    await asyncio.sleep(0)
    second = asyncio.create_task(credentials.get())
    await asyncio.sleep(0)
    first.cancel()
    go.set()
    assert await second == Credential("i", "k")
    assert first.cancelled()


def test_a_hanging_look_up_does_not_delay_exit() -> None:
    """A loop that is closed meanwhile is left alone by the thread that comes back."""
    go = threading.Event()

    def find() -> Credential:
        go.wait(5)
        return Credential("i", "k")

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Credentials(find).get(), 0.01)

    asyncio.run(give_up())
    workers = [thread for thread in threading.enumerate() if thread.name == "kvsync-credentials"]
    assert len(workers) == 1
    go.set()
    workers[0].join(5)
    assert not workers[0].is_alive()
