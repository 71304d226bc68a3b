"""The user's guide: its topics, and one of them as plain text."""

import re
import textwrap
from collections.abc import Iterator
from importlib.resources import files
from itertools import zip_longest
from typing import NamedTuple

_FIRST = (
    "quickstart", "manifests", "folders", "dumps", "plans", "drift", "deleting", "failures",
    "export", "convert", "copy", "migrating", "scheduling", "ci", "state", "scripting", "settings",
    "pace", "emulator", "library", "security", "performance", "troubleshooting",
)  # fmt: skip
"""The order in which topics are listed; others come after these."""

_FENCE = re.compile(r"\s*```")
_ITEM = re.compile(r"(\s*)(-|\d+\.) ")
_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")
_TOPIC_LINK = re.compile(r"\]\((\w+)\.md")
_EMPHASIS = re.compile(r"\*\*|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)")
_CODE = re.compile(r"(`[^`]*`)")


class Topic(NamedTuple):
    """One file of the guide; ``purpose`` is the sentence below its title."""

    name: str
    purpose: str
    text: str


def topics() -> dict[str, Topic]:
    """Return all topics by name, in the order of the list."""
    found = {}
    for file in files("kvsync").joinpath("guide").iterdir():
        name, _, extension = file.name.partition(".")
        if extension == "md":
            text = file.read_text(encoding="utf-8")
            found[name] = Topic(name, text.split("\n\n")[1].replace("\n", " ").strip(), text)
    names = [name for name in _FIRST if name in found]
    return {name: found[name] for name in [*names, *sorted(found.keys() - set(names))]}


def plain(topic: Topic, width: int) -> str:
    """Return the topic as text for a terminal: prose and tables wrapped, code as it is."""
    lines = [line for block in _blocks(topic.text) for line in _rendered(block, width)]
    others = sorted(set(_TOPIC_LINK.findall(topic.text)) - {topic.name})
    if others:
        more = ", ".join(f"kvsync help {name}" for name in others)
        lines += ["", *_wrapped(f"See also: {more}", width)]
    return "\n".join(lines)


def _blocks(text: str) -> Iterator[list[str]]:
    """Yield the lines of each heading, paragraph, list item, table and block of code; blank
    lines.
    """
    block: list[str] = []
    in_code = False
    for line in text.splitlines():
        fence = bool(_FENCE.match(line))
        begins = not line.strip() or fence or _ITEM.match(line)
        if begins and block and not in_code:
            yield block
            block = []
        block.append(line)
        if (fence and in_code) or not (in_code or line.strip()):
            yield block
            block = []
        in_code ^= fence
    if block:
        yield block


def _rendered(block: list[str], width: int) -> list[str]:
    first = block[0]
    if _FENCE.match(first):
        return [f"    {line}".rstrip() for line in block[1:-1]]
    if first.startswith("#"):
        title = _inline(first.lstrip("# "))
        return [title, ("=" if first.startswith("# ") else "-") * len(title)]
    if first.startswith("|"):
        return _table(block, width)
    return _wrapped("\n".join(block), width) or [""]


def _wrapped(text: str, width: int) -> list[str]:
    """Return a paragraph or a list item, indented as it was."""
    item = _ITEM.match(text)
    start = item[0] if item else text[: len(text) - len(text.lstrip())]
    words = _inline(" ".join(text[len(start) :].split()))
    return textwrap.wrap(
        words, width, initial_indent=start, subsequent_indent=" " * len(start),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _inline(text: str) -> str:
    """Without the targets of links, and without emphasis."""
    parts = _CODE.split(_LINK.sub(r"\1", text))
    parts[::2] = [_EMPHASIS.sub("", part) for part in parts[::2]]
    return "".join(parts)


def _table(lines: list[str], width: int) -> list[str]:
    rows = [[_inline(cell.strip()) for cell in line.strip("|").split("|")] for line in lines]
    del rows[1]
    widths = _widths([*zip(*rows, strict=True)], width)
    wrapped = [
        [
            textwrap.wrap(cell, size, break_on_hyphens=False)
            for cell, size in zip(row, widths, strict=True)
        ]
        for row in rows
    ]
    # Rows of several lines need something between them.
    gap = [""] if any(len(cell) > 1 for row in wrapped for cell in row) else []
    shown = []
    for row in wrapped:
        for parts in zip_longest(*row, fillvalue=""):
            cells = (part.ljust(size) for part, size in zip(parts, widths, strict=True))
            shown.append("  ".join(cells).rstrip())
        shown += gap
    return shown[: len(shown) - len(gap)]


def _widths(columns: list[tuple[str, ...]], width: int) -> list[int]:
    """Return the columns' widths, in all at most ``width``, and each fit for its longest word."""
    widths = [max(map(len, column)) for column in columns]
    least = [max(len(word) for cell in column for word in cell.split()) for column in columns]
    while sum(widths) + 2 * (len(widths) - 1) > width:
        spare = [size - needed for size, needed in zip(widths, least, strict=True)]
        if max(spare) <= 0:
            break
        widths[max(range(len(widths)), key=lambda at: (spare[at] > 0, widths[at]))] -= 1
    return widths
