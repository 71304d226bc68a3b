"""The pace over TLS, as the service is spoken to: a handshake keeps the first requests back."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench.table import NO_GOAL, Row, Scale
from tests.bench.wire import Seen, kept, ms, push_seen

_SHARE = 97.0

KINDS = ("RSA 2048", "EC P-256")
"""The certificates that servers have; for one of RSA a server takes several times as long."""


class Certificate(NamedTuple):
    """What the emulator serves with, and what its clients need."""

    pem: str
    ca_file: str


@contextmanager
def certificate(kind: str) -> Iterator[Certificate]:
    """A certificate of this kind for 127.0.0.1, from a CA that nobody knows."""
    # The rows without TLS need it not.
    import trustme

    key = trustme.KeyType.RSA if kind.startswith("RSA") else trustme.KeyType.ECDSA
    authority = trustme.CA(key_type=key)
    with tempfile.TemporaryDirectory() as folder:
        made = Certificate(str(Path(folder) / "pem"), str(Path(folder) / "ca"))
        issued = authority.issue_cert("127.0.0.1", key_type=key)
        issued.private_key_and_cert_chain_pem.write_to_path(made.pem)
        authority.cert_pem.write_to_path(made.ca_file)
        yield made


def push_over_tls(keys: int, latency: float, served: Certificate) -> Seen:
    """Push so many small files at the default rate; the emulator resumes no session."""
    options = ("--latency", str(latency), "--tls", served.pem)
    return push_seen(keys, *options, ca_file=served.ca_file)


def pace_over_tls(scale: Scale) -> Iterator[Row]:
    """The share of the limit, the busiest second and the refusals, for each certificate."""
    for kind in KINDS:
        with certificate(kind) as served:
            for latency in scale.latencies_tls:
                for keys in scale.paced_tls:
                    what = f"{keys} writes, {kind}, {ms(latency)} latency"
                    # Without latency there are as many handshakes, and nothing to hide them behind.
                    share = _SHARE if latency else NO_GOAL
                    yield from kept(what, push_over_tls(keys, latency, served), share)
