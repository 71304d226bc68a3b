"""Keys whose `expires` has passed when the next run comes."""

import time

import pytest

from tests.cli.copying import rows
from tests.cli.watching import held

PAST = "2020-01-01T00:00:00Z"


@pytest.mark.slow
@pytest.mark.parametrize(
    "before", ["one", "{value: one, ttl: 30d}", "{value: one, expires: LATER}"]
)
def test_a_live_key_is_not_let_go_of(kvsync, edge, manifest, before):
    """A key that is live without that expiry stays ours: untouched while it is named, and deleted
    once it is not."""
    manifest(f"keys: {{k: {before.replace('LATER', str(int(time.time()) + 9999))}, z: two}}\n")
    assert kvsync("sync", "m.yaml").code == 0
    manifest(f"keys: {{k: {{value: one, expires: {PAST}}}, z: two}}\n")
    for _ in range(2):
        result = kvsync("sync", "m.yaml", "--delete", "--force", "--json")
        (run,) = result.json["runs"]
        assert (result.code, run["orphans"], run["summary"]["delete"]) == (0, [], 0)
        assert "of these there is still what was pushed before: k" in result.err
        assert (rows().keys(), held(edge)) == ({"k", "z"}, {"k": "one", "z": "two"})
    assert "k" in kvsync("sync", "m.yaml", "--delete", "--refresh").err
    assert rows().keys() == {"k", "z"}
    manifest("keys: {z: two}\n")
    assert "? k" in kvsync("plan", "m.yaml").out
    assert kvsync("sync", "m.yaml", "--delete", "--force").code == 0
    assert held(edge) == {"z": "two"}


def test_it_goes_when_its_own_time_has_come(kvsync, edge, serve_emulator, manifest):
    """Once what was pushed has run out, its row goes, though the source still names the key."""
    moved = [0.0]
    other = serve_emulator(clock=lambda: time.time() + moved[0])
    manifest("keys: {k: {value: one, ttl: 1h}, z: two}\n")
    assert kvsync("sync", "m.yaml", "--endpoint", other.url).code == 0
    moved[0] = 7200
    manifest(f"keys: {{k: {{value: one, expires: {PAST}}}, z: three}}\n")
    for _ in range(2):
        # By the first of them the clock of the service becomes known.
        assert kvsync("sync", "m.yaml", "--endpoint", other.url).code == 0
    assert rows().keys() == {"z"}
