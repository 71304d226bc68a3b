"""Credentials: their providers, and the chain that the ecosystem's tools look through.

What the places hold is read in `kvsync.edgekv.places`; here it is cached, kept fresh and shared.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from kvsync.edgekv.endpoint import INTL
from kvsync.edgekv.places import Credential, Places, check_profile
from kvsync.model.errors import FatalError

_MARGIN = 600.0
"""Seconds before the end at which temporary credentials are fetched anew."""
_RETRY_PAUSE = 30.0
"""Seconds until a refresh that failed is tried again, while the old credentials still hold."""

_log = logging.getLogger("kvsync.edgekv")


class CredentialProvider(Protocol):
    """Hands out the credential to sign with; called before every request."""

    async def get(self) -> Credential:
        """Return a credential that is valid now. Raises `FatalError` if there is none."""


class StaticCredentials:
    """A key pair that does not change."""

    def __init__(self, secret_id: str, secret_key: str, token: str = "") -> None:
        self._credential = Credential(secret_id, secret_key, token)

    async def get(self) -> Credential:
        """Return the pair."""
        return self._credential


class Credentials:
    """Caches what ``find`` found, and finds it anew in time.

    ``find`` may block: it is called in a thread that cannot keep the process from ending. It is
    called again 10 minutes before the credential expires, or a quarter of its remaining lifetime
    if that is less. Concurrent callers wait for one call.
    """

    def __init__(
        self, find: Callable[[], Credential], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._find = find
        self._clock = clock
        self._found: Credential | None = None
        self._due = 0.0
        self._lock = asyncio.Lock()

    async def get(self) -> Credential:
        """Return a credential that is valid now.

        Raises `FatalError` if no place has one, or if the one that was found has expired and
        there is no other.
        """
        if self._found is not None and self._clock() < self._due:
            return self._found
        async with self._lock:
            if self._found is None or self._clock() >= self._due:
                self._found = await self._refreshed(self._found)
        return self._found

    async def _refreshed(self, old: Credential | None) -> Credential:
        try:
            found = await _in_thread(self._find)
        except FatalError as error:
            if old is None or self._clock() >= old.expires:
                raise
            _log.warning("the credentials could not be refreshed yet: %s", error.message)
            self._due = min(old.expires, self._clock() + _RETRY_PAUSE)
            return old
        now = self._clock()
        if found.expires <= now:
            raise FatalError(
                "ExpiredCredentials",
                "the temporary credentials have expired: log in again (tccli auth login), "
                "or set new ones",
            )
        left = found.expires - now
        # The floor of a second: a file that no one renews is not read for every request.
        self._due = max(found.expires - min(_MARGIN, left / 4), now + 1)
        return found


def default_credentials(
    profile: str = "",
    *,
    environ: Mapping[str, str] | None = None,
    home: str | None = None,
    endpoint: str = INTL,
) -> Credentials:
    """Return the credentials that the vendor's tools would use; looked for when first asked for.

    With a profile: ``~/.tccli/<profile>.credential`` and nothing else. Without: the environment
    (``TENCENTCLOUD_SECRET_ID``, ``…_SECRET_KEY``, ``TENCENTCLOUD_TOKEN``), the profile that
    ``TCCLI_PROFILE`` names, the section ``default`` of ``~/.tencentcloud/credentials``,
    ``~/.tccli/default.credential``, the TKE OIDC role, the CVM instance role. A role that is named
    beside a pair (``role-arn``, ``role-session-name``) or, without a profile, in the environment
    (``TENCENTCLOUD_ROLE_ARN``, ``…_ROLE_SESSION_NAME``) signs in its place, assumed at the STS of
    the ``endpoint``'s site or the one in ``~/.tccli/<profile>.configure``. Raises `UsageError` for
    a profile that is a path.
    """
    if profile:
        check_profile(profile)
    places = Places(
        environ=os.environ if environ is None else environ,
        home=os.path.expanduser("~") if home is None else home,
        endpoint=endpoint,
    )
    return Credentials(lambda: places.find(profile))


async def _in_thread(find: Callable[[], Credential]) -> Credential:
    """Like `asyncio.to_thread`, but in a daemon thread: asyncio waits for its own at exit."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Credential] = loop.create_future()

    def settle(result: Credential | Exception) -> None:
        if done.done():
            return
        if isinstance(result, Exception):
            done.set_exception(result)
        else:
            done.set_result(result)

    def work() -> None:
        result: Credential | Exception
        try:
            result = find()
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            result = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=work, name="kvsync-credentials", daemon=True).start()
    return await done
