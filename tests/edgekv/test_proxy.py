"""The proxy that the environment names."""

import os

import pytest

from kvsync.edgekv.options import proxy_for
from kvsync.model.errors import UsageError


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own proxies have no say."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("environ", "endpoint", "proxy"),
    [
        ({}, "https://example.com", None),
        ({"https_proxy": "http://p:3128"}, "https://example.com", "http://p:3128"),
        ({"https_proxy": "p:3128"}, "https://example.com", "http://p:3128"),
        ({"https_proxy": "http://p:3128\r\n"}, "https://example.com", "http://p:3128"),
        ({"https_proxy": "http://[::1]:3128/"}, "https://example.com", "http://[::1]:3128"),
        ({"https_proxy": "https://u:p%40%23@p"}, "https://example.com", "https://p"),
        ({"https_proxy": " \r"}, "https://example.com", None),
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
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(endpoint)
    assert (str(found.url) if found else None) == proxy


@pytest.mark.parametrize(
    ("variables", "said_by"),
    [
        (["HTTPS_PROXY"], "HTTPS_PROXY"),
        (["https_proxy"], "https_proxy"),
        (["https_proxy", "HTTPS_PROXY"], "https_proxy"),
        (["ALL_PROXY"], "ALL_PROXY"),
        (["ALL_PROXY", "all_proxy"], "all_proxy"),
        (["ALL_PROXY", "HTTPS_PROXY"], "HTTPS_PROXY"),
        (["Https_Proxy"], "Https_Proxy"),
    ],
)
def test_the_variable_that_counts_is_the_one_that_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: list[str], said_by: str
) -> None:
    """Of two that name a proxy the one that is used is told: lower case first, as in curl."""
    for name in variables:
        monkeypatch.setenv(name, f"http://user:hunter2@{name.replace('_', '-')}:1")
    found = proxy_for("https://example.com")
    assert found
    assert found.said_by == said_by
    host = said_by.replace("_", "-").lower()
    assert str(found) == f"the proxy http://{host}:1 ({said_by})"
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("socks5://user:hunter2@p:1080", "only http and https"),
        ("http://user:hunter2@p:port", "not the address of a proxy: write http://HOST:PORT"),
        ("http://user:hunter2#3@p:3128", "as %XX"),
        ("http://user:hunter2/3@p:3128", "as %XX"),
        ("http://user:12/hunter2@p:3128", "as %XX"),
        ("http://user:12?hunter2@p:3128", "as %XX"),
        ("http://", "not the address"),
        ("http://user:hunter2@", "not the address"),
        ("http://[user:hunter2", "not the address"),
        ("http://p:99999", "not the address"),
        ("http://user:hunter2@a b:1", "not the address"),
        ("http://user:hunter2@a..b:1", "not the address"),
        (f"http://{'a' * 64}.b:1", "not the address"),
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
def test_a_proxy_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    """What is no address of a proxy is an error that says which variable, and no password."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=f"^{variable}: ") as caught:
        proxy_for("https://example.com")
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
