"""kvsync, and how long after its acknowledgement each key was durable in the state.

    python -m tests.bench.recorded FILE ARGUMENTS...

Writes the seconds into FILE, a line each.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kvsync.cli import main
from kvsync.engine.ledger import Ledger
from kvsync.model.values import Change, Outcome

_record = Ledger.record
_lags: list[float] = []


async def _timed(ledger: Ledger, marks: Sequence[Change], outcomes: Sequence[Outcome]) -> None:
    await _record(ledger, marks, outcomes)
    now = time.time()
    _lags.extend(now - outcome.answered for outcome in outcomes)


if __name__ == "__main__":
    told = Path(sys.argv.pop(1))
    Ledger.record = _timed  # type: ignore[method-assign]
    try:
        main()
    finally:
        told.write_text("".join(f"{lag}\n" for lag in _lags))
