"""Paths made absolute so that they lead where the system would go by them."""

import os


def absolute(path: str) -> str:
    """The path made absolute, without ``.`` and ``..``, and with links left as they are.

    Only a link that ``..`` climbs from is followed: that way leads beside what the link stands for,
    and not, as `os.path.abspath` takes it, beside the link.
    """
    if ".." not in path.split("/"):
        return os.path.abspath(path)
    here = os.path.abspath("/" if path.startswith("/") else ".")
    for name in path.split("/"):
        if name == "..":
            here = os.path.dirname(os.path.realpath(here) if os.path.islink(here) else here)
        elif name not in {"", "."}:
            here = os.path.join(here, name)
    return here
