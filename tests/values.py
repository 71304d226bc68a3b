"""Values for tests: short to write, complete in what they say."""

from hashlib import sha256

from kvsync.model.values import NEVER, Action, Change, Entry, Expiry, Row, Seen


def entry(key: str, value: str = "v", expiry: Expiry = NEVER, **fields: object) -> Entry:
    """An entry as a source would name it."""
    data = value.encode()
    made = Entry(key, sha256(data).digest(), len(data), expiry, f"m.yaml:{key}")
    return made._replace(**fields)


def row(key: str, value: str = "v", expiry: Expiry = NEVER, **fields: object) -> Row:
    """A row as the state has it after the entry of the same words was pushed at time 1000."""
    wanted = entry(key, value, expiry)
    runs_out = 1000 + expiry.ttl if expiry.ttl else expiry.at
    made = Row(
        key, wanted.digest, wanted.size, expiry, runs_out, 1000, "r", "me", wanted.origin, False
    )
    return made._replace(**fields)


def change(key: str, value: str = "v", known: Row | None = None) -> Change:
    """A change that a plan would make of an entry."""
    action = Action.UPDATE if known else Action.CREATE
    return Change(action, entry(key, value), "because", known)


def seen(key: str, value: str | None = "v", expires: int = 0) -> Seen:
    """What a look at the target finds of a key; None: nothing."""
    if value is None:
        return Seen(key)
    data = value.encode()
    return Seen(key, sha256(data).digest(), len(data), expires)
