"""Drift: a target that is not as its source or the state says. Pure."""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from kvsync.model.api import SETTLING_S
from kvsync.model.values import Action, Entry, Expiry, Row, Seen

Verdict: TypeAlias = tuple[Action, str]
"""What is to be done with a key no matter what else the state says, and why."""


class Status(StrEnum):
    """The status of a key in the target, against the source."""

    SAME = "same"
    DIFFERS = "differs"
    MISSING = "missing"
    UNMANAGED = "unmanaged"


class Correction(NamedTuple):
    """Corrections of the state after a look at the target.

    ``rows`` are to replace those of their keys, ``gone`` are keys to be forgotten; ``verdicts``
    say, by key, why the plan will send it.
    """

    rows: list[Row]
    gone: list[str]
    verdicts: dict[str, Verdict]

    def applied(self, rows: Mapping[str, Row]) -> dict[str, Row]:
        """Return the state's rows, corrected."""
        corrected = {**rows, **{row.key: row for row in self.rows}}
        for key in self.gone:
            del corrected[key]
        return corrected


def status_of(entry: Entry, seen: Seen) -> Status:
    """Return whether the target holds what the entry says."""
    if not seen.digest:
        return Status.MISSING
    return Status.SAME if _holds(seen, entry.digest, entry.expiry) else Status.DIFFERS


def _holds(seen: Seen, digest: bytes, expiry: Expiry) -> bool:
    return seen.digest == digest and _agrees(seen.expires, expiry)


def _agrees(expires: int, expiry: Expiry) -> bool:
    """Return whether a pair that runs out at ``expires`` has the declared expiry.

    A TTL says nothing of when it began: any time will do, and never will not.
    """
    if expiry.ttl:
        return expires > 0
    return expires == expiry.at


def correct(
    entries: Iterable[Entry],
    rows: Mapping[str, Row],
    seen: Mapping[str, Seen],
    *,
    owner: str,
    now: float,
    unsure: Collection[str] = (),
) -> Correction:
    """Hold what was seen against the state's rows, for the wanted entries and for the orphans.

    Keys that were not seen stay as they are. ``now`` is the service's time in Unix seconds;
    ``owner`` gets the keys that hold what is wanted and that the state does not know. Of ``unsure``
    keys nothing is taken over: what was seen may be what we have just replaced or deleted.
    """
    found = Correction([], [], {})
    named = set()
    for entry in entries:
        named.add(entry.key)
        one = seen.get(entry.key)
        if one is None:
            continue
        row = rows.get(entry.key)
        if not _holds(one, entry.digest, entry.expiry):
            _correct_wanted(found, entry.key, row, one, now)
        elif entry.key not in unsure and (adopted := _adopted(entry, row, one, owner, now)) != row:
            found.rows.append(adopted)
    for key, one in seen.items():
        if key not in named:
            _correct_orphan(found, rows[key], one)
    return found


def _correct_wanted(found: Correction, key: str, row: Row | None, seen: Seen, now: float) -> None:
    """Correct a row whose target does not hold what is wanted."""
    if row is None:
        # No row is made: a row says whose a key is, and so far it is no one's of ours.
        if seen.digest:
            found.verdicts[key] = Action.UPDATE, "differs remotely"
    elif not seen.digest:
        # A pair that has run out by itself is missed by no one.
        if not 0 < row.runs_out <= now:
            found.gone.append(key)
            found.verdicts[key] = Action.CREATE, "missing remotely"
    elif not _holds(seen, row.digest, row.expiry):
        found.rows.append(_estranged(row))
        found.verdicts[key] = Action.UPDATE, "drifted"


def _correct_orphan(found: Correction, row: Row, seen: Seen) -> None:
    if not seen.digest:
        found.gone.append(row.key)
    elif seen.digest != row.digest:
        found.rows.append(_estranged(row))
    elif (ending := _ending(row, seen)) != row:
        found.rows.append(ending)


def _ending(row: Row, seen: Seen) -> Row:
    """Return the row of a key that holds our value, and that ends when it was seen to end."""
    expiry = row.expiry if _agrees(seen.expires, row.expiry) else Expiry(at=seen.expires)
    return row._replace(expiry=expiry, runs_out=float(seen.expires))


def _adopted(entry: Entry, row: Row | None, seen: Seen, owner: str, now: float) -> Row:
    """Return the row of a key that holds what is wanted, by any writer."""
    if row is None:
        return Row(
            key=entry.key,
            digest=entry.digest,
            size=entry.size,
            expiry=entry.expiry,
            runs_out=seen.expires,
            acknowledged=now,
            request_id="",
            owner=owner,
            origin=entry.origin,
            in_doubt=False,
            signature=entry.signature,
        )
    # A TTL that the source has changed is still to be sent.
    both = row.expiry.ttl and entry.expiry.ttl
    adopted = row._replace(
        expiry=row.expiry if both else entry.expiry, runs_out=float(seen.expires)
    )
    if row.digest == entry.digest:
        return adopted
    return adopted._replace(
        digest=entry.digest, size=entry.size, signature=entry.signature, acknowledged=now
    )


def _estranged(row: Row) -> Row:
    """Return the row of a key that another writer has written: what it holds is not ours."""
    return row._replace(digest=b"", size=0, runs_out=0.0, signature=b"")


def doubtful(rows: Mapping[str, Row], seen: Collection[Seen], now: float) -> list[str]:
    """Keys that seem to have drifted, but were written too short a while ago to be sure.

    A read that shows what was there before is no news while our own write is still on its way, and
    least of all where the source has gone back to that.
    """
    return [one.key for one in seen if _is_doubtful(rows.get(one.key), one, now)]


def _is_doubtful(row: Row | None, seen: Seen, now: float) -> bool:
    if row is None or now - row.acknowledged >= SETTLING_S:
        return False
    if not seen.digest and 0 < row.runs_out <= now:
        return False
    return bool(row.digest) and not _holds(seen, row.digest, row.expiry)


def settling(times: Mapping[str, float], now: float) -> set[str]:
    """Keys that were written or deleted too short a while ago for a read to show it for sure."""
    return {key for key, at in times.items() if now - at < SETTLING_S}
