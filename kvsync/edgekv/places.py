"""The places where credentials lie: environment, files of the vendor's tools, cloud roles.

The files are read here, since the vendor's readers drop the session token. The vendor's package
does the roles; its failures (a bare `OSError`, swallowed exceptions, no time-out) become
`FatalError`. No message repeats what a file, a variable or one of its exceptions holds.
"""

import configparser
import json
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kvsync.edgekv.endpoint import INTL
from kvsync.edgekv.roles import Base, Role, assumed, pod_role, role_of, sts_of
from kvsync.edgekv.secretfile import bad_place as _bad
from kvsync.edgekv.secretfile import text_of, warn_if_open
from kvsync.model.errors import FatalError, UsageError

CVM_SECONDS = 2.0
"""How long the instance's metadata service may take: off the cloud no one answers."""

_ID = "TENCENTCLOUD_SECRET_ID"
_KEY = "TENCENTCLOUD_SECRET_KEY"
_TOKEN = "TENCENTCLOUD_TOKEN"  # noqa: S105 - a variable's name
_ROLE = ("TENCENTCLOUD_ROLE_ARN", "TENCENTCLOUD_ROLE_SESSION_NAME")
_TCCLI_PROFILE = "TCCLI_PROFILE"
_TKE = ("TKE_REGION", "TKE_PROVIDER_ID", "TKE_WEB_IDENTITY_TOKEN_FILE", "TKE_ROLE_ARN")

_PROFILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", re.ASCII)
_SENDABLE = re.compile(r"[!-~]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Credential:
    """A key pair. ``expires`` is in Unix seconds, infinite for a permanent one."""

    secret_id: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)
    expires: float = float("inf")

    def __post_init__(self) -> None:
        for text in (self.secret_id, self.secret_key, self.token or "-"):
            if not _SENDABLE.fullmatch(text):
                raise ValueError("a credential consists of visible ASCII characters")


def check_profile(profile: str) -> None:
    """Raise `UsageError` if a profile's name is not fit to be a file's name."""
    if not _PROFILE.fullmatch(profile):
        raise UsageError(
            "profile: a name, not a path: the NAME of ~/.tccli/NAME.credential "
            "(letters, digits, '.', '-' and '_')"
        )


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look. ``home`` is a directory, ``environ`` as in `os.environ`; ``endpoint`` is where
    the credential will be used.
    """

    environ: Mapping[str, str] = field(repr=False)
    home: str
    endpoint: str = INTL

    def find(self, profile: str = "") -> Credential:
        """Return the first credential, in the order of `default_credentials`; blocks.

        Where a role is named, it is the role's: the pair beside it never signs in its place. Raises
        `FatalError` with code ``NoCredentials`` if no place has one, ``BadCredentials`` if a place
        has half of one, cannot be read, or has a role that gives none.
        """
        if profile:
            return self._tccli(profile) or self._no_profile(profile)
        role = role_of("environment", *((name, self.environ.get(name)) for name in _ROLE))
        found = self._named(role)
        if role and not found:
            raise _bad(f"{_ROLE[0]} is set, but no key pair is there that could assume the role")
        return found or self._tke() or _cvm() or self._nothing()

    def _named(self, role: Role | None) -> Credential | None:
        """Return the credential that someone has laid down, as the ``role`` of the environment if
        any.
        """
        if pair := self._environment():
            return self._acting(pair, "environment", role)
        if profile := self.environ.get(_TCCLI_PROFILE, "").strip():
            if not _PROFILE.fullmatch(profile):
                raise _bad(f"{_TCCLI_PROFILE}: a name, not a path")
            return self._tccli(profile, role) or self._no_profile(profile)
        return self._profile_file(role) or self._tccli("default", role)

    def _acting(
        self, pair: Credential | None, place: str, role: Role | None, profile: str = ""
    ) -> Credential | None:
        """Return the pair, or what the role signs with that it takes on."""
        if not (pair and role):
            return pair
        base = Base(place, pair.secret_id, pair.secret_key, pair.token)
        *texts, ends = assumed(base, role, self._sts(profile))
        return _credential(f"{place}: the role", texts, ends)

    def _sts(self, profile: str = "") -> str:
        """Return the STS that tccli would ask for this profile, as a host."""
        profile = profile or self.environ.get(_TCCLI_PROFILE, "").strip() or "default"
        path = Path(self.home, ".tccli", f"{profile}.configure")
        try:
            host = json.loads(text_of(path) or "{}")["sts"]["endpoint"]
        except (ValueError, LookupError, TypeError, RecursionError):
            host = ""
        return host if host and isinstance(host, str) else sts_of(self.endpoint)

    def _environment(self) -> Credential | None:
        return _pair(
            "environment",
            (_ID, self.environ.get(_ID)),
            (_KEY, self.environ.get(_KEY)),
            self.environ.get(_TOKEN),
        )

    def _profile_file(self, role: Role | None) -> Credential | None:
        path = Path(self.home, ".tencentcloud", "credentials")
        text = text_of(path)
        if text is None:
            return None
        # A secret may hold a percent sign, and a message of the parser holds the line.
        parser = configparser.ConfigParser(interpolation=None, default_section="")
        try:
            parser.read_string(text)
        except configparser.Error:
            raise _bad(f"{path} is not an INI file with a section [default]") from None
        if not parser.has_section("default"):
            return None
        section = {name: value.strip("\"' ") for name, value in parser.items("default")}
        names = ("role_arn", "role_session_name")
        own = role_of(str(path), *((name, section.get(name)) for name in names))
        pair = _pair(
            str(path),
            ("secret_id", section.get("secret_id")),
            ("secret_key", section.get("secret_key")),
            section.get("token"),
        )
        _check_base(pair, str(path), own)
        if pair:
            warn_if_open(path)
        return self._acting(pair, str(path), role or own)

    def _tccli(self, profile: str, role: Role | None = None) -> Credential | None:
        """Return what tccli's profile signs with; ``role`` comes before the one that is in it."""
        path = self._tccli_path(profile)
        text = text_of(path)
        if text is None:
            return None
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise _bad(f"{path} is not a JSON object")
        if content.get("type") == "cvm-role" and not role:
            return _cvm() or _no_instance(path)
        names = ("role-arn", "role-session-name")
        own = role_of(str(path), *((name, content.get(name)) for name in names))
        pair = _pair(
            str(path),
            ("secretId", content.get("secretId")),
            ("secretKey", content.get("secretKey")),
            content.get("token"),
            # Written by `tccli auth login`.
            expires=content.get("expiresAt"),
        )
        _check_base(pair, str(path), own)
        if pair:
            warn_if_open(path)
        return self._acting(pair, str(path), role or own, profile)

    def _tccli_path(self, profile: str) -> Path:
        return Path(self.home, ".tccli", f"{profile}.credential")

    def _tke(self) -> Credential | None:
        if not (self.environ.get("TKE_ROLE_ARN") or self.environ.get(_TKE[2])):
            return None
        missing = [name for name in _TKE if not self.environ.get(name)]
        if missing:
            raise _bad(f"the TKE OIDC role needs {', '.join(missing)} too")
        region, provider, token_file, role = (self.environ[name].strip() for name in _TKE)
        token = text_of(Path(token_file))
        if not token:
            raise _bad(f"the TKE OIDC token file {token_file} is missing or empty")
        *texts, ends = pod_role(region, provider, token, role)
        return _credential("the TKE OIDC role", texts, ends)

    def _no_profile(self, profile: str) -> Credential:
        raise FatalError(
            "NoCredentials",
            f"profile {profile}: {self._tccli_path(profile)} is missing or holds no keys: "
            f"run tccli configure --profile {profile}, or choose another profile",
        )

    def _profile_path(self) -> str:
        path = Path(self.home, ".tencentcloud", "credentials")
        return f"{path} (it has no keys in [default])" if path.exists() else str(path)

    def _nothing(self) -> Credential:
        raise FatalError(
            "NoCredentials",
            f"no credentials found. Looked at: the environment ({_ID} is not set), "
            f"{self._profile_path()}, {self._tccli_path('default')}, "
            f"the TKE OIDC role (TKE_ROLE_ARN is not set), the CVM instance role (no answer). "
            f"Set {_ID} and {_KEY} (and {_TOKEN} for temporary ones), or run tccli configure. "
            f"To try kvsync without an account, use --local",
        )


def _pair(
    place: str,
    secret_id: tuple[str, Any],
    secret_key: tuple[str, Any],
    token: Any,
    *,
    expires: Any = None,
) -> Credential | None:
    """Return the pair that a place holds under these names, or None if it holds nothing of it."""
    values = []
    for name, value in (secret_id, secret_key, ("token", token)):
        if value is not None and not isinstance(value, str):
            raise _bad(f"{place}: {name} is not a string")
        values.append((value or "").strip())
    if not values[0] and not values[1]:
        return None
    if not values[0] or not values[1]:
        given, missing = (secret_id, secret_key) if values[0] else (secret_key, secret_id)
        raise _bad(f"{place}: {given[0]} is set but {missing[0]} is not: set both or neither")
    ends = float(expires) if isinstance(expires, int | float) and expires else float("inf")
    return _credential(place, values, ends)


def _credential(place: str, values: list[str], expires: float) -> Credential:
    try:
        secret_id, secret_key, token = values
        return Credential(secret_id, secret_key, token, expires)
    except ValueError:
        raise _bad(
            f"{place}: the key pair or token holds a space, a line end or a letter that is not "
            "ASCII: copy it again"
        ) from None


def _check_base(pair: Credential | None, place: str, role: Role | None) -> None:
    if role and not pair:
        raise _bad(f"{place}: a role is named, but no key pair that could assume it")


def _no_instance(path: Path) -> Credential:
    raise _bad(f"{path}: its type is cvm-role, but no instance role answers: is this a CVM?")


def _cvm() -> Credential | None:
    """Return the instance role, or None if no metadata service answers in time."""
    # Imported before the clock starts, for the reason given above.
    from tencentcloud.common.credential import CVMRoleCredential

    source = CVMRoleCredential()
    found: list[str] = []

    def ask() -> None:
        # What a thread lets out is printed, and its words may hold what was answered.
        with suppress(Exception):
            found.extend(text or "" for text in source.get_credential_info())

    # It has no time-out, swallows every failure, and must not keep the process from ending.
    thread = threading.Thread(target=ask, name="kvsync-cvm", daemon=True)
    thread.start()
    thread.join(CVM_SECONDS)
    if not any(found):
        return None
    ends = source._expired_ts  # noqa: SLF001 - the vendor tells it nowhere else
    return _credential("the CVM instance role", found, float(ends))
