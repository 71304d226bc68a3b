"""The tool of the permission tests itself."""

import os
import sys
from pathlib import Path

import pytest

import tests.nobody
from tests.nobody import as_nobody

NOBODY = os.getuid() or 65534
CODE = "import os, sys; print(os.getuid(), *sys.argv[1:])"


@pytest.fixture(params=["as it is", "closed to nobody"])
def python(request, monkeypatch):
    """The interpreter as it is here, and as it is where nobody may not read it."""
    if request.param == "closed to nobody" and NOBODY == 65534:
        dropping = [sys.executable, str(Path(tests.nobody.__file__).with_name("dropping.py"))]
        monkeypatch.setattr(tests.nobody, "_python", lambda: dropping)


@pytest.mark.slow
def test_somebody_else(python, shared):
    """The child is nobody, hears its arguments, and may not read what is closed to it."""
    closed = shared / "closed"
    closed.write_text("x")
    closed.chmod(0)
    assert as_nobody("-c", CODE, "a", "b", cwd=shared).stdout == f"{NOBODY} a b\n"
    assert "Permission denied" in as_nobody("-c", "open('closed')", cwd=shared).stderr
    assert as_nobody("-m", "kvsync", "--version", cwd=shared).stdout.startswith("kvsync ")
