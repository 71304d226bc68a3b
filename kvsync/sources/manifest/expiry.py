"""``ttl`` and ``expires`` as a source writes them."""

from kvsync.model.api import SHORTEST_TTL_S
from kvsync.model.text import parse_duration, parse_time
from kvsync.model.values import NEVER, Expiry

SHORT_TTL = (
    f"a TTL under {SHORTEST_TTL_S} s: the service refuses it since mid-2026 (the documented page"
    " allows it)"
)


def parse_ttl(text: str) -> Expiry:
    """From ``never``, seconds, or ``90s``, ``15m``, ``1h30m``, ``7d``.

    Raises `ValueError`, with a message that does not repeat the text.
    """
    if text == "never":
        return NEVER
    if len(text) > 1 and text.isdigit() and text[0] == "0":
        # YAML 1.1 reads an octal number, people read a decimal one.
        raise ValueError("a number that starts with 0 can be read in two ways: leave the 0 out")
    seconds = parse_duration(text)
    if not seconds:
        raise ValueError("a TTL must be greater than 0: write never for a key that stays")
    return Expiry(ttl=seconds)


def parse_expires(text: str) -> Expiry:
    """From Unix seconds, or an ISO 8601 time with a zone.

    Raises `ValueError`, with a message that does not repeat the text.
    """
    moment = parse_time(text)
    if moment <= 0:
        raise ValueError("a time before 1970: write a later one, or leave expires out")
    return Expiry(at=moment)
