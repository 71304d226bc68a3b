"""From any source to one file in another format: neither network nor state is looked at."""

import os
import time
from collections.abc import Collection, Sequence
from dataclasses import replace

from kvsync.engine.call import Call, Converting
from kvsync.formats.output import STDOUT, open_new, refuse_taken
from kvsync.formats.record import told_expired
from kvsync.model.entries import Picked
from kvsync.model.errors import InputError, KvsyncError, Mistake
from kvsync.model.values import Destination, Entry, Lost, nothing_known
from kvsync.plan.ttl import is_past
from kvsync.plan.warnings import empty_warnings, expired_warnings
from kvsync.report import Converted, Report, RunReport
from kvsync.sources import SourceOptions, open_source, shown_source
from kvsync.sources.interface import Source


def convert(call: Call, converting: Converting) -> Report:
    """Write what a source names to one file, or to stdout; of the call, its source is asked for.

    Every mistake of the source is reported before anything is written. What stands in the file's
    place stays as it was, unless all went well.
    """
    begun = time.monotonic()
    found = Converted(converting.out, converting.form)
    run = RunReport(shown_source(converting.path), converted=found)
    try:
        refuse_taken(converting.out, force=converting.force)
        source = _open(call, converting)
        try:
            wanted, found.expired = _read(source, run, call)
        finally:
            run.losses, run.tally = source.losses, source.tally
        _write(source, wanted, _destination(source, call.source), converting, found)
    except InputError as error:
        told = converting.out == STDOUT and found.written
        error.outcome = "what was written is not all" if told else "nothing was written"
        run.error = error
    except KvsyncError as error:
        run.error = error
    run.elapsed = time.monotonic() - begun
    return Report("convert", [run])


def _open(call: Call, converting: Converting) -> Source:
    options = call.source
    if converting.out != STDOUT:
        # A file that is written inside a folder is no part of the folder.
        out = os.path.realpath(converting.out)
        options = replace(options, left_out=(*options.left_out, out, f"{out}.part"))
    return open_source(converting.path, options, environ=call.environ)


def _read(source: Source, run: RunReport, call: Call) -> tuple[Sequence[Entry], int]:
    """Return what is to be written, and how many entries are too late for it.

    Raises `InputError` with every mistake of the source.
    """
    entries = source.entries(nothing_known)
    now = call.clock()
    wanted, expired = Picked(entries), Picked(entries)
    for number, entry in enumerate(entries):
        (expired if is_past(entry, now) else wanted).add(number)
    run.keys, run.size = len(entries), sum(entry.size for entry in entries)
    run.warnings += source.warnings
    told = told_expired(source.losses)
    untold = [entry for entry in expired if entry.key not in told] if told else expired
    run.warnings += [*empty_warnings(entries), *expired_warnings(untold, "written")]
    return wanted, len(expired)


def _destination(source: Source, options: SourceOptions) -> Destination:
    """Zone and namespace as the command line or else the source has them; not from a variable."""
    said = source.destination
    return Destination(options.zone or said.zone, options.namespace or said.namespace)


def _write(
    source: Source,
    wanted: Collection[Entry],
    destination: Destination,
    converting: Converting,
    found: Converted,
) -> None:
    """Raise `InputError` for a value that was there when the entries were read, and is no more."""
    out, force = converting.out, converting.force
    with open_new(out, converting.form, destination, force=force) as stream:
        for entry, value in source.values(wanted):
            if isinstance(value, Lost):
                raise InputError([Mistake(value.message, entry.origin)])
            stream.add(entry.key, value, entry.expiry)
            found.written += 1
            found.size += len(value)
    found.complete = True
