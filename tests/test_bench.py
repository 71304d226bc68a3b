"""The benchmark, in its shortest form: no time is judged here, `scripts/bench` does that."""

import json

import pytest

from tests.bench import __main__ as bench
from tests.bench.table import NO_GOAL, NOT_MEASURED, Bound, Row, Scale, Sides

TINY = Scale(
    paced=3, latencies=(0.0,), paced_tls=(3,), latencies_tls=(0.0,), pushed=3, by_sdk=2, files=5,
    pairs=5, large=1, entries=(2, 4), rounds=1, requests=(1, 21), verify=60, export=1, plan=100,
)  # fmt: skip


@pytest.mark.slow
def test_prints_its_table_and_its_figures(monkeypatch, tmp_path, capsys):
    """Each figure is a line and a JSON object; as many requests are sent as there must be."""
    monkeypatch.setattr(bench, "QUICK", TINY)
    figures = tmp_path / "figures.json"
    with pytest.raises(SystemExit):
        bench.main(["--quick", "--json", str(figures), "requests", "trees"])
    rows = json.loads(figures.read_text())["rows"]
    counted = [row for row in rows if row["unit"] == "requests"]
    assert [row["what"] for row in counted if row["verdict"] != "met"] == []
    assert [row["measured"] for row in counted[:6]] == [2, 1, 1, 3, 2, 2]
    ratios = [row for row in rows if row["sides"] and row["unit"] == "x"]
    assert ratios
    for row in ratios:
        sides = row["sides"]
        assert row["measured"] == pytest.approx(sides["ours"] / sides["theirs"])
    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if any(line.startswith(row["what"]) for row in rows)]
    assert len(told) >= len(rows)


@pytest.mark.slow
def test_the_pace_over_tls(monkeypatch, tmp_path):
    """``pace --tls`` has a row for each certificate, and nothing is refused; no other goes so."""
    monkeypatch.setattr(bench, "QUICK", TINY)
    figures = tmp_path / "figures.json"
    with pytest.raises(SystemExit) as ended:
        bench.main(["--quick", "--json", str(figures), "pace", "--tls"])
    assert ended.value.code == 0
    rows = json.loads(figures.read_text())["rows"]
    assert [row["what"] for row in rows if row["unit"] == "%"] == [
        f"3 writes, {kind}, 0 ms latency" for kind in ("RSA 2048", "EC P-256")
    ]
    assert [row["measured"] for row in rows if row["unit"] == "requests"] == [0, 0]
    with pytest.raises(SystemExit) as ended:
        bench.main(["--quick", "--tls", "push"])
    assert ended.value.code == 2


def test_an_unknown_name_is_refused(capsys):
    """A measurement that there is none of is named, with those that there are."""
    with pytest.raises(SystemExit) as ended:
        bench.main(["--quick", "pacing"])
    assert ended.value.code == 2
    assert "pacing is none of pace, pace-tls, push," in capsys.readouterr().err


def test_what_cannot_be_had_is_no_miss():
    """A row whose other side is not installed says so, in JSON by a null."""
    row = Row("sync", NOT_MEASURED, Bound.AT_MOST, 1, "x", against="rsync -an")
    assert row.verdict == "unknown"
    assert row.as_json()["measured"] is None
    assert "unknown" in str(row)


def test_what_has_no_goal_cannot_miss_it():
    """A row that is just told has neither goal nor verdict."""
    row = Row("sync", 3, Bound.AT_MOST, NO_GOAL, "x", against="git status")
    assert (row.verdict, row.as_json()["goal"]) == ("", None)
    assert str(row).split() == ["sync", "git", "status", "3", "x", "-"]


def test_a_ratio_is_ours_by_theirs():
    """A row shows both sides of its ratio."""
    sides = Sides(3, 2, "s")
    row = Row("sync", sides.ratio, Bound.AT_MOST, 1, "x", sides=sides)
    assert row.verdict == "missed"
    assert "3 : 2 s" in str(row)


def test_only_a_missed_goal_fails(monkeypatch):
    """The exit code says whether all goals were reached."""
    for measured, code in ((150, 0), (151, 1)):
        row = Row("export", measured, Bound.AT_MOST, 150, "MiB")
        monkeypatch.setattr(bench, "MEASUREMENTS", {"one": lambda _, row=row: iter([row])})
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
