"""Every code that the vendor's own package knows, and what it is to kvsync."""

from pathlib import Path

from tencentcloud.teo.v20220901 import errorcodes

from kvsync.edgekv.translate import error_from

PINNED = Path(__file__).with_name("codes.txt")
"""A line for each code: what it is, a question mark if it leaves the outcome open, and the code."""


def judged(code: str) -> str:
    """What kvsync takes a code for, as `PINNED` has it."""
    error = error_from(code, "")
    doubt = "?" if error.in_doubt else ""
    return f"{type(error).__name__.removesuffix('Error').lower()}{doubt}\t{code}"


def test_every_code_of_the_vendor_is_known_for_what_it_is() -> None:
    """No code is new, gone, or taken for something else than when a person looked at it last.

    A new one: is the line that ``judged`` makes right? Then it goes into the file.
    """
    codes = {code for name, code in vars(errorcodes).items() if name.isupper()}
    assert len(codes) > 500
    assert sorted(map(judged, codes)) == sorted(PINNED.read_text().splitlines())
