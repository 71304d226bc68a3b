"""Gives kvsync input that means harm, and prints what each costs: seconds and MiB.

    python -m tests.hostile [WORD…]      only cases that have one of these words in their name

Exits 1 if any took more than 5 s or 300 MiB, or did not end as it should.
"""

import sys

from tests.hostile.cases import BYTES, SECONDS, faults, run_case, workplace
from tests.hostile.input import CASES


def main(words: list[str]) -> int:
    """Run them one after the other; the exit code."""
    wrong = 0
    print(f"{'case':<44} {'code':>4} {'seconds':>8} {'MiB':>5}", flush=True)
    for name, case in CASES.items():
        if words and not any(word in name for word in words):
            continue
        with workplace():
            end = run_case(case)
        found = faults(case, end)
        if end.seconds > SECONDS:
            found.append("too slow")
        wrong += bool(found)
        told = "; ".join(found) or end.words.strip().splitlines()[-1][:100] if end.words else ""
        print(
            f"{name:<44} {end.code:>4} {end.seconds:>8.2f} {end.peak >> 20:>5}"
            f"  {'WRONG: ' if found else ''}{told}",
            flush=True,
        )
    print(f"at most {SECONDS:g} s and {BYTES >> 20} MiB each; {wrong} went beyond")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
