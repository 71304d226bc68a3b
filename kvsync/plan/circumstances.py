"""All that a plan depends on besides entries and rows."""

from collections.abc import Collection, Container, Mapping, Sequence
from typing import NamedTuple

from kvsync.model.api import API_RATE
from kvsync.model.values import Action, Run
from kvsync.plan.limits import Deleting
from kvsync.plan.options import DEFAULTS, PlanOptions


class Circumstances(NamedTuple):
    """Knowledge, options, and warnings that are told elsewhere.

    ``now`` is in Unix seconds, ``rate`` in requests per second. ``complete``: the entries are all
    that the source names.
    ``named_elsewhere`` has the keys of the same target that others answer for (other sources of the
    call, or sources outside it that another state knows), ``companions`` the owners of the former.
    ``runs`` are the owner's last runs, newest first. ``verdicts`` are what a look at the target has
    decided already. ``told_expired`` has keys of which it is told elsewhere that their `expires`
    has passed, ``told_short`` those of which it is told that it is near. ``deleting`` None: nothing
    is deleted; ``remote`` has all keys of the namespace, None if they were not listed.
    """

    owner: str
    now: float
    rate: float = API_RATE
    options: PlanOptions = DEFAULTS
    complete: bool = True
    named_elsewhere: Container[str] = frozenset()
    companions: Collection[str] = frozenset()
    runs: Sequence[Run] = ()
    verdicts: Mapping[str, tuple[Action, str]] = {}
    told_expired: Container[str] = frozenset()
    told_short: Container[str] = frozenset()
    deleting: Deleting | None = None
    remote: Collection[str] | None = None
