"""Where credentials come from, and what is said when there are none."""

import json
from pathlib import Path
from typing import Any

import pytest

from kvsync.edgekv import places
from kvsync.edgekv.credentials import (
    Credential,
    default_credentials,
)
from kvsync.model.errors import FatalError, UsageError
from tests.edgekv.metadata import metadata_service

ENVIRONMENT = {"TENCENTCLOUD_SECRET_ID": "env-id", "TENCENTCLOUD_SECRET_KEY": "env-key"}
SECRET = "hunter2-secret"


@pytest.fixture(autouse=True)
def _off_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """No instance role, and no look-up of a name to find that out."""
    monkeypatch.setattr(
        "tencentcloud.common.credential.CVMRoleCredential._role_endpoint", "http://127.0.0.1:1/"
    )


def write(home: Path, name: str, content: str | bytes | dict[str, Any]) -> Path:
    """Makes a file in a home directory."""
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


async def found(home: Path, environ: dict[str, str] | None = None, profile: str = "") -> Credential:
    """What is found with this home and environment."""
    return await default_credentials(profile, environ=environ or {}, home=str(home)).get()


async def complaint(
    home: Path, environ: dict[str, str] | None = None, profile: str = ""
) -> FatalError:
    """Why nothing is found with this home and environment."""
    with pytest.raises(FatalError) as caught:
        await found(home, environ, profile)
    return caught.value


async def test_the_environment_comes_first(tmp_path: Path) -> None:
    """Variables win over every file, and carry the session token."""
    write(tmp_path, ".tencentcloud/credentials", "[default]\nsecret_id=a\nsecret_key=b\n")
    environ = ENVIRONMENT | {"TENCENTCLOUD_TOKEN": "tok\n"}
    assert await found(tmp_path, environ) == Credential("env-id", "env-key", "tok")


async def test_then_the_profile_file(tmp_path: Path) -> None:
    """~/.tencentcloud/credentials is read with its token; percent signs and quotes are harmless."""
    write(
        tmp_path,
        ".tencentcloud/credentials",
        '[default]\nsecret_id = "id"\nsecret_key = k%ey\ntoken = tok\n[other]\nsecret_id = x\n',
    )
    write(tmp_path, ".tccli/default.credential", {"secretId": "x", "secretKey": "y"})
    empty = {"TENCENTCLOUD_SECRET_ID": "", "TENCENTCLOUD_SECRET_KEY": ""}
    assert await found(tmp_path, empty) == Credential("id", "k%ey", "tok")


async def test_then_the_default_profile_of_tccli(tmp_path: Path) -> None:
    """Without a section [default], the vendor CLI's default profile is next."""
    write(tmp_path, ".tencentcloud/credentials", "[other]\nsecret_id = x\n")
    write(tmp_path, ".tccli/default.credential", {"secretId": "i", "secretKey": "k"})
    assert await found(tmp_path) == Credential("i", "k")


async def test_a_profile_is_that_file_and_nothing_else(tmp_path: Path) -> None:
    """--profile reads its own file even if the environment has a key pair."""
    ends = 4_000_000_000
    content = {"secretId": "i", "secretKey": "k", "token": "t", "expiresAt": ends}
    write(tmp_path, ".tccli/prod.credential", content)
    assert await found(tmp_path, ENVIRONMENT, "prod") == Credential("i", "k", "t", float(ends))


@pytest.mark.parametrize("content", [None, {}, {"secretId": "", "secretKey": ""}])
async def test_an_unknown_profile_is_named(tmp_path: Path, content: dict[str, str] | None) -> None:
    """A profile without a file or without keys says which file, and how to make it."""
    if content is not None:
        write(tmp_path, ".tccli/prod.credential", content)
    error = await complaint(tmp_path, ENVIRONMENT, "prod")
    assert error.code == "NoCredentials"
    assert str(tmp_path / ".tccli" / "prod.credential") in error.message
    assert "tccli configure --profile prod" in error.message


@pytest.mark.parametrize("profile", ["../prod", "/etc/passwd", "a/b", "..", ".x", "a b", "a\n"])
def test_a_profile_is_a_name_and_no_path(profile: str) -> None:
    """A profile that would leave ~/.tccli is a usage error."""
    with pytest.raises(UsageError, match="a name, not a path"):
        default_credentials(profile)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        (
            {"TENCENTCLOUD_SECRET_ID": "id"},
            "environment: TENCENTCLOUD_SECRET_ID is set but TENCENTCLOUD_SECRET_KEY is not",
        ),
        (
            {"TENCENTCLOUD_SECRET_KEY": SECRET},
            "environment: TENCENTCLOUD_SECRET_KEY is set but TENCENTCLOUD_SECRET_ID is not",
        ),
        (
            {"TENCENTCLOUD_SECRET_ID": "id", "TENCENTCLOUD_SECRET_KEY": f"{SECRET} {SECRET}"},
            "environment: the key pair or token holds a space",
        ),
    ],
)
async def test_half_an_environment_is_an_error(
    tmp_path: Path, environ: dict[str, str], words: str
) -> None:
    """A half-set environment is not passed over in silence, and its secret is not repeated."""
    error = await complaint(tmp_path, environ)
    assert error.code == "BadCredentials"
    assert words in error.message
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (".tencentcloud/credentials", f"{SECRET}\n", "is not an INI file"),
        (".tencentcloud/credentials", b"\xff\xfe\x00", "is not a text file"),
        (".tencentcloud/credentials", f"[default]\nsecret_key={SECRET}", "secret_id is not"),
        (".tccli/default.credential", f'{{"secretKey": "{SECRET}"', "is not a JSON object"),
        (".tccli/default.credential", f'["{SECRET}"]', "is not a JSON object"),
        (".tccli/default.credential", "[" * 100_000, "is not a JSON object"),
        (".tccli/default.credential", '{"secretId": 7, "secretKey": 8}', "is not a string"),
    ],
)
async def test_a_garbled_file_is_named_but_not_repeated(
    tmp_path: Path, name: str, content: str | bytes, words: str
) -> None:
    """A file that cannot be understood is an error with its path and none of its content."""
    path = write(tmp_path, name, content)
    error = await complaint(tmp_path)
    assert error.code == "BadCredentials"
    assert str(path) in error.message
    assert words in error.message
    assert SECRET not in str(error)


async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A directory in a file's place is an error that says so."""
    (tmp_path / ".tccli" / "default.credential").mkdir(parents=True)
    error = await complaint(tmp_path)
    assert "default.credential cannot be read: Is a directory" in error.message


async def test_without_credentials_each_place_is_listed(tmp_path: Path) -> None:
    """Whoever has none is told where kvsync looked, and what to set."""
    error = await complaint(tmp_path)
    assert error.code == "NoCredentials"
    assert error.exit_code == 7
    for words in (
        "TENCENTCLOUD_SECRET_ID is not set",
        str(tmp_path / ".tencentcloud" / "credentials"),
        str(tmp_path / ".tccli" / "default.credential"),
        "TKE",
        "CVM",
        "tccli configure",
        "--local",
    ):
        assert words in error.message


async def test_without_arguments_this_process_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The defaults are this process's environment and home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    write(tmp_path, ".tccli/default.credential", {"secretId": "i", "secretKey": "k"})
    assert await default_credentials().get() == Credential("i", "k")
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "env-id")
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "env-key")
    assert await default_credentials().get() == Credential("env-id", "env-key")


ROLE = {
    "Code": "Success",
    "TmpSecretId": "tmp-id",
    "TmpSecretKey": "tmp-key",
    "Token": "tmp-token",
    "ExpiredTime": 4_000_000_000,
}


async def test_the_instance_role_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CVM with a role, its temporary credentials are taken with their end."""
    with metadata_service({"/": b"my-role", "/my-role": json.dumps(ROLE).encode()}) as url:
        monkeypatch.setattr(
            "tencentcloud.common.credential.CVMRoleCredential._role_endpoint", f"{url}/"
        )
        credential = await found(tmp_path)
    assert credential == Credential("tmp-id", "tmp-key", "tmp-token", 4e9)


async def test_a_silent_metadata_service_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor's look-up has no time-out; kvsync's has."""
    monkeypatch.setattr(places, "CVM_SECONDS", 0.05)
    with metadata_service({}, silent=True) as url:
        monkeypatch.setattr(
            "tencentcloud.common.credential.CVMRoleCredential._role_endpoint", f"{url}/"
        )
        assert (await complaint(tmp_path)).code == "NoCredentials"


def tke(tmp_path: Path) -> dict[str, str]:
    """The environment of a pod with an OIDC role."""
    token = write(tmp_path, "token", SECRET)
    return {
        "TKE_REGION": "ap-guangzhou",
        "TKE_PROVIDER_ID": "cls-1",
        "TKE_WEB_IDENTITY_TOKEN_FILE": str(token),
        "TKE_ROLE_ARN": "qcs::cam::uin/1:roleName/r",
    }


async def test_a_pods_role_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In TKE the pod's OIDC token is traded for temporary credentials."""
    asked: list[Any] = []

    def call_json(self: Any, action: str, params: dict[str, Any], **_: Any) -> dict[str, Any]:
        asked.append((action, params["WebIdentityToken"], params["ProviderId"]))
        keys = {"Token": "t", "TmpSecretId": "i", "TmpSecretKey": "k"}
        return {"Response": {"Credentials": keys, "ExpiredTime": 4_000_000_000}}

    monkeypatch.setattr("tencentcloud.common.common_client.CommonClient.call_json", call_json)
    credential = await found(tmp_path, tke(tmp_path))
    assert (credential.secret_id, credential.secret_key, credential.token) == ("i", "k", "t")
    assert credential.expires < float("inf")
    assert asked == [("AssumeRoleWithWebIdentity", SECRET, "cls-1")]


@pytest.mark.parametrize("code", ["InvalidParameter.RoleArn", f"{SECRET} {SECRET}"])
async def test_a_refused_pod_gets_words_and_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """A failure of the vendor's package ends in an error with its code and none of its text."""
    from tencentcloud.common.exception.tencent_cloud_sdk_exception import (
        TencentCloudSDKException,
    )

    def call_json(*_: Any, **__: Any) -> None:
        raise TencentCloudSDKException(code, f"bad token {SECRET}")

    monkeypatch.setattr("tencentcloud.common.common_client.CommonClient.call_json", call_json)
    error = await complaint(tmp_path, tke(tmp_path))
    assert "TKE OIDC role" in error.message
    assert SECRET not in error.message
    assert ("InvalidParameter.RoleArn" in error.message) == (SECRET not in code)


async def test_half_a_pod_is_an_error(tmp_path: Path) -> None:
    """Missing TKE variables are named, as is a token file that is not there."""
    environ = tke(tmp_path)
    del environ["TKE_REGION"]
    assert "TKE_REGION" in (await complaint(tmp_path, environ)).message
    environ = tke(tmp_path) | {"TKE_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "none")}
    assert "missing or empty" in (await complaint(tmp_path, environ)).message


def test_a_credential_hides_its_secrets() -> None:
    """The repr shows the id, not the key and not the token."""
    text = repr(Credential("id", SECRET, f"{SECRET}-token"))
    assert "id" in text
    assert SECRET not in text
    assert SECRET not in repr(places.Places({"TENCENTCLOUD_SECRET_KEY": SECRET}, "/home"))
