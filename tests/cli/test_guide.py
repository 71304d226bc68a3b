"""README and guide: what is in them is so, every link leads somewhere, and the wheel has them."""

import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.util import find_spec

import pytest
import yaml

from kvsync.cli.guide import topics
from kvsync.formats import FORMATS
from kvsync.formats.policies import POLICIES
from kvsync.formats.record import ERROR, SKIP
from tests.cli.documents import DOCUMENTS, GUIDE, README, ROOT, anchors, code, prose, rows, section

TOPICS = sorted(path.stem for path in GUIDE.glob("*.md"))
LINKS = [
    (path, link)
    for path in [*DOCUMENTS, ROOT / ".github" / "CONTRIBUTING.md"]
    for link in re.findall(r"\]\(([^)]+)\)", path.read_text())
]


def test_policies():
    """The table of what EdgeKV cannot hold has every kind, every way, and which is the default."""
    expected = []
    for kind, policy in POLICIES.items():
        default = next(iter(policy.ways))
        ways = [
            f"`{way}`{' (default)' if way == default else ''}: {told}"
            for way, told in policy.ways.items()
            if way not in {ERROR, SKIP}
        ]
        expected.append([f"`--{kind}`", policy.what, "; ".join(ways)])
    assert rows(section(GUIDE / "dumps.md", "## What EdgeKV cannot hold"))[1:] == expected


def test_help_of_convert(kvsync):
    """The help of convert has the same table."""
    told = " ".join(kvsync("convert", "--help").out.split())
    for kind, policy in POLICIES.items():
        assert f"--{kind} {policy.what}." in told
        for way, what in policy.ways.items():
            if way not in {ERROR, SKIP}:
                assert f"{way}: {what}" in told


def test_formats():
    """The table of formats has all of them."""
    table = rows(section(GUIDE / "dumps.md", "## Formats").partition("###")[0])[1:]
    named = [name for row in table for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(FORMATS)


def test_the_workflow(kvsync):
    """The recipe for GitHub saves whatever came of it, and trusts no state that was restored."""
    (recipe,) = code(section(GUIDE / "ci.md", "## GitHub Actions"), "yaml")
    job = yaml.safe_load(recipe)["jobs"]["sync"]
    restore, save = (
        next(
            step
            for step in job["steps"]
            if step.get("uses", "").startswith(f"actions/cache/{what}")
        )
        for what in ("restore", "save")
    )
    assert job["steps"].index(restore) < job["steps"].index(save) == len(job["steps"]) - 1
    assert save["if"] == "always()"
    assert save["with"]["key"] == restore["with"]["key"]
    assert "github.run_attempt" in save["with"]["key"]
    folder = job["env"]["KVSYNC_STATE"].partition("/")[0]
    assert save["with"]["path"] == restore["with"]["path"] == folder
    commands = [step["run"].split(" || ")[0].split()[1:] for step in job["steps"] if "run" in step]
    assert [command[0] for command in commands] == ["plan", "sync"]
    for command in commands:
        assert "--refresh" in command
        told = kvsync(command[0], "--help").out
        assert all(word in told for word in command if word.startswith("--"))


@pytest.mark.parametrize("document", [README, GUIDE / "manifests.md"], ids=lambda path: path.stem)
def test_manifests(kvsync, write, monkeypatch, document):
    """The manifest that a document shows is one."""
    (manifest,) = code(document.read_text(), "yaml")
    write("m.yaml", manifest)
    write("assets/logo.png", b"\x89PNG")
    write("bundle/a.json", "{}")
    write("export/shop.json", '[{"key": "a", "value": "v", "metadata": {"by": "ana"}}]')
    monkeypatch.setenv("KVSYNC_ZONE", "zone-1")
    monkeypatch.setenv("API_TOKEN", "token")
    assert kvsync("validate", "m.yaml").code == 0


def test_the_program(serve_emulator, credentials, capsys):
    """The program that the guide shows writes a pair and reads it."""
    (program,) = code((GUIDE / "library.md").read_text(), "python")
    served = serve_emulator(namespaces=("ns-011",))
    exec(program.replace("http://127.0.0.1:8787", served.url), {})
    assert served.pairs("zone-1", "ns-011")["greeting"][0] == "hello"
    assert "b'hello'" in capsys.readouterr().out


def test_the_front_page_is_short():
    """README has at most 250 lines."""
    assert len(README.read_text().splitlines()) <= 250


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_lines_are_wrapped(path):
    """Prose has lines of at most 100 characters, and is Markdown without HTML."""
    lines = prose(path)
    assert [line for line in lines if len(line) > 100] == []
    assert [line for line in lines if re.search(r"</?[a-z]+[ />]|<!--", line)] == []


@pytest.mark.parametrize(("path", "link"), LINKS)
def test_links(path, link):
    """What a document links to is in the repository, the heading behind a # too."""
    if re.match(r"[a-z]+:", link):
        return
    file, _, anchor = link.partition("#")
    target = (path.parent / file).resolve() if file else path
    assert target.exists()
    assert target.is_relative_to(ROOT)
    assert not anchor or anchor in anchors(target)


@pytest.mark.parametrize("topic", TOPICS)
def test_topics(topic):
    """A topic begins with its title and one sentence, and is in the table of README."""
    title, purpose, *_ = (GUIDE / f"{topic}.md").read_text().split("\n\n")
    assert re.fullmatch(r"# [A-Z].*", title)
    assert re.fullmatch(r"[A-Z][^\n]{20,100}\.", purpose)
    assert f"[{topic}](kvsync/guide/{topic}.md)" in section(README, "## What it does")


def test_the_guide_is_installed():
    """The package has all topics, and none is listed that is not there."""
    guide = files("kvsync").joinpath("guide")
    assert sorted(file.name for file in guide.iterdir()) == [f"{name}.md" for name in TOPICS]
    assert sorted(topics()) == TOPICS


def _setuptools() -> int:
    """The major version of setuptools; 0 if there is none."""
    try:
        return int(version("setuptools").partition(".")[0])
    except PackageNotFoundError:
        return 0


@pytest.mark.slow
def test_the_wheel_has_the_guide(tmp_path):
    """What pip makes of the project brings the guide along."""
    if not (find_spec("pip") and _setuptools() >= 77):
        pytest.skip("there is no setuptools here that can build the project")
    # A build leaves its files beside the sources.
    project = tmp_path / "project"
    shutil.copytree(ROOT / "kvsync", project / "kvsync")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, project)
    build = ["-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    subprocess.run([sys.executable, *build, "-w", tmp_path, project], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"kvsync/guide/{name}.md" for name in TOPICS} <= set(names)


def test_the_map_of_the_code_names_what_is_there() -> None:
    """Each path that kvsync/README.md names is a file or a folder; NAME stands for a new one."""
    room = ROOT / "kvsync"
    named = re.findall(
        r"`((?!tests/)[a-z]+/[a-z_/]*(?:\.py|\.md)?)`", (room / "README.md").read_text()
    )
    assert len(named) > 30
    assert [path for path in named if not (room / path).exists()] == []
