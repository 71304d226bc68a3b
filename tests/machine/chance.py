"""What may happen, drawn from dice that hypothesis throws.

Its own strategies prefer what is small: most syncs would have nothing to do, and most kills would
come after the end. It still chooses and leaves out the steps, and gives each step its dice.
"""

from random import Random
from typing import NamedTuple

from tests.lyingproxy import DEEDS
from tests.machine.lab import EXPIRIES, Pairs
from tests.machine.mischief import QUIET, Trouble

MINE, FILES = "abcdefgh", "hijklmn"
KEYS = sorted({*MINE, *FILES})
"""What sources may name; one of them both may."""

SOURCES = ("m.yaml", "tree")

_VALUES = ("one", "two", "six")
"""All of one size: nothing but their bytes tells them apart."""
_FAULTS = ("InternalError", "429", "502", "reset-before", "reset-after", "cut-off")
_DEEDS = sorted({*DEEDS} - {"late"})
"""A late answer is one that was waited for: nobody waits here."""


class Flags(NamedTuple):
    """Options of a sync, as far as they change what is right."""

    delete: bool = False
    refresh: bool = False
    full: bool = False
    only: tuple[str, ...] = ()
    workers: int = 64
    retries: int = 0

    @property
    def options(self) -> list[str]:
        """The command line's words."""
        words = ["--workers", str(self.workers), "--retries", str(self.retries)]
        words += ["--delete"] * self.delete + ["--refresh"] * self.refresh
        words += ["--max-delete", "100%"] * (self.full and self.delete)
        return [*words, *(word for key in self.only for word in ("--only", key))]

    def matches(self, key: str) -> bool:
        """Whether ``--only`` lets the key in."""
        return not self.only or key in self.only


def pairs(dice: Random) -> Pairs:
    """What a manifest may name: mostly most of its keys, sometimes nothing."""
    share = dice.choice([0, 0.5, 0.8, 0.8, 1])
    return {
        key: (dice.choice(_VALUES), dice.choice(["never", *EXPIRIES]))
        for key in MINE
        if dice.random() < share
    }


def files(dice: Random) -> Pairs:
    """What a folder may hold."""
    share = dice.choice([0, 0.5, 0.8])
    return {key: (dice.choice(_VALUES), "never") for key in FILES if dice.random() < share}


def flags(dice: Random) -> Flags:
    """How a sync may be called."""
    return Flags(
        delete=dice.random() < 0.5,
        refresh=dice.random() < 0.4,
        full=dice.random() < 0.5,
        only=tuple(dice.sample(KEYS, 5)) if dice.random() < 0.15 else (),
        workers=dice.choice([1, 3, 64]),
        retries=dice.choice([0, 0, 2]),
    )


def trouble(dice: Random) -> Trouble:
    """What may befall a call: nothing, faults, a middlebox that lies, a kill or a Ctrl-C."""
    kind = dice.choice(["none", "faults", "deeds", "kill", "kill", "commit", "stop"])
    if kind == "deeds":
        several = dice.sample(_DEEDS, 3)
        return Trouble(deeds=tuple(dice.choice(["", *several]) for _ in range(20)))
    share = dice.choice([0, 0.1, 0.5]) if kind != "faults" else dice.choice([0.1, 0.3, 0.6])
    faults = [dice.choice(_FAULTS) if dice.random() < share else "" for _ in range(20)]
    if kind == "none":
        return QUIET
    if kind == "faults":
        return Trouble(tuple(faults))
    if kind == "commit":
        return Trouble(commit=dice.randint(1, 7), kill=True)
    return Trouble(
        tuple(faults),
        request=dice.randint(1, 8),
        kill=kind == "kill",
        carried_out=dice.random() < 0.5,
    )
