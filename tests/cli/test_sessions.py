"""What README and guide show of sessions is what the program prints."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from kvsync.emulator.faults import Faults
from tests.cli.documents import DOCUMENTS, ROOT, steps
from tests.cli.sessions import Session, alike, command_on_path, without_figures
from tests.cli.spoiling import altered, noise
from tests.nobody import without_coverage

SHOWN = [document for document in DOCUMENTS if steps(document)]
SITE = {
    "lang/en.json": '{"title": "Hello"}\n',
    "lang/de.json": '{"title": "Hallo"}\n',
    "robots.txt": "User-agent: *\n",
}
PAIRS = [
    {"key": "banner", "value": "-20 %"},
    {"key": "greeting", "value": "Hello"},
    {"key": "logo", "value": "/////////////w==", "base64": True},
    {"key": "shop/title", "value": "Ana's shop", "metadata": {"editor": "ana"}},
]
NEWS = [
    PAIRS[1] | {"value": "Hello again"},
    PAIRS[2],
    {"key": "news", "value": "Big news"},
    PAIRS[3],
]


class World:
    """What a document's sessions find, and what happens between their commands."""

    def __init__(
        self, kvsync: Callable[..., Any], serve: Callable[..., Any], patches: pytest.MonkeyPatch
    ) -> None:
        self.kvsync = kvsync
        self.serve = serve
        self.patches = patches
        self.edge: Any = None

    def cloud(self, *namespaces: str, **settings: str) -> None:
        """A service with these namespaces of zone-1, the first by default."""
        self.edge = self.serve(namespaces=namespaces)
        usual = {
            "TENCENTCLOUD_SECRET_ID": "any", "TENCENTCLOUD_SECRET_KEY": "thing",
            "KVSYNC_ENDPOINT": self.edge.url, "KVSYNC_ZONE": "zone-1",
            "KVSYNC_NAMESPACE": namespaces[0],
        }  # fmt: skip
        for name, text in (usual | settings).items():
            self.patches.setenv(name, text)

    def site(self, *options: str) -> None:
        """The folder ``site``, synced an hour ago."""
        write("site", SITE)
        assert self.kvsync("sync", "site", *options).code == 0
        altered(
            "UPDATE entry SET checksum = NULL, acknowledged = acknowledged - 3600",
            Path("site/.kvsync/state.db"),
        )


def write(folder: str, files: dict[str, str]) -> None:
    """A folder with these files."""
    for name, text in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def example(_: World) -> None:
    """A copy of the manifests, as quickstart makes it."""
    shutil.copytree(ROOT / "manifests", "manifests")


def picture(_: World) -> None:
    """A folder with a file that is not text."""
    Path("bundle").mkdir()
    Path("bundle/logo.png").write_bytes(b"\x89PNG\r\n\xff")


def changed_site(world: World) -> None:
    """A folder that has changed since its sync."""
    world.cloud("ns-011")
    world.site()
    Path("site/lang/de.json").unlink()
    write(
        "site", {"lang/en.json": '{"title": "Welcome"}\n', "sitemap.txt": "https://example.com/\n"}
    )


def drifted_site(world: World) -> None:
    """A namespace that others have written to."""
    world.cloud("ns-011")
    world.site()
    world.edge.put("zone-1", "ns-011", "robots_txt", "Disallow: /")
    world.edge.put("zone-1", "ns-011", "stray", "x")


def site_without_a_file(world: World) -> None:
    """A folder that has one file less than when it was synced."""
    world.cloud("ns-011")
    world.site()
    Path("site/lang/de.json").unlink()


def pages(world: World) -> None:
    """Twelve files, of which three will not get through."""
    world.cloud("ns-011")
    write("site", {f"page{n}": f"page {n}\n" for n in range(1, 13)})
    faults = iter(["", "", "reset-before", "cut-off", "cut-off"])
    world.patches.setattr(Faults, "draw", lambda _: next(faults, ""))


def odd_keys(world: World) -> None:
    """A namespace whose keys are no file names, and one that a folder was synced to."""
    world.cloud("shop", "ns-011", "copy")
    for key, value in (("../../etc/passwd", "root"), ("Greeting", "Hi"), ("greeting", "hi")):
        world.edge.put("zone-1", "ns-011", key, value)
    world.site()


def many_keys(world: World) -> None:
    """A namespace with 48 keys, in which nothing else is set by a variable."""
    world.cloud("ns-011")
    for name in ("KVSYNC_ZONE", "KVSYNC_NAMESPACE"):
        world.patches.delenv(name)
    for number in range(48):
        world.edge.put("zone-1", "ns-011", f"k{number}", f"value {number}")


def much(_: World) -> None:
    """More files than two seconds are enough for."""
    write("site", {f"page{n}": f"page {n}\n" for n in range(500)})


def releases(world: World) -> None:
    """A folder without a past, and a repository whose second commit was synced."""
    world.cloud("ns-011")
    write("app", {"index.html": "<h1>One</h1>\n", "main.css": "body{}\n"})
    write("site", {"a": "one\n", "b": "two\n"})
    Path("prod.yaml").write_text("version: 1\nname: prod\ntrees: [{path: site}]\n")
    git("init", "-q")
    git("add", "prod.yaml", "site")
    git("commit", "-qm", "one")
    git("tag", "v1")
    write("site", {"a": "three\n", "c": "new\n"})
    git("add", "site")
    git("commit", "-qm", "two")
    assert world.kvsync("sync", "prod.yaml").code == 0


def git(*arguments: str) -> None:
    """Run git, with nobody's settings."""
    who = ["-c", "user.name=ana", "-c", "user.email=ana@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], check=True)


def synced_site(world: World) -> None:
    """A folder and its state."""
    world.cloud("ns-011")
    world.site()


def site_and_file(world: World) -> None:
    """A folder that was synced by a key pair which no variable has."""
    synced_site(world)
    for name in ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"):
        world.patches.delenv(name)


def folder(_: World) -> None:
    """A folder that was never synced."""
    write("site", SITE)


WORLDS: dict[str, Callable[[World], None]] = {
    "README": example, "quickstart": example, "folders": picture, "plans": changed_site,
    "drift": drifted_site, "deleting": site_without_a_file, "failures": pages, "export": odd_keys,
    "copy": many_keys, "scheduling": much, "ci": releases, "state": synced_site,
    "scripting": folder, "settings": site_and_file, "emulator": folder,
}  # fmt: skip
"""What the sessions of a document begin with; nothing if it is not here."""


def dump_of(pairs: list[dict[str, Any]]) -> None:
    """What jq writes."""
    Path("dump.json").write_text(json.dumps(pairs, indent=2))


def spoiled(number: int) -> None:
    """The disk has changed a page of the state."""
    noise(4096 * (number - 1), 4096, Path("site/.kvsync/state.db"))


def passed(document: Path, session: Session) -> list[str]:
    """What of a document is not as it is shown."""
    dumps = iter([PAIRS, NEWS])
    exact = document.stem != "scheduling"
    wrong = []
    for step in steps(document):
        if step.command == "bash dump.sh ns":
            dump_of(next(dumps))
            continue
        if step.command == "kvsync state check site":
            spoiled(3)
        shown, printed = alike(step.shown), session.printed(step)
        if not exact:
            shown, printed = without_figures(shown), without_figures(printed)
        if shown != printed:
            wrong.append("\n".join([f"$ {step.command}", *printed]))
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("document", SHOWN, ids=lambda path: path.stem)
def test_sessions(document, kvsync, serve_emulator, monkeypatch, tmp_path):
    """Every command of a document prints what is shown of it, word for word."""
    if any(" jq " in step.command for step in steps(document)) and not shutil.which("jq"):
        assert not os.environ.get("CI")
        pytest.skip("there is no jq here")
    world = World(kvsync, serve_emulator, monkeypatch)
    with patch.dict(os.environ, without_coverage(), clear=True), command_on_path(tmp_path):
        os.environ["PYTHONPATH"] = str(ROOT)
        WORLDS.get(document.stem, lambda _: None)(world)
        with Session(kvsync, world.edge.url if world.edge else "") as session:
            assert "\n".join(passed(document, session)) == ""


def test_worlds():
    """None is left of a document that is no more."""
    assert WORLDS.keys() <= {document.stem for document in SHOWN}
