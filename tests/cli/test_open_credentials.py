"""A file with a key that other users may read."""

import json
from pathlib import Path

import pytest

INI = "[default]\nsecret_id = id\nsecret_key = hunter2\n"
TCCLI = json.dumps({"secretId": "id", "secretKey": "hunter2"})
FILES = {
    ".tencentcloud/credentials": INI,
    ".tccli/default.credential": TCCLI,
    ".tccli/my-prod.credential": TCCLI,
}


@pytest.fixture
def lay(edge, monkeypatch):
    """Lay a file into the home, the only place that has credentials."""
    monkeypatch.delenv("TENCENTCLOUD_SECRET_ID")
    monkeypatch.delenv("TENCENTCLOUD_SECRET_KEY")

    def laid(name, content, mode):
        path = Path.home() / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
        return path

    return laid


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666, 0o602])
def test_a_file_that_others_may_read(kvsync, lay, manifest, name, mode):
    """One warning a run says which it is, and what to type; with --quiet, too."""
    path = lay(name, FILES[name], mode)
    manifest("keys: {a: v}\n")
    profile = ["--profile", "my-prod"] if "prod" in name else []
    result = kvsync("sync", "m.yaml", "--verify", "--wait", "0", "--quiet", *profile)
    assert result.code == 0
    told = f"{path} is open to other users of this machine (mode {mode:03o}): chmod 600 {path}"
    assert result.errors == [f"kvsync: warning: {told}"]
    path.chmod(0o600)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_that_is_ones_own(kvsync, lay, name, mode):
    """Nothing is said of it."""
    lay(name, FILES[name], mode)
    profile = ["--profile", "my-prod"] if "prod" in name else []
    assert "chmod" not in kvsync("put", "a", "v", *profile).err


def test_a_file_without_a_key(kvsync, lay, monkeypatch):
    """Where no key is in it, or another place comes first, its mode is nobody's concern."""
    lay(".tencentcloud/credentials", "[other]\n", 0o644)
    lay(".tccli/default.credential", TCCLI, 0o600)
    assert kvsync("put", "a", "v").errors == []
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "id")
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "key")
    lay(".tccli/default.credential", TCCLI, 0o644)
    assert kvsync("put", "a", "v").errors == []
