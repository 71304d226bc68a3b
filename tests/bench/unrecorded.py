"""kvsync with nothing written to its state while it pushes, to see what writing costs.

python -m tests.bench.unrecorded ARGUMENTS...
"""

from collections.abc import Sequence

from kvsync.cli import main
from kvsync.engine.ledger import Ledger
from kvsync.model.values import Change, Outcome


async def _nothing(_: Ledger, marks: Sequence[Change], outcomes: Sequence[Outcome]) -> None:
    del marks, outcomes


if __name__ == "__main__":
    Ledger.record = _nothing  # type: ignore[method-assign]
    main()
