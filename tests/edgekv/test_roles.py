"""Roles: where one is named, it signs, and the pair beside it does not."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kvsync.edgekv import roles
from kvsync.edgekv.credentials import Credential, Credentials, default_credentials
from kvsync.edgekv.endpoint import INTL, MAINLAND
from kvsync.edgekv.places import Places
from kvsync.model.errors import FatalError
from tests.edgekv.metadata import metadata_service
from tests.edgekv.sts import ARN, Sts, sts_service

PAIR = {"secretId": "base-id", "secretKey": "hunter2-base"}
NAMED = {"role-arn": ARN, "role-session-name": "ci"}
VARIABLES = {"TENCENTCLOUD_SECRET_ID": "env-id", "TENCENTCLOUD_SECRET_KEY": "hunter2-env"}
ROLE = {"TENCENTCLOUD_ROLE_ARN": ARN, "TENCENTCLOUD_ROLE_SESSION_NAME": "ci"}
INI = "[default]\nsecret_id = ini-id\nsecret_key = hunter2-ini\n"


@pytest.fixture(autouse=True)
def _off_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """No instance role, and no look-up of a name to find that out."""
    monkeypatch.setattr(
        "tencentcloud.common.credential.CVMRoleCredential._role_endpoint", "http://127.0.0.1:1/"
    )


@pytest.fixture
def sts(tmp_path: Path) -> Iterator[Sts]:
    """An STS that the default profile of this home leads to."""
    with sts_service() as service:
        service.configure(tmp_path)
        yield service


def lay(home: Path, name: str, content: str | dict[str, Any]) -> None:
    """A file in a home directory."""
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


async def found(home: Path, profile: str = "", **environ: str) -> Credential:
    """What is found with this home and environment."""
    return await default_credentials(profile, environ=environ, home=str(home)).get()


async def complaint(home: Path, profile: str = "", **environ: str) -> str:
    """Why nothing is found; it repeats no secret."""
    with pytest.raises(FatalError) as caught:
        await found(home, profile, **environ)
    assert "hunter2" not in caught.value.message
    assert caught.value.code in {"BadCredentials", "NoCredentials"}
    return caught.value.message


CASES: dict[str, tuple[dict[str, str | dict[str, Any]], dict[str, str], str]] = {
    "a profile's": ({".tccli/default.credential": PAIR | NAMED}, {}, "base-id"),
    "the environment's": ({}, VARIABLES | ROLE, "env-id"),
    "over a profile's pair": ({".tccli/default.credential": PAIR}, ROLE, "base-id"),
    "over a profile's own": (
        {".tccli/default.credential": PAIR | {"role-arn": "qcs::other"}}, ROLE, "base-id",
    ),
    "over an instance's": (
        {".tccli/default.credential": PAIR | {"type": "cvm-role"}}, ROLE, "base-id",
    ),
    "over the vendor's file": ({".tencentcloud/credentials": INI}, ROLE, "ini-id"),
    "of the vendor's file": (
        {".tencentcloud/credentials": f"{INI}role_arn = {ARN}\nrole_session_name = ci\n"},
        {}, "ini-id",
    ),
    "past a file without a pair": (
        {".tencentcloud/credentials": "[default]\n", ".tccli/default.credential": PAIR},
        ROLE, "base-id",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_a_role_that_is_named_signs(tmp_path: Path, sts: Sts, name: str) -> None:
    """Wherever it is named, the pair beside it only asks for it."""
    files, environ, signer = CASES[name]
    for path, content in files.items():
        lay(tmp_path, path, content)
    credential = await found(tmp_path, **environ)
    assert (credential.secret_id, credential.secret_key) == ("tmp-id", "tmp-key")
    assert credential.token == "tmp-token"
    assert 7100 < credential.expires - time.time() <= 7200
    (asked,) = sts.asked
    assert (asked["Action"], asked["Signer"]) == ("AssumeRole", signer)
    assert (asked["RoleArn"], asked["RoleSessionName"]) == (ARN, "ci")


async def test_a_role_without_a_session_name_has_one(tmp_path: Path, sts: Sts) -> None:
    """It is the role that was wanted, not the pair."""
    lay(tmp_path, ".tccli/default.credential", PAIR | {"role-arn": ARN})
    assert (await found(tmp_path)).secret_id == "tmp-id"
    assert sts.asked[0]["RoleSessionName"] == "kvsync"


async def test_the_pair_of_a_login_asks_with_its_token(tmp_path: Path, sts: Sts) -> None:
    """Temporary pairs may assume roles, too."""
    login = PAIR | {"token": "tok", "expiresAt": int(time.time()) + 900}
    lay(tmp_path, ".tccli/default.credential", login | NAMED)
    await found(tmp_path)
    assert sts.asked[0]["Token"] == "tok"


async def test_a_profile_has_an_sts_of_its_own(tmp_path: Path, sts: Sts) -> None:
    """Its configuration names it; the environment's role and pair are no part of a profile."""
    lay(tmp_path, ".tccli/prod.credential", PAIR | NAMED)
    (tmp_path / ".tccli/default.configure").rename(tmp_path / ".tccli/prod.configure")
    environ = VARIABLES | {"TENCENTCLOUD_ROLE_ARN": "qcs::other"}
    assert (await found(tmp_path, "prod", **environ)).secret_id == "tmp-id"
    assert (sts.asked[0]["RoleArn"], sts.asked[0]["Signer"]) == (ARN, "base-id")


@pytest.mark.parametrize("configured", ["{", "[]", '{"sts": 1}', '{"sts": {"endpoint": 5}}'])
def test_the_sts_is_that_of_the_endpoints_site(tmp_path: Path, configured: str) -> None:
    """Where tccli has said nothing that makes sense."""
    lay(tmp_path, ".tccli/default.configure", configured)
    for endpoint, host in (
        (INTL, "sts.intl.tencentcloudapi.com"),
        (MAINLAND, "sts.tencentcloudapi.com"),
    ):
        assert Places({}, str(tmp_path), endpoint)._sts() == host  # noqa: SLF001


async def test_tccli_profile_names_the_profile(tmp_path: Path) -> None:
    """It comes before the files that nobody has named, and after the pair in the environment."""
    lay(tmp_path, ".tccli/prod.credential", {"secretId": "prod", "secretKey": "k"})
    lay(tmp_path, ".tccli/default.credential", {"secretId": "default", "secretKey": "k"})
    lay(tmp_path, ".tencentcloud/credentials", INI)
    assert (await found(tmp_path, TCCLI_PROFILE="prod")).secret_id == "prod"
    assert (await found(tmp_path, TCCLI_PROFILE="")).secret_id == "ini-id"
    assert (await found(tmp_path, "default", TCCLI_PROFILE="prod")).secret_id == "default"
    assert (await found(tmp_path, TCCLI_PROFILE="prod", **VARIABLES)).secret_id == "env-id"
    assert "profile gone" in await complaint(tmp_path, TCCLI_PROFILE="gone")
    assert "not a path" in await complaint(tmp_path, TCCLI_PROFILE="../prod")


async def test_a_profile_of_an_instances_role(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``type: cvm-role`` signs as the instance, whatever pair lies beside it."""
    lay(tmp_path, ".tccli/cloud.credential", PAIR | {"type": "cvm-role"})
    assert "cvm-role" in await complaint(tmp_path, "cloud")
    keys = {"TmpSecretId": "vm", "TmpSecretKey": "k", "Token": "t", "ExpiredTime": 4_000_000_000}
    answer = json.dumps(keys | {"Code": "Success"}).encode()
    with metadata_service({"/": b"my-role", "/my-role": answer}) as url:
        place = "tencentcloud.common.credential.CVMRoleCredential._role_endpoint"
        monkeypatch.setattr(place, f"{url}/")
        assert (await found(tmp_path, "cloud")).secret_id == "vm"


@pytest.mark.parametrize(
    ("files", "environ", "words"),
    [
        ({}, ROLE, "no key pair"),
        ({"d": {"type": "cvm-role"}}, ROLE, "no key pair"),
        ({"d": NAMED}, {}, "no key pair"),
        ({"d": PAIR | {"role-session-name": "x"}}, {}, "role-arn is not"),
        ({"d": PAIR | {"role-arn": 5}}, {}, "not a string"),
        ({}, VARIABLES | {"TENCENTCLOUD_ROLE_SESSION_NAME": "x"}, "ROLE_ARN is not"),
    ],
)
async def test_a_role_that_cannot_be_had_is_an_error(
    tmp_path: Path, sts: Sts, files: dict[str, Any], environ: dict[str, str], words: str
) -> None:
    """Nobody else signs in its place."""
    for content in files.values():
        lay(tmp_path, ".tccli/default.credential", content)
    assert words in await complaint(tmp_path, **environ)
    assert sts.asked == []


@pytest.mark.parametrize(
    "content",
    [{}, [], "x", {"Credentials": None}, {"Credentials": {"Token": ""}, "ExpiredTime": 1},
     {"Credentials": {"TmpSecretId": "", "TmpSecretKey": "k", "Token": "t"}, "ExpiredTime": 9e9},
     {"Credentials": {"TmpSecretId": "i", "TmpSecretKey": "k", "Token": "t"}, "ExpiredTime": "-"}],
)  # fmt: skip
async def test_an_sts_that_answers_nonsense(tmp_path: Path, sts: Sts, content: Any) -> None:
    """It gave no credentials, and the message says who."""
    lay(tmp_path, ".tccli/default.credential", PAIR | NAMED)
    sts.content = content
    assert f"{sts.host} gave no credentials" in await complaint(tmp_path)


async def test_a_refusal_has_its_code_and_no_secret(tmp_path: Path, sts: Sts) -> None:
    """The vendor's words may hold anything; its code is told."""
    lay(tmp_path, ".tccli/default.credential", PAIR | NAMED)
    sts.code = "AuthFailure.UnauthorizedOperation"
    assert "(AuthFailure.UnauthorizedOperation)" in await complaint(tmp_path)


async def test_a_silent_sts_is_given_up(
    tmp_path: Path, sts: Sts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has so many seconds, and no more."""
    monkeypatch.setattr(roles, "STS_SECONDS", 0.2)
    lay(tmp_path, ".tccli/default.credential", PAIR | NAMED)
    sts.silent = True
    assert "gave no credentials" in await complaint(tmp_path)


@pytest.mark.parametrize("host", ["sts.example/path", "user@sts.example", "a b", "-"])
async def test_an_sts_that_is_no_host(tmp_path: Path, host: str) -> None:
    """No key pair is shown to what is none."""
    lay(tmp_path, ".tccli/default.credential", PAIR | NAMED)
    lay(tmp_path, ".tccli/default.configure", {"sts": {"endpoint": host}})
    assert "no host name" in await complaint(tmp_path)


async def test_a_role_is_renewed_in_time(tmp_path: Path, sts: Sts) -> None:
    """Before it ends it is asked for anew; if that fails, what still holds is used."""
    lay(tmp_path, ".tccli/default.credential", PAIR | NAMED)
    now = [time.time()]
    places = Places({}, str(tmp_path))
    credentials = Credentials(places.find, clock=lambda: now[0])
    first = await credentials.get()
    now[0] += 6500
    assert await credentials.get() is first
    now[0] += 200
    sts.code = "InternalError"
    assert await credentials.get() is first
    now[0] += 40
    sts.code = ""
    sts.pair = ("next-id", "next-key", "next-token")
    assert (await credentials.get()).secret_id == "next-id"
    assert len(sts.asked) == 3


async def test_a_proxy_on_the_way_to_the_sts_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody answered, neither the role nor the key is to blame."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = f"127.0.0.1:{server.getsockname()[1]}"
    for name in ("NO_PROXY", "no_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", f"http://me:hunter2@{proxy}")
    lay(tmp_path, ".tccli/default.credential", PAIR | NAMED)
    message = await complaint(tmp_path)
    assert f"(ClientNetworkError): it was not reached, check the proxy http://{proxy}" in message
    assert "(https_proxy)" in message
    assert "hunter2" not in message
    assert "ARN" not in message
