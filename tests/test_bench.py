"""The benchmark, in its shortest form; `scripts/bench` judges times and memory, too."""

import json

import pytest

from tests.bench import __main__ as bench
from tests.bench.table import Bound, Row, Scale


def test_prints_its_table_and_its_figures(monkeypatch, tmp_path, capsys):
    """Each figure is a line and a JSON object; as many requests are sent as there must be."""
    monkeypatch.setattr(bench, "QUICK", Scale(requests=(1, 21), verify=60, export=1, plan=3_000))
    figures = tmp_path / "figures.json"
    with pytest.raises(SystemExit):
        bench.main(["--quick", "--json", str(figures)])
    rows = json.loads(figures.read_text())["rows"]
    counted = [row for row in rows if row["unit"] == "requests"]
    assert [row["what"] for row in counted if not row["ok"]] == []
    assert [row["measured"] for row in counted[:6]] == [2, 1, 1, 3, 2, 2]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(rows)
    assert {line.rsplit(maxsplit=1)[-1] for line in lines[1:]} <= {"ok", "missed"}


def test_only_a_missed_goal_fails(monkeypatch):
    """The exit code says whether all goals were reached."""
    for measured, code in ((150, 0), (151, 1)):
        row = Row("export", measured, Bound.AT_MOST, 150, "MiB")
        monkeypatch.setattr(bench, "MEASUREMENTS", (lambda _, row=row: iter([row]),))
        with pytest.raises(SystemExit) as ended:
            bench.main(["--quick"])
        assert ended.value.code == code


@pytest.mark.parametrize(
    ("bound", "goal", "share", "good", "bad"),
    [
        (Bound.AT_LEAST, 400, 0.97, 388, 387.9),
        (Bound.AT_MOST, 20, 1, 20, 21),
        (Bound.EXACTLY, 3, 1, 3, 2),
        (Bound.EXACTLY, 0, 1, 0, 1),
    ],
)
def test_a_goal(bound, goal, share, good, bad):
    """A figure must be on the right side of its goal."""
    assert Row("", good, bound, goal, "", share).ok
    assert not Row("", bad, bound, goal, "", share).ok
