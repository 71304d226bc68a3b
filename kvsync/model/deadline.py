"""How long something may take, counted from when that was said."""

import math
import time


class Deadline:
    """It passes ``seconds`` after it was made, as the monotonic clock counts; by default never."""

    def __init__(self, seconds: float = math.inf) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until it passes, 0 from then on."""
        return max(0.0, self._end - time.monotonic())
