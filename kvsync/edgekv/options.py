"""How a client behaves, whatever it asks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How patient a client is, and whom it trusts.

    ``timeout`` is in seconds of silence: a transfer that moves is not cut off, unless it crawls.
    ``retries`` counts the attempts after the first. ``ca_file`` is a file of certificates (PEM)
    that are trusted besides the system's; empty: none.

    Raises `ValueError` for a number out of range.
    """

    timeout: float = 30.0
    retries: int = 8
    ca_file: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.timeout < float("inf"):
            raise ValueError(
                f"timeout: give a finite number of seconds above 0, not {self.timeout}"
            )
        if self.retries < 0:
            raise ValueError(f"retries: give 0 or more, not {self.retries}")


DEFAULTS = ClientOptions()
