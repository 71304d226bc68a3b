"""What mutmut found: by module, how many mutants there were and how many no test noticed.

    python -m tests.mutation FOLDER     (what mutmut made; ``scripts/mutants`` runs both)

A mutant that differs from the program in nothing but the case of letters is left out: SQLite and
codecs do not tell them apart.
"""

import ast
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

_KILLED, _TIMEOUTS = frozenset({1, 3}), frozenset({24, 36, 152, -24})
"""Exit codes of the tests: some failed, or they did not come to an end."""


def _functions(path: Path) -> Mapping[str, str]:
    """The functions of a mutated module, each without its name and in lower case."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name, node.name = node.name, "f"
            found[name] = ast.unparse(node).lower()
    return found


def _verdicts(meta: Path) -> Counter[str]:
    """How many mutants of a module ended in which way; the survivors' names are printed."""
    codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    functions = _functions(meta.with_suffix(""))
    counts: Counter[str] = Counter()
    for mutant, code in codes.items():
        name = mutant.rpartition(".")[2]
        original = functions.get(f"{name.rpartition('__mutmut_')[0]}__mutmut_orig")
        if original and functions.get(name) == original:
            counts["alike"] += 1
        elif code in _KILLED:
            counts["killed"] += 1
        elif code in _TIMEOUTS:
            counts["timeout"] += 1
        elif code is None:
            counts["untried"] += 1
        else:
            counts["survived"] += 1
            print(f"survived: {mutant}")
    return counts


def _line(name: str, counts: Mapping[str, int]) -> str:
    noticed = counts["killed"] + counts["timeout"]
    tried = noticed + counts["survived"]
    score = f"{100 * noticed / tried:.1f} %" if tried else "-"
    untried = f"  ({counts['untried']} untried)" if counts["untried"] else ""
    return f"{name:<28}{tried:>8}{noticed:>9}{counts['survived']:>10}{score:>10}{untried}"


def main(folder: str) -> None:
    """Print the table."""
    metas = sorted(Path(folder).rglob("*.meta"))
    found = {str(meta.relative_to(folder).with_suffix("")): _verdicts(meta) for meta in metas}
    found = {name: counts for name, counts in found.items() if counts}
    print(f"{'module':<28}{'mutants':>8}{'noticed':>9}{'survived':>10}{'score':>10}")
    for name, counts in found.items():
        print(_line(name, counts))
    print(_line("all", sum(found.values(), Counter())))


if __name__ == "__main__":
    main(*sys.argv[1:])
