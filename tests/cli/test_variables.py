"""Variables that a file with the line ends of Windows has set."""

import click
import pytest

from kvsync.cli import cli
from tests.cli.watching import held


def options(command, context):
    """All options of a command and of those below it."""
    yield from (param for param in command.params if isinstance(param, click.Option))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from options(command.get_command(context, name), context)


@pytest.mark.parametrize("end", ["\r", "\r\n", "  ", "\t"])
def test_line_ends_are_no_part_of_a_variable(monkeypatch, end):
    """Every option that has a variable takes what is in front of a line end, and no less."""
    context = click.Context(cli)
    named = {one.envvar: one for one in options(cli, context) if one.envvar}
    assert {"KVSYNC_ZONE", "KVSYNC_STATE", "KVSYNC_LOCAL", "KVSYNC_ONLY"} <= set(named)
    for variable, one in named.items():
        monkeypatch.setenv(variable, f"a b{end}")
        assert one.resolve_envvar_value(context) == "a b"
        monkeypatch.setenv(variable, end)
        assert one.resolve_envvar_value(context) is None


def test_all_of_them_at_once(kvsync, edge, manifest, write, monkeypatch, tmp_path):
    """A target, a state and switches that a .env of Windows has set are what they say."""
    write("site/a.json", "v")
    state = tmp_path / "elsewhere.db"
    variables = {
        "ZONE": "zone-1",
        "NAMESPACE": "ns",
        "ENDPOINT": edge.url,
        "STATE": str(state),
        "RATE": "100000",
        "TIMEOUT": "30s",
        "KEY": "join",
        "EXTENSION": "drop",
        "PREFIX": "p-",
        "VERBOSE": "1",
        "QUIET": "0",
        "JSON": "true",
        "LOG_FORMAT": "json",
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"KVSYNC_{name}", f"{value}\r")
    result = kvsync("sync", "site")
    assert (result.code, result.json["runs"][0]["summary"]["create"]) == (0, 1)
    assert held(edge) == {"p-a": "v"}
    assert state.exists()


def test_the_format_of_an_error_is_the_one_that_was_chosen(kvsync, monkeypatch):
    """Before the options are known, too."""
    monkeypatch.setenv("KVSYNC_JSON", "1\r")
    monkeypatch.setenv("KVSYNC_LOG_FORMAT", "json\r\n")
    result = kvsync("sync", "--no-such-option")
    assert result.json["error"]["kind"] == "usage"
    assert result.errors[0].startswith('{"time"')


def test_a_manifests_target(kvsync, edge, manifest, write, monkeypatch):
    """In zone, namespace and paths of a manifest the same variables mean the same."""
    write("one.txt", "1")
    write("two/b", "2")
    manifest(
        "zone: ${WHERE}\nnamespace: ${WHAT:-x}\n"
        "keys: {a: {file: '${FILE}'}, c: {env: VALUE}}\ntrees: [{path: '${TREE:-x}'}]\n"
    )
    for name, value in {"WHERE": "zone-1", "WHAT": "ns", "FILE": "one.txt", "TREE": "two"}.items():
        monkeypatch.setenv(name, f"{value}\r")
    # A value is what it is.
    monkeypatch.setenv("VALUE", "3\r")
    assert kvsync("sync", "m.yaml").code == 0
    assert held(edge) == {"a": "1", "b": "2", "c": "3\r"}
    monkeypatch.setenv("WHAT", "\r")
    plan = kvsync("plan", "m.yaml", "--json").json
    assert plan["runs"][0]["target"]["namespace"] == "x"
