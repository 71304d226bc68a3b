"""README and guide as they are read: sections, tables, console blocks. For tests."""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDE = ROOT / "kvsync" / "guide"
DOCUMENTS = [README, *sorted(GUIDE.glob("*.md"))]


class Step(NamedTuple):
    """One command of a console block, and what is shown of its output."""

    command: str
    shown: str


def section(path: Path, title: str) -> str:
    """The text under this heading, up to the next one of its kind or above."""
    level = title.split(maxsplit=1)[0]
    rest = path.read_text().partition(f"\n{title}\n")[2]
    assert rest, f"no section {title}"
    return re.split(rf"^#{{2,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text, their headings too."""
    return [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]


def code(text: str, language: str) -> list[str]:
    """The blocks of code in this language."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for _, block in found]


def steps(path: Path) -> list[Step]:
    """The commands of all console blocks of a document, in their order."""
    blocks = "".join(code(path.read_text(), "console"))
    return [
        Step(*part.split("\n", 1)) for part in re.split(r"^\$ ", blocks, flags=re.MULTILINE)[1:]
    ]


def prose(path: Path) -> list[str]:
    """The lines that are neither code nor a table."""
    text = re.sub(r"^( *)```.*?^ *```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [line for line in text.splitlines() if not line.startswith("|")]


def anchors(path: Path) -> set[str]:
    """What a link into a document may have behind its #, as code hosts make it of headings."""
    text = re.sub(r"^( *)```.*?^ *```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
