"""Every case of hostile input, by name."""

from tests.hostile.dumpfiles import DUMPS
from tests.hostile.ignorefiles import IGNORE_FILES
from tests.hostile.manifests import MANIFESTS
from tests.hostile.own import OWN
from tests.hostile.trees import TREES

_GROUPS = {
    "tree": TREES,
    "ignore file": IGNORE_FILES,
    "manifest": MANIFESTS,
    "dump": DUMPS,
    "own": OWN,
}

CASES = {
    f"{group}: {name}": case for group, cases in _GROUPS.items() for name, case in cases.items()
}
