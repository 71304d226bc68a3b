"""How much a run may delete before someone has to say that it is meant. Pure."""

import re
from typing import NamedTuple

from kvsync.model.errors import RefusedError
from kvsync.model.text import count_text

_SHARE = 30.0
"""Per cent that may go unasked."""
_FEW = 10
"""Fewer deletes than these are no landslide, no matter what the share."""

_ALLOWANCE = re.compile(r"(\d{1,9})|(\d{1,3}(?:\.\d{1,3})?)\s?%", re.ASCII)


class Allowance(NamedTuple):
    """The value of ``--max-delete``: a number of keys, or a share in per cent; one of the two."""

    keys: int | None = None
    percent: float | None = None

    def __str__(self) -> str:
        return f"{self.percent:g} %" if self.keys is None else count_text(self.keys, "key")


class Deleting(NamedTuple):
    """Permission to delete: orphans, with ``unmanaged`` all that the source does not name.

    ``allowance`` None is the default threshold; ``force`` overrides thresholds, and nothing else.
    """

    unmanaged: bool = False
    allowance: Allowance | None = None
    force: bool = False


def parse_allowance(text: str) -> Allowance:
    """From ``12`` or ``50%``. Raises `ValueError`."""
    match = _ALLOWANCE.fullmatch(text)
    if not match or (match[2] and float(match[2]) > 100):
        raise ValueError("write a number of keys, or a share from 0% to 100%")
    return Allowance(int(match[1])) if match[1] else Allowance(percent=float(match[2]))


def check_deletes(count: int, total: int, whose: str, *, empty: bool, deleting: Deleting) -> None:
    """Refuse to delete ``count`` of ``total`` keys if that is more than may go unasked.

    ``whose`` says of whom the total is, after the word "keys"; ``empty``: the source names no key.
    Raises `RefusedError` with the numbers.
    """
    if not count:
        return
    told = f"would delete {count:,} of the {count_text(total, 'key')} {whose}"
    if empty and (deleting.allowance or Allowance()).percent != 100:
        raise RefusedError(
            f"{told}, for the source names none; nothing was sent. If the source is the right one,"
            " give --max-delete 100%"
        )
    if deleting.force or not _is_too_much(count, total, deleting.allowance):
        return
    bound = deleting.allowance or Allowance(percent=_SHARE)
    share = f" ({100 * count / total:.0f} %)" if total else ""
    raise RefusedError(
        f"{told}{share}, more than {bound}; nothing was sent. Look with"
        f" `kvsync plan --delete`; if that is meant, give --max-delete {count} or --force"
    )


def _is_too_much(count: int, total: int, allowance: Allowance | None) -> bool:
    # A key in doubt may be there or not: all may go, and still be more than a list has shown.
    total = max(total, count)
    if allowance is None:
        return count >= _FEW and 100 * count > _SHARE * total
    if allowance.keys is not None:
        return count > allowance.keys
    return 100 * count > (allowance.percent or 0.0) * total
