"""Runs behind a middlebox that answers as it likes; after each, a run that it leaves alone."""

import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

from kvsync.emulator.certificate import self_signed, serving_context
from kvsync.emulator.options import EmulatorOptions
from tests.lyingproxy import DATES, DEEDS, REFUSED, Dice, LyingProxy
from tests.servers import ServedEmulator
from tests.torture.lab import Lab, Line, Scale
from tests.torture.service import in_process

_KEYS = 40
_PATIENCE = ("--rate", "100000", "--timeout", "0.3", "--retries", "2", "--progress", "none")
_WAYS: Sequence[Sequence[str]] = ((), ("--refresh",), ("--delete", "--max-delete", "100%"))
_CLEAN = _WAYS[2]
_TLS_SHARE = 4
"""One run of so many is over TLS: it takes a handshake a connection."""


def middlebox(scale: Scale, seed: int) -> Iterator[Line]:
    """What the state claims after each such run the service holds, and the next run completes."""
    over_tls = scale.between // _TLS_SHARE
    yield _attacked("a middlebox", scale.between - over_tls, seed, tls=False)
    yield _attacked("a middlebox, over TLS", over_tls, seed + 1, tls=True)


def _attacked(attack: str, runs: int, seed: int, *, tls: bool) -> Line:
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    blamed: Counter[str] = Counter()
    with _between(seed, tls=tls) as (lab, box):
        for number in range(runs):
            lab.write_some(chance)
            kinds = [DEEDS[number % len(DEEDS)], *chance.sample(DEEDS, chance.choice((0, 0, 1, 2)))]
            _misbehave(box, kinds, chance)
            in_process(lab, *chance.choice(_WAYS))
            box.settle()
            false = len(lab.false_claims())
            counts["false claims"] += false
            counts["runs with them"] += bool(false)
            box.draw, box.shift = str, None
            code = in_process(lab, *_CLEAN)["exit_code"]
            box.settle()
            completed = code == 0 and not lab.broken()
            counts["next runs done"] += completed
            if false or not completed:
                blamed.update(kinds)
                lab.start_anew()
        deeds = sum(box.done.values())
    broken = [f"{counts['false claims']} false claims"] if counts["false claims"] else []
    if counts["next runs done"] != runs:
        broken.append("a next run did not complete")
    if broken:
        broken.append(", ".join(f"{kind} {count}" for kind, count in blamed.most_common()))
    names = ("next runs done", "runs with them", "false claims")
    figures = {name: counts[name] for name in names}
    return Line(attack, {"runs": runs, "deeds": deeds, **figures}, broken)


def _misbehave(box: LyingProxy, kinds: Sequence[str], chance: random.Random) -> None:
    """Let the middlebox do these kinds of deeds; some requests are refused besides."""
    share = chance.choice((0.05, 0.2, 0.5, 1.0))
    # A clock that is wrong in the same way each time is another matter than one that jumps.
    box.shift = chance.choice((None, chance.choice(DATES)))
    misbehaving = Dice(kinds, share, chance.randrange(2**32))
    refusing = Dice([REFUSED], 0.1, chance.randrange(2**32))
    box.draw = lambda: refusing.draw() or misbehaving.draw()


@contextmanager
def _between(seed: int, *, tls: bool) -> Iterator[tuple[Lab, LyingProxy]]:
    options = EmulatorOptions(rate=0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        edge = stack.enter_context(ServedEmulator(options))
        pair = self_signed(str(folder / "box"))
        context = serving_context(pair.pem) if tls else None
        box = stack.enter_context(LyingProxy(edge.url, context, seed=seed))
        # Waits between tries make a run longer, and no other.
        stack.enter_context(patch("kvsync.edgekv.calls._FIRST_WAIT", 0.0))
        lab = Lab(folder, edge, _KEYS, *_PATIENCE, "--ca-file", pair.ca_file)
        lab.url = box.url
        yield lab, box
