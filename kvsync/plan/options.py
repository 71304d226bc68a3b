"""The options of a plan: each one that changes it is a field here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The plan's options, each by the name of its option on the command line.

    ``renew_within``: seconds left to live from which on a key is renewed (None: half of its TTL).
    ``adopt``: keys that another source owns are taken over.
    """

    renew_within: int | None = None
    adopt: bool = False


DEFAULTS = PlanOptions()
