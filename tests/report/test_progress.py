"""Bars, lines, silence."""

import io

import pytest

from kvsync.report.progress import Bar, Lines, Silence, make_progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_bar():
    """A bar shows keys, rate, bytes, retries, failures and the time left, and wipes itself."""
    stream = Terminal()
    bar = Bar("m.yaml", 4, stream)
    bar.advance(1000)
    bar.advance(failed=True)
    bar.tick(3, "Timeout")
    drawn = stream.getvalue().split("\r")[-1]
    assert drawn.startswith("m.yaml:  50%|")
    assert "2/4, " in drawn
    assert "/s, 00:00 left, 1000 B, 1 failed, 3 retried: " in drawn
    bar.say("a word")
    assert "a word\n" in stream.getvalue()
    bar.close()
    assert stream.getvalue().split("\r")[-2].strip() == ""


def test_lines():
    """Off a terminal there is a line every ten seconds, and only then."""
    now = [0.0]
    stream = io.StringIO()
    lines = Lines("m.yaml", 100, stream, clock=lambda: now[0])
    for _ in range(40):
        lines.advance(1000)
    lines.advance(failed=True)
    lines.advance()
    told = []
    for now[0] in (9.9, 10.0, 10.5, 19.9):
        told.append(lines.tick(2, "Timeout"))
    assert told == [
        "",
        "m.yaml: 42 of 100 keys, 4.2/s, 39.1 KiB, 2 retried (Timeout), 1 failed, 14s left",
        "",
        "",
    ]
    lines.say("a word")
    lines.close()
    assert stream.getvalue() == "a word\n"


def test_lines_before_anything_is_done():
    """While nothing is done yet, the time left is unknown."""
    now = [0.0]
    stream = io.StringIO()
    lines = Lines("m.yaml", 100, stream, clock=lambda: now[0])
    now[0] = 10.0
    assert lines.tick(0, "").endswith("0 failed, ? left")


def test_silence():
    """No progress is no output, but for what must be said."""
    stream = io.StringIO()
    silence = Silence(stream)
    silence.advance(1000)
    silence.expect(2)
    assert silence.tick(1, "Timeout") == ""
    silence.say("a word")
    silence.close()
    assert stream.getvalue() == "a word\n"


@pytest.mark.parametrize(
    ("mode", "stream", "kind"),
    [
        ("auto", Terminal(), Bar),
        ("auto", io.StringIO(), Lines),
        ("bar", io.StringIO(), Bar),
        ("lines", Terminal(), Lines),
        ("none", Terminal(), Silence),
    ],
)
def test_choice(mode, stream, kind):
    """auto is a bar on a terminal and lines off it; the others are what they say."""
    progress = make_progress(mode, "m.yaml", 1, stream)
    progress.close()
    assert isinstance(progress, kind)
