"""``kvsync sync``, from the command line to what the service holds."""

import io
import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from kvsync.emulator.store import Store


def held(edge, namespace: str = "ns") -> dict[str, str]:
    """What the service holds."""
    return {key: value for key, (value, _) in edge.pairs("zone-1", namespace).items()}


def puts(edge) -> int:
    """How many writes the service saw."""
    return edge.stats()["requests"].get("EdgeKVPut", 0)


def test_the_main_job(kvsync, edge, manifest):
    """A manifest is pushed; again, there is nothing to do; one changed value is one request."""
    manifest("keys: {a: one, b: two}\n")
    first = kvsync("sync", "m.yaml")
    assert (first.code, first.err) == (0, "")
    assert first.out.startswith("m.yaml → zone-1/ns: 2 created; 6 B, 2 requests, ")
    assert held(edge) == {"a": "one", "b": "two"}
    again = kvsync("sync", "m.yaml")
    assert (again.code, again.out) == (
        0, "m.yaml → zone-1/ns: nothing to do; 2 keys unchanged.\n",
    )  # fmt: skip
    manifest("keys: {a: one, b: new}\n")
    changed = kvsync("sync", "m.yaml")
    assert changed.out.startswith("m.yaml → zone-1/ns: 1 updated, 1 unchanged; 3 B, 1 request, ")
    assert (held(edge), puts(edge)) == ({"a": "one", "b": "new"}, 3)


def test_a_tree(kvsync, edge, write):
    """A directory is pushed with the flags that a manifest has as fields."""
    write("bundle/a.json", "{}")
    write("bundle/sub/b.bin", b"\xff\x00")
    write("bundle/sub/draft.txt", "no")
    result = kvsync(
        "sync", "bundle", "--prefix", "cfg-", "--key", "escape", "--encoding", "base64",
        "--exclude", "draft*", "--ttl", "1d", "--extension", "drop",
    )  # fmt: skip
    assert result.code == 0
    assert held(edge) == {"cfg-a": "e30=", "cfg-sub_2fb": "/wA="}
    assert all(expires for _, expires in edge.pairs("zone-1", "ns").values())
    assert kvsync("sync", "bundle", "--prefix", "cfg-", "--key", "escape", "--encoding", "base64",
                  "--exclude", "draft*", "--ttl", "1d", "--extension", "drop").out.startswith(
        "bundle → zone-1/ns: nothing to do"
    )  # fmt: skip


def test_json_document(kvsync, edge, manifest):
    """With --json stdout is one document with the fields of the contract."""
    manifest("keys: {a: one}\n")
    result = kvsync("sync", "m.yaml", "--json")
    document = result.json
    summary = document["runs"][0]["summary"]
    assert summary.pop("elapsed_s") > 0
    assert document == {
        "version": 1,
        "command": "sync",
        "exit_code": 0,
        "error": None,
        "runs": [
            {
                "source": "m.yaml",
                "exit_code": 0,
                "error": None,
                "warnings": [],
                "target": {
                    "endpoint": f"emulator:{edge.uuid}", "zone": "zone-1", "namespace": "ns",
                },
                "summary": {
                    "create": 1, "update": 0, "renew": 0, "delete": 0, "unchanged": 0, "orphan": 0,
                    "failed": 0, "rejected": 0, "skipped": 0, "bytes": 3,
                    "requests": {"EdgeKVPut": 1}, "retries": 0,
                },
                "changes": [
                    {
                        "action": "create", "key": "a", "origin": "m.yaml:2", "bytes": 3,
                        "reason": "not in the state",
                    }
                ],
                "orphans": [],
                "failures": [],
            }
        ],
    }  # fmt: skip


def test_verbose_shows_each_key(kvsync, edge, manifest):
    """-v shows the target, where it came from, and each key; never a value."""
    manifest("namespace: ns\nkeys: {a: one-value}\n")
    result = kvsync("sync", "m.yaml", "-v")
    heading, line, _ = result.out.splitlines()
    assert heading == (
        f"m.yaml → zone-1/ns at emulator {edge.uuid[:8]}"
        " (zone: KVSYNC_ZONE, namespace: m.yaml:2, endpoint: KVSYNC_ENDPOINT)"
    )
    assert line == "  + a        9 B  not in the state  (m.yaml:3)"
    assert "one-value" not in result.out + result.err


def test_very_verbose_shows_requests(kvsync, edge, manifest):
    """-vv logs each request with its RequestId on stderr; neither value nor secret is in it."""
    manifest("keys: {a: one-value}\n")
    result = kvsync("sync", "m.yaml", "-vv")
    assert "EdgeKVPut" in result.err
    assert "one-value" not in result.err
    assert "secret-of-the-test" not in result.err


def test_log_format_json(kvsync, edge, manifest):
    """With --log-format json every line on stderr is a JSON object, whatever goes wrong."""
    manifest("keys: {a: {value: x, ttl: 30}}\n")
    logged = kvsync("sync", "m.yaml", "--log-format", "json", "-vv").errors
    assert {json.loads(line)["level"] for line in logged} == {"warning", "debug"}
    manifest("keys: {a: no}\n")
    for args in (["m.yaml"], ["gone.yaml"], ["m.yaml", "--nonsense"], []):
        lines = kvsync("sync", *args, "--log-format=json").errors
        assert {json.loads(line)["level"] for line in lines} == {"error"}


def test_quiet(kvsync, edge, manifest):
    """-q prints nothing when all is well."""
    manifest("keys: {a: one}\n")
    assert kvsync("sync", "m.yaml", "-q") == (0, "", "")


def test_dry_run(kvsync, edge, manifest, clean_environment):
    """-n shows the plan, sends nothing and leaves no state behind."""
    manifest("keys: {a: one}\n")
    result = kvsync("sync", "m.yaml", "-n")
    assert (result.code, result.out.splitlines()[1:]) == (
        0,
        [
            "  + a        3 B  not in the state  (m.yaml:2)",
            "1 to create, 0 to update, 0 to renew; 0 unchanged.",
            "1 EdgeKVPut request, 3 B, about 0.0 s at 100000 requests/s.",
        ],
    )
    assert (held(edge), edge.arrivals) == ({}, [])
    assert not (clean_environment / ".kvsync").exists()
    assert kvsync("sync", "m.yaml", "-n", "--json").json["command"] == "sync"


@pytest.mark.parametrize(
    ("answer", "code", "sent"), [("y\n", 0, {"a": "one"}), ("n\n", 0, {}), ("", 2, {})]
)
def test_interactive(kvsync, edge, manifest, monkeypatch, answer, code, sent):
    """-i shows the plan on stderr and asks; no is no error, but having nobody to ask is one."""
    manifest("keys: {a: one}\n")
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    result = kvsync("sync", "m.yaml", "-i")
    assert result.code == code
    assert "  + a        3 B  not in the state  (m.yaml:2)" in result.err
    assert "Send this? [y/N]" in result.err
    assert held(edge) == sent
    assert ("nothing was sent" in result.err) == (not sent)


def test_declined_in_json(kvsync, edge, manifest, monkeypatch):
    """A sync that was declined says in JSON that nothing was done."""
    manifest("keys: {a: one}\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    (run,) = kvsync("sync", "m.yaml", "-i", "--json").json["runs"]
    assert (run["summary"]["create"], run["summary"]["skipped"]) == (0, 1)
    assert (run["summary"]["requests"], run["changes"], run["exit_code"]) == ({}, [], 0)
    assert "eta_s" not in run["summary"]


def test_interactive_with_nothing_to_do(kvsync, edge, manifest):
    """-i does not ask when there is nothing to send."""
    manifest("keys: {a: one}\n")
    kvsync("sync", "m.yaml")
    assert kvsync("sync", "m.yaml", "-i").err == ""


def test_orphans_are_told(kvsync, edge, manifest):
    """A key that the source no longer names is listed, and left where it is."""
    manifest("keys: {a: one, b: two}\n")
    kvsync("sync", "m.yaml")
    manifest("keys: {a: one}\n")
    assert "  ? b        3 B  no longer in the source  (m.yaml:2)" in kvsync("plan", "m.yaml").out
    result = kvsync("sync", "m.yaml")
    assert result.out == "m.yaml → zone-1/ns: nothing to do; 1 key unchanged, 1 orphan.\n"
    assert held(edge) == {"a": "one", "b": "two"}
    document = kvsync("plan", "m.yaml", "--json").json
    assert document["runs"][0]["orphans"] == ["b"]


def test_renewal(kvsync, edge, manifest):
    """--renew-within sends a key again whose TTL has no more than that left."""
    manifest("keys: {a: {value: one, ttl: 1h}}\n")
    kvsync("sync", "m.yaml")
    assert "nothing to do" in kvsync("sync", "m.yaml").out
    result = kvsync("sync", "m.yaml", "--renew-within", "1h")
    assert "1 renewed" in result.out


def test_only(kvsync, edge, manifest):
    """--only limits a sync to matching keys; the others stay for later."""
    manifest("keys: {cfg-a: one, cfg-b: two, other: three}\n")
    kvsync("sync", "m.yaml", "--only", "cfg-*")
    assert set(held(edge)) == {"cfg-a", "cfg-b"}
    assert "1 to create" in kvsync("plan", "m.yaml").out
    nothing = kvsync("plan", "m.yaml", "--only", "no-*")
    assert nothing.errors == ["kvsync: warning: m.yaml: no key of the source matches --only"]


def test_several_sources(kvsync, edge, write):
    """Several sources are several runs, each with its own state and owner."""
    write("one/m.yaml", "version: 1\nkeys: {a: one}\n")
    write("two/x", "two")
    document = kvsync("sync", "one/m.yaml", "two", "--json").json
    assert [run["summary"]["create"] for run in document["runs"]] == [1, 1]
    assert held(edge) == {"a": "one", "x": "two"}
    assert "nothing to do" in kvsync("sync", "two").out


def test_one_bad_source_and_nothing_is_sent(kvsync, edge, write):
    """All sources are read before any is sent: one mistake in the last, and nothing goes out."""
    write("good.yaml", "version: 1\nkeys: {a: one}\n")
    write("bad.yaml", "version: 1\nkeys: {b: no}\n")
    result = kvsync("sync", "good.yaml", "bad.yaml")
    assert (result.code, edge.arrivals) == (2, [])
    assert result.errors[0].startswith("bad.yaml:2:11: ")
    assert result.out == ""
    assert result.errors[-1] == ("kvsync: error: good.yaml: not sent, because bad.yaml went wrong")
    good, bad = kvsync("sync", "good.yaml", "bad.yaml", "--json").json["runs"]
    assert (good["exit_code"], good["error"]["kind"]) == (2, "held-back")
    assert (bad["exit_code"], bad["error"]["kind"]) == (2, "input")


def test_sources_that_collide(kvsync, edge, write, clean_environment):
    """A key of one target that two sources name is an error that names both places."""
    write("one.yaml", "version: 1\nkeys: {a: one}\n")
    write("two.yaml", "version: 1\nkeys: {a: two}\n")
    result = kvsync("sync", "one.yaml", "two.yaml")
    assert (result.code, edge.arrivals) == (2, [])
    assert result.errors[0] == "two.yaml:2: the key a is also named by one.yaml:2"
    assert result.out == ""
    assert not (clean_environment / ".kvsync").exists()
    details = kvsync("plan", "one.yaml", "two.yaml", "--json").json["error"]["details"]
    assert (details[0]["origin"], details[0]["line"]) == ("two.yaml", 2)
    assert kvsync("validate", "one.yaml", "two.yaml").errors[0] == result.errors[0]


def test_folders_that_collide(kvsync, edge, write, manifest):
    """The same file in two folders: what is advised keeps them apart, and escape would not."""
    for name in ("common", "staging"):
        write(f"{name}/config.json", name)
    manifest("trees: [{path: common}, {path: staging}]\n")
    for command in (["m.yaml"], ["common", "staging"]):
        result = kvsync("sync", *command)
        assert (result.code, "escape" in result.err, edge.arrivals) == (2, False, [])
        assert "staging/config.json: the key" in result.err
        assert "a prefix of its own" in result.err
    manifest("trees: [{path: common}, {path: staging, prefix: staging-}]\n")
    assert kvsync("sync", "m.yaml").code == 0


def test_sources_that_only_might_collide(kvsync, write):
    """validate does not compare sources whose targets it does not know."""
    write("one.yaml", "version: 1\nkeys: {a: one}\n")
    write("two.yaml", "version: 1\nkeys: {a: two}\n")
    assert kvsync("validate", "one.yaml", "two.yaml").code == 0


def test_source_given_twice(kvsync, edge, write):
    """The same source twice, under whatever name, is told in one line."""
    write("tree/x", "1")
    result = kvsync("sync", "tree", "./tree/")
    assert (result.code, result.errors[0]) == (
        2, "kvsync: error: ./tree/ is given twice",
    )  # fmt: skip
    assert edge.arrivals == []


def test_first_source_ends_fatally(kvsync, edge, write):
    """A fatal answer stops the sources that follow, and each says so in its own result."""
    write("one.yaml", "version: 1\nnamespace: nowhere\nkeys: {a: one}\n")
    write("two.yaml", "version: 1\nkeys: {b: two}\n")
    one, two = kvsync("sync", "one.yaml", "two.yaml", "--json").json["runs"]
    assert (one["exit_code"], one["error"]["kind"]) == (7, "fatal")
    assert (two["exit_code"], two["error"]["kind"]) == (7, "held-back")
    assert two["summary"]["skipped"] == 1
    assert held(edge) == {}


@pytest.mark.slow
def test_sources_with_one_broken_state(kvsync, edge, write, clean_environment):
    """After a state could not be written, nothing more is sent that it could not remember."""
    write("one.yaml", "version: 1\nkeys: {a: one}\n")
    write("two.yaml", "version: 1\nkeys: {b: two}\n")
    write("tree/c", "three")
    kvsync("sync", "one.yaml")
    write("one.yaml", "version: 1\nkeys: {a: new}\n")
    with sqlite3.connect(clean_environment / ".kvsync" / "state.db") as state:
        state.execute(
            "CREATE TRIGGER full BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    state.close()
    runs = kvsync("sync", "one.yaml", "two.yaml", "tree", "--json").json["runs"]
    assert [run["exit_code"] for run in runs] == [4, 4, 0]
    assert runs[1]["error"]["kind"] == "held-back"
    assert held(edge) == {"a": "one", "c": "three"}


def test_one_damaged_state(kvsync, edge, write):
    """A state that cannot be opened is the error of its own source; the others are held back."""
    write("one/x", "1")
    write("two/y", "2")
    write("two/.kvsync/state.db", "noise " * 1000)
    one, two = kvsync("sync", "one", "two", "--json").json["runs"]
    assert (one["error"]["kind"], two["error"]["kind"]) == ("held-back", "state")
    assert (one["exit_code"], two["exit_code"], held(edge)) == (4, 4, {})


def test_illegal_namespace_under_local(kvsync, write, clean_environment):
    """A namespace that cannot be is refused before any source is sent or any file made."""
    write("x/m.yaml", "version: 1\nnamespace: bad_ns\nkeys: {a: one}\n")
    write("y/m.yaml", "version: 1\nkeys: {b: two}\n")
    result = kvsync("sync", "y/m.yaml", "x/m.yaml", "--local")
    assert result.code == 2
    assert "namespace bad_ns (x/m.yaml:2): a name has 1 to 50 letters" in result.errors[0]
    assert not (clean_environment / "y" / ".kvsync").exists()


def test_first_source_fails(kvsync, edge, write, clean_environment):
    """A source that ends for a reason of its own does not stop the ones that follow."""
    write("one/m.yaml", "version: 1\nkeys: {a: one}\n")
    write("two/m.yaml", "version: 1\nkeys: {b: two}\n")
    kvsync("sync", "one/m.yaml")
    write("one/m.yaml", "version: 1\nkeys: {a: new}\n")
    with sqlite3.connect(clean_environment / "one" / ".kvsync" / "state.db") as state:
        state.execute(
            "CREATE TRIGGER full BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    state.close()
    one, two = kvsync("sync", "one/m.yaml", "two/m.yaml", "--json").json["runs"]
    assert (one["exit_code"], two["exit_code"]) == (4, 0)
    assert held(edge) == {"a": "one", "b": "two"}


def test_key_of_another_source(kvsync, edge, write):
    """A key that another source owns is refused with exit 11, and taken over with --adopt."""
    write("old.yaml", "version: 1\nkeys: {a: one}\n")
    kvsync("sync", "old.yaml")
    write("new.yaml", "version: 1\nkeys: {a: two}\n")
    refused = kvsync("sync", "new.yaml")
    assert (refused.code, puts(edge)) == (11, 1)
    assert refused.errors == [
        "kvsync: error: new.yaml:2: a is owned by ./old.yaml; if you renamed it, --adopt",
        "kvsync: error: this source is known by its place, ./new.yaml: a name lasts wherever it is"
        " (name: in a manifest, else --name)",
        "kvsync: more on this: kvsync help plans",
    ]
    assert kvsync("sync", "new.yaml", "--adopt").code == 0
    assert held(edge) == {"a": "two"}
    assert kvsync("sync", "old.yaml").code == 11


def test_owner_of_the_same_name_elsewhere(kvsync, edge, write):
    """A source of another state that happens to have the owner's name lets nothing go."""
    write("a/prod.yaml", "version: 1\nkeys: {k: mine}\n")
    kvsync("sync", "a/prod.yaml")
    write("a/extra.yaml", "version: 1\nkeys: {k: stolen}\n")
    write("b/prod.yaml", "version: 1\nkeys: {other: x}\n")
    assert kvsync("sync", "a/extra.yaml", "b/prod.yaml").code == 11
    assert held(edge) == {"k": "mine"}


def test_one_state_by_two_names(kvsync, edge, write, clean_environment):
    """A state file is one and the same under a link."""
    write("real/one.yaml", "version: 1\nkeys: {a: x}\n")
    write("real/two.yaml", "version: 1\nkeys: {b: y}\n")
    (clean_environment / "link").symlink_to("real")
    assert kvsync("sync", "real/one.yaml", "link/two.yaml").code == 0
    write("x/three.yaml", "version: 1\nkeys: {c: z}\n")
    (clean_environment / "x" / ".kvsync").symlink_to("../real/.kvsync")
    assert kvsync("sync", "real/one.yaml", "x/three.yaml").code == 0
    assert held(edge) == {"a": "x", "b": "y", "c": "z"}


def test_copied_folder(kvsync, write, clean_environment):
    """A copied folder has an emulator of its own under --local, though of the same UUID."""
    write("p/m.yaml", "version: 1\nkeys: {a: x}\n")
    kvsync("sync", "p/m.yaml", "--local")
    shutil.copytree(clean_environment / "p", clean_environment / "q")
    write("p/m.yaml", "version: 1\nkeys: {a: p}\n")
    write("q/m.yaml", "version: 1\nkeys: {a: q}\n")
    document = kvsync("sync", "p/m.yaml", "q/m.yaml", "--local", "--json").json
    assert [run["summary"]["update"] for run in document["runs"]] == [1, 1]
    for name in "pq":
        with closing(Store(str(clean_environment / name / ".kvsync/emulator.db"))) as store:
            namespace = store.namespace("zone-local", "default")
            assert store.get(namespace, [b"a"])[0][0] == name.encode()


def test_state_within_the_tree(kvsync, edge, write):
    """A state file that lies in the folder is no pair of it."""
    write("tree/x", "1")
    for _ in range(2):
        assert kvsync("sync", "tree", "--state", "tree/state.db").code == 0
    assert held(edge) == {"x": "1"}


def test_key_that_moves_within_a_call(kvsync, edge, write):
    """A key that moves from one source to another of the same call needs no --adopt."""
    write("one.yaml", "version: 1\nkeys: {a: x, b: y}\n")
    write("two.yaml", "version: 1\nkeys: {c: z}\n")
    kvsync("sync", "one.yaml", "two.yaml")
    write("one.yaml", "version: 1\nkeys: {a: x}\n")
    write("two.yaml", "version: 1\nkeys: {c: z, b: y}\n")
    document = kvsync("sync", "one.yaml", "two.yaml", "--json").json
    assert (document["exit_code"], puts(edge)) == (0, 3)
    assert [run["orphans"] for run in document["runs"]] == [[], []]


def test_moved_checkout(kvsync, edge, write, clean_environment):
    """A checkout may be moved: owners are relative to what holds the state."""
    write("one/m.yaml", "version: 1\nkeys: {a: x}\n")
    kvsync("sync", "one/m.yaml")
    (clean_environment / "one").rename(clean_environment / "two")
    assert "nothing to do" in kvsync("sync", "two/m.yaml").out


def test_explicit_state(kvsync, edge, write, clean_environment):
    """--state keeps the state elsewhere, and KVSYNC_STATE does the same."""
    write("tree/x", "1")
    kvsync("sync", "tree", "--state", "s.db")
    assert not (clean_environment / "tree" / ".kvsync").exists()
    assert "1 to create" in kvsync("plan", "tree").out
    assert "1 unchanged" in kvsync("plan", "tree", "--state", "s.db").out


def test_state_is_per_target(kvsync, edge, manifest, serve_emulator):
    """What one target holds says nothing of another: a new emulator is a new target."""
    manifest("keys: {a: one}\n")
    kvsync("sync", "m.yaml")
    other = serve_emulator(namespaces=("ns",))
    assert "1 to create" in kvsync("plan", "m.yaml", "--endpoint", other.url).out
    assert "1 to create" in kvsync("plan", "m.yaml", "--namespace", "else").out
    assert "1 unchanged" in kvsync("plan", "m.yaml").out


def test_who_wins(kvsync, edge, manifest):
    """For zone and namespace the command line wins, then the manifest, then the environment."""
    manifest("namespace: from-manifest\nkeys: {a: one}\n")
    target = kvsync("plan", "m.yaml", "--json").json["runs"][0]["target"]
    assert (target["zone"], target["namespace"]) == ("zone-1", "from-manifest")
    target = kvsync("plan", "m.yaml", "--namespace", "x", "--json").json["runs"][0]["target"]
    assert target["namespace"] == "x"


@pytest.mark.slow
def test_python_dash_m(kvsync, edge, manifest):
    """`python -m kvsync` is the same program."""
    import subprocess
    import sys

    from kvsync import __version__

    told = subprocess.check_output([sys.executable, "-m", "kvsync", "--version"], text=True)
    assert told == f"kvsync {__version__}\n"


def test_changed_file_in_a_tree(kvsync, edge, write):
    """A changed file is one request; --checksum reads files even if they look unchanged."""
    write("tree/x", "1")
    write("tree/y", "2")
    kvsync("sync", "tree")
    write("tree/x", "3")
    assert "1 updated, 1 unchanged" in kvsync("sync", "tree").out
    assert "2 unchanged" in kvsync("plan", "tree", "--checksum").out
    assert held(edge) == {"x": "3", "y": "2"}


@pytest.mark.slow
def test_failed_keys(kvsync, serve_emulator, edge, manifest, monkeypatch):
    """Keys that fail are listed with code and RequestId, exit 5; the next run sends them again."""
    broken = serve_emulator(fault=1.0, faults=frozenset({"InternalError"}))
    manifest("keys: {a: one, b: two}\n")
    monkeypatch.setenv("KVSYNC_ENDPOINT", broken.url)
    result = kvsync("sync", "m.yaml", "--retries", "0")
    assert result.code == 5
    assert len(result.errors) == 1
    assert result.errors[0].startswith("kvsync: error: failed: a, b: InternalError: ")
    assert "(RequestId " in result.errors[0]
    assert "2 failed" in result.out
    plan = kvsync("plan", "m.yaml", "--json").json["runs"][0]
    assert [change["reason"] for change in plan["changes"]] == ["last outcome unknown"] * 2
    failures = kvsync("sync", "m.yaml", "--retries", "1", "--json").json["runs"][0]["failures"]
    assert [(f["key"], f["outcome"], f["attempts"]) for f in failures] == [
        ("a", "failed", 2), ("b", "failed", 2),
    ]  # fmt: skip


def test_nobody_listens(kvsync, edge, manifest):
    """Where nobody listens on loopback, that is told at once; no key is marked or tried."""
    manifest("keys: {a: one, b: two}\n")
    result = kvsync("sync", "m.yaml", "--endpoint", "http://127.0.0.1:9")
    assert (result.code, result.errors) == (
        5,
        [
            "kvsync: error: ConnectionError: nobody listens at http://127.0.0.1:9: start it, then"
            " run again",
            "kvsync: m.yaml: run the same command again to go on",
        ],
    )
    assert "2 not sent" in result.out


def test_emulator_that_came_after_the_plan(kvsync, edge, manifest, monkeypatch):
    """An emulator that was not there when the plan was made gets no write under a bare address."""
    manifest("keys: {a: one}\n")
    monkeypatch.setattr("kvsync.engine.target.identity", lambda url, **_: url)
    result = kvsync("sync", "m.yaml")
    assert (result.code, held(edge)) == (5, {})
    assert "has changed since the plan was made: run again" in result.errors[0]


@pytest.mark.slow
def test_faults_are_survived(kvsync, serve_emulator, edge, manifest, monkeypatch):
    """With a fifth of all requests failing in every way, all keys get through."""
    faulty = serve_emulator(fault=0.2, seed=7, faults=frozenset(
        {"InternalError", "429", "502", "reset-before", "reset-after", "cut-off"}
    ))  # fmt: skip
    manifest("keys: {" + ", ".join(f"k{n}: 'v{n}'" for n in range(60)) + "}\n")
    monkeypatch.setenv("KVSYNC_ENDPOINT", faulty.url)
    document = kvsync("sync", "m.yaml", "--retries", "20", "--json").json
    assert document["exit_code"] == 0
    assert held(faulty) == {f"k{n}": f"v{n}" for n in range(60)}
    assert document["runs"][0]["summary"]["retries"] > 0


def test_local(kvsync, manifest, clean_environment):
    """--local needs no account, zone or namespace; its data lies beside the state, private."""
    manifest("keys: {a: one}\n")
    assert "1 created" in kvsync("sync", "m.yaml", "--local").out
    assert "nothing to do" in kvsync("sync", "m.yaml", "--local").out
    data = clean_environment / ".kvsync" / "emulator.db"
    assert data.stat().st_mode & 0o777 == 0o600
    data.unlink()
    assert "1 to create" in kvsync("plan", "m.yaml", "--local").out
    assert not data.exists()
    assert "1 created" in kvsync("sync", "m.yaml", "--local").out


def test_local_and_endpoint(kvsync, manifest, monkeypatch):
    """--local and --endpoint exclude each other; what was typed beats what a variable says."""
    manifest("zone: z\nnamespace: n\nkeys: {a: one}\n")
    monkeypatch.setenv("KVSYNC_LOCAL", "1")
    typed = kvsync("plan", "m.yaml", "--endpoint", "mainland", "--json").json["runs"][0]
    assert typed["target"]["endpoint"] == "https://teo.tencentcloudapi.com"
    monkeypatch.delenv("KVSYNC_LOCAL")
    monkeypatch.setenv("KVSYNC_ENDPOINT", "mainland")
    typed = kvsync("plan", "m.yaml", "--local", "--json").json["runs"][0]
    assert typed["target"]["endpoint"] == "local:"
    result = kvsync("sync", "m.yaml", "--local", "--endpoint", "intl")
    assert (result.code, result.errors) == (
        2, ["kvsync: error: --local is an endpoint of its own: leave out --endpoint"],
    )  # fmt: skip


def test_detailed_exitcode(kvsync, edge, manifest, write):
    """plan --detailed-exitcode: 2 for changes, 0 for none, orphans included, 1 for any error."""
    manifest("keys: {a: one, b: two}\n")
    assert kvsync("plan", "m.yaml").code == 0
    assert kvsync("plan", "m.yaml", "--detailed-exitcode").code == 2
    assert kvsync("plan", "m.yaml", "--detailed-exitcode", "--json").json["exit_code"] == 2
    kvsync("sync", "m.yaml")
    manifest("keys: {a: one}\n")
    assert kvsync("plan", "m.yaml", "--detailed-exitcode").code == 0
    manifest("keys: {a: no}\n")
    assert kvsync("plan", "m.yaml", "--detailed-exitcode").code == 1
    assert kvsync("plan", "--detailed-exitcode").code == 1
    assert kvsync("plan", "--detailed-exitcode", "--json").json["exit_code"] == 1


@pytest.mark.slow
def test_real_files(kvsync, edge):
    """The time zone database, as others built it, arrives byte for byte, and is known after."""
    import base64
    from importlib.resources import files

    tree = files("tzdata").joinpath("zoneinfo")
    options = (str(tree), "--encoding", "base64", "--charset", "utf-8", "--empty", "skip",
               "--exclude", "*.py", "--exclude", "__pycache__", "--state", "s.db")  # fmt: skip
    document = kvsync("sync", *options, "--json").json
    pairs = held(edge)
    wanted = {
        path.relative_to(tree).as_posix(): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and path.stat().st_size
    }
    assert len(wanted) > 500
    assert {key: base64.b64decode(value) for key, value in pairs.items()} == wanted
    assert document["runs"][0]["summary"]["create"] == len(wanted)
    assert kvsync("sync", *options, "--json").json["runs"][0]["summary"]["requests"] == {}
