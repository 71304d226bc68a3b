"""The proxy that the environment names."""

import pytest

from kvsync.edgekv.wire import proxy_for
from kvsync.errors import (
    UsageError,
)


@pytest.mark.parametrize(
    ("environ", "endpoint", "proxy"),
    [
        ({}, "https://example.com", None),
        ({"https_proxy": "http://p:3128"}, "https://example.com", "http://p:3128"),
        ({"https_proxy": "p:3128"}, "https://example.com", "http://p:3128"),
        ({"all_proxy": "http://p:1"}, "https://example.com", "http://p:1"),
        ({"http_proxy": "http://p:1"}, "https://example.com", None),
        ({"https_proxy": "http://p:1", "no_proxy": "example.com"}, "https://example.com", None),
        ({"http_proxy": "http://p:1"}, "http://127.0.0.1:8787", None),
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], endpoint: str, proxy: str | None
) -> None:
    """Proxies come from the environment as curl has it, and never for this machine."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(endpoint) == proxy


def test_a_proxy_that_is_not_supported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A SOCKS proxy is an error that says which variable, and repeats no password."""
    monkeypatch.setenv("https_proxy", "socks5://user:hunter2@p:1080")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(UsageError, match="HTTPS_PROXY: only http and https") as caught:
        proxy_for("https://example.com")
    assert "hunter2" not in str(caught.value)
