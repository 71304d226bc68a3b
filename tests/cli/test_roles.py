"""A profile whose role signs, at the front door."""

import json
from pathlib import Path

import pytest

from tests.edgekv.sts import ARN, sts_service

PAIR = {"secretId": "base-id", "secretKey": "base-key"}


@pytest.mark.slow
@pytest.mark.parametrize("option", [True, False], ids=["--profile", "TCCLI_PROFILE"])
def test_the_role_of_a_profile_signs(kvsync, serve_emulator, manifest, monkeypatch, option) -> None:
    """A service that lets in the role alone gets every pair; without the role it gets none."""
    home = Path.home()
    service = serve_emulator(credential=("tmp-id", "tmp-key"))
    manifest("keys: {a: one, b: two}\n")
    target = ("--endpoint", service.url, "--zone", "zone-1", "--namespace", "ns")
    if option:
        target += ("--profile", "prod")
    else:
        monkeypatch.setenv("TCCLI_PROFILE", "prod")
    with sts_service() as sts:
        sts.configure(home, "prod")
        profile = home / ".tccli" / "prod.credential"
        profile.write_text(json.dumps(PAIR))
        assert kvsync("sync", "m.yaml", *target).code == 7
        profile.write_text(json.dumps(PAIR | {"role-arn": ARN, "role-session-name": "ci"}))
        result = kvsync("sync", "m.yaml", *target)
        assert (result.code, len(sts.asked)) == (0, 1)
        sts.code = "AuthFailure"
        manifest("keys: {a: new, b: two}\n")
        result = kvsync("sync", "m.yaml", *target)
    assert result.code == 7
    assert "gave no credentials of the role (AuthFailure)" in result.err
    assert set(service.pairs("zone-1", "ns")) == {"a", "b"}
    assert service.pairs("zone-1", "ns")["a"][0] == "one"
