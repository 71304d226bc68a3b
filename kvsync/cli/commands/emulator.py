"""Run EdgeKV on loopback, for tests and first steps."""

import asyncio
import gc
import os
import shlex
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from kvsync.cli.failure import others_told
from kvsync.cli.options import option
from kvsync.cli.output import MessageFormat
from kvsync.cli.param_types import Duration
from kvsync.emulator.options import ALL_FAULTS, DEFAULT_FAULTS, LIMITS, NEWER, EmulatorOptions
from kvsync.model.errors import UsageError
from kvsync.model.files import absolute


@click.command("emulator", epilog="Example: kvsync emulator --port 8787 --data edge.db")
@option("--port", type=click.IntRange(0, 65535), default=0, help="[default: any free one]")
@option("--data", type=click.Path(), default="", metavar="FILE", help="[default: memory]")
@option("--zone", default="", metavar="ID", help="The only zone there is [default: any].")
@option(
    "--namespace",
    multiple=True,
    default=["default"],
    show_default=True,
    help="Exists from the start; may be repeated.",
)
@option("--rate", type=float, default=20.0, show_default=True, help="Per second and action.")
@option(
    "--latency",
    type=Duration(),
    default="0",
    metavar="DURATION",
    help="Before each answer, as 0.25 or 2s.",
)
@option(
    "--jitter",
    type=Duration(),
    default="0",
    metavar="DURATION",
    help="By which a request's way is shorter or longer than others', as 0.01.",
)
@option(
    "--lag",
    type=Duration(),
    default="0",
    metavar="DURATION",
    help="Until a write can be read, as 0.25 or 60s.",
)
@option("--fault", type=float, default=0.0, metavar="SHARE", help="0 to 1: requests that fail.")
@option(
    "--fault-kind",
    "faults",
    multiple=True,
    type=click.Choice(sorted(ALL_FAULTS)),
    default=sorted(DEFAULT_FAULTS),
    metavar="KIND",
    help=f"How; may be repeated. There are {', '.join(sorted(ALL_FAULTS))}"
    f" [default: all but {', '.join(sorted(ALL_FAULTS - DEFAULT_FAULTS))}].",
)
@option("--fault-seed", "seed", type=int, help="Fail the same requests again [default: random].")
@option(
    "--limits",
    type=click.Choice(LIMITS),
    default=NEWER,
    show_default=True,
    help="Refuse what the service refuses since mid-2026 (what expires in under 60 s), what the"
    " documented page refuses (keys of more than letters, digits, - and _), or neither.",
)
@option(
    "--check-credentials",
    is_flag=True,
    help="Let in TENCENTCLOUD_SECRET_ID and _KEY alone [default: any pair].",
)
@option(
    "--tls",
    is_flag=False,
    flag_value="",
    type=click.Path(),
    metavar="[PEM]",
    help="Speak TLS, with the certificate and key in this file"
    " [default: self-signed, beside the data].",
)
def command(
    port: int,
    check_credentials: bool,
    namespace: tuple[str, ...],
    faults: tuple[str, ...],
    tls: str | None,
    **options: Any,
) -> int:
    """Run EdgeKV on loopback, with its checks, limits and pace, until Ctrl-C.

    Prints one line with its address once it listens.
    """
    pair = _pair() if check_credentials else None
    with others_told(_tell), _certificate(tls, options["data"]) as pem:
        settings = EmulatorOptions(
            namespaces=namespace, credential=pair, faults=frozenset(faults), tls=pem, **options
        )
        asyncio.run(_serve(settings, port))
    return 0


@contextmanager
def _certificate(tls: str | None, data: str) -> Iterator[str]:
    """Yield the PEM file to serve with, made where none is given; empty: no TLS is asked for."""
    if tls != "":
        yield tls or ""
        return
    from kvsync.emulator.certificate import self_signed

    with tempfile.TemporaryDirectory(prefix="kvsync-emulator-") as folder:
        pair = self_signed(absolute(data) if data else os.path.join(folder, "emulator"))
        # stdout has one line, for which the caller of the emulator waits.
        click.echo(f"Its clients need --ca-file {shlex.quote(pair.ca_file)}", err=True)
        yield pair.pem


def _tell(line: str, level: str) -> None:
    click.echo(MessageFormat()(line, level), err=True)


def _pair() -> tuple[str, str]:
    # As who signs with them takes them.
    names = ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY")
    pair = [os.environ.get(name, "").strip() for name in names]
    if not pair[0] or not pair[1]:
        raise UsageError(
            "--check-credentials: set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"
        )
    return pair[0], pair[1]


async def _serve(settings: EmulatorOptions, port: int) -> None:
    from kvsync.emulator.server import Emulator

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with Emulator(settings, port=port) as emulator:
        # A full collection of all that was imported would stamp what arrives meanwhile too late.
        gc.freeze()
        click.echo(f"EdgeKV emulator at {emulator.url}")
        await stopped.wait()
