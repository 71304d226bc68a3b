"""Small dumps in each format, as the format's own tool writes or takes them, and what they mean."""

import base64
import json
from typing import NamedTuple

FOREVER = 4102444800
"""An expiry in Unix seconds."""
SOON = 3600
"""A TTL."""
TEXT = 'two, "ü" 🎉'


class Dump(NamedTuple):
    """A dump and the options that it needs; ``pairs`` has what must be stored of it.

    The expiry beside a value is in seconds: `FOREVER` is a date, `SOON` a TTL, 0 is none.
    ``guessed``: name and content tell the format.
    """

    name: str
    content: str
    pairs: dict[str, tuple[str, int]]
    options: tuple[str, ...] = ()
    guessed: bool = True


def wrapped(text: str | bytes) -> str:
    """The text in base64."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def lines(*items: object) -> str:
    """JSON, a line for each item."""
    return "".join(f"{json.dumps(item)}\n" for item in items)


_PAIRS = {"a": ("one", 0), "b": (TEXT, SOON), "c": ("3\n", FOREVER)}
_WITHOUT_DATES = {"a": ("one", 0), "b": (TEXT, SOON)}
_OBJECTS = (
    {"key": "a", "value": "one"},
    {"key": "b", "value": wrapped(TEXT), "base64": True, "expiration_ttl": SOON},
    {"key": "c", "value": "3\n", "expiration": FOREVER},
)
_CELL = TEXT.replace('"', '""')

DUMPS = {
    "jsonl": Dump("d.jsonl", lines(*_OBJECTS), _PAIRS),
    "csv": Dump(
        "d.csv",
        f'key,value,expiration,expiration_ttl\na,one,,\nb,"{_CELL}",,3600\nc,"3\n",{FOREVER},\n',
        _PAIRS,
    ),
    "tsv": Dump(
        "d.tsv",
        f'name\tbody\tlife\na\tone\t\nb\t"{_CELL}"\t1h\n',
        _WITHOUT_DATES,
        ("--key-column", "name", "--value-column", "body", "--ttl-column", "life"),
    ),
    "cloudflare": Dump("d.json", json.dumps(_OBJECTS, indent=1), _PAIRS),
    "fastly": Dump(
        "d.json",
        lines(
            {"key": "a", "value": wrapped("one")},
            {"key": "b", "value": wrapped(TEXT), "time_to_live_sec": SOON},
        ),
        _WITHOUT_DATES,
    ),
    "akamai": Dump(
        "d.csv",
        f'g,a,one\ng,b,"{_CELL}",3600\n',
        {f"g.{key}": pair for key, pair in _WITHOUT_DATES.items()},
        ("--groups", "join", "--separator", ".", "--charset", "utf-8"),
        guessed=False,
    ),
    "consul": Dump(
        "d.json",
        json.dumps(
            [
                {"key": "a", "flags": 0, "value": wrapped("one")},
                {"key": "b", "flags": 0, "value": wrapped(TEXT)},
            ],
            indent="\t",
        ),
        {"a": ("one", 0), "b": (TEXT, 0)},
    ),
    "dotenv": Dump(
        ".env",
        f"# a comment\na=one\nexport b='{TEXT}'\nC=\"${{a}}\"\n",
        {"a": ("one", 0), "b": (TEXT, 0), "C": ("${a}", 0)},
    ),
}
