"""What the reader of a live Redis says where there is none."""

import socket
import sys

import pytest

from kvsync.formats.redis import RedisDump
from kvsync.model.errors import InputError, UsageError


def test_without_the_package_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who did not install the extra is told its name."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(UsageError, match=r"redis is not installed: pip install 'kvsync\[redis\]'"):
        RedisDump("redis://localhost")


def test_a_connection_that_is_refused_names_the_address(unused_tcp_port: int) -> None:
    """A server that is not there is an error of the input, with a question that helps."""
    address = f"redis://127.0.0.1:{unused_tcp_port}/0"
    with RedisDump(address, {}) as dump, pytest.raises(InputError) as failed:
        next(dump.records())
    (mistake,) = failed.value.mistakes
    assert mistake.origin == address
    assert "refused" in mistake.message
    assert "is the server running" in mistake.message


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence ends with an error that says how long it was waited for."""
    monkeypatch.setattr("kvsync.formats.redis._SILENCE_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with RedisDump(address, {}) as dump, pytest.raises(InputError, match="no answer within"):
            next(dump.values(["a"]))
