"""The torture in its shortest form; `scripts/torture` attacks in full, and prints the figures."""

import json

import pytest

from tests.torture import __main__ as torture
from tests.torture.between import middlebox
from tests.torture.kills import kills, signals
from tests.torture.lab import Line, Scale
from tests.torture.service import all_faults

SHORT = Scale(keys=60, shares=(0.2,), paced=20, kills=1, signals=1, killed_keys=60, between=12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "attack", [all_faults, kills, signals, middlebox], ids=lambda each: each.__name__
)
def test_promises_hold(attack):
    """Whatever befalls a run, the next one completes, and the state never claims what is not so."""
    for line in attack(SHORT, 1):
        assert not line.broken, line


def test_prints_what_it_found(monkeypatch, tmp_path, capsys):
    """Each attack is a line and a JSON object; a promise that was not kept is told, and exit 1."""
    lines = [Line("kind", {"keys": 3, "share": 0.5}), Line("unkind", {"keys": 4}, ["it broke"])]

    def told(*_: object):
        return iter(lines)

    def untold(*_: object):
        pytest.fail("it was not named")

    monkeypatch.setattr(torture, "ATTACKS", (told, untold))
    figures = tmp_path / "figures.json"
    with pytest.raises(SystemExit) as caught:
        torture.main(["--seed", "7", "--json", str(figures), "told"])
    assert caught.value.code == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "seed 7"
    assert out[1].split() == ["kind", "keys", "3,", "share", "0.50:", "ok"]
    assert out[2].split(maxsplit=1) == ["unkind", "keys 4: it broke"]
    assert out[3].startswith("1 of 2 attacks held")
    assert json.loads(figures.read_text())["lines"][1]["broken"] == ["it broke"]
