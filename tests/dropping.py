"""Runs ``-c CODE …`` or ``-m kvsync …`` as nobody, with all modules imported beforehand."""

import importlib
import os
import pkgutil
import sys

import kvsync

for module in pkgutil.walk_packages(kvsync.__path__, "kvsync."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for name in ("encodings.idna", "filelock", "msgspec.json", "yaml"):
    importlib.import_module(name)

os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)

how, what, *rest = sys.argv[1:]
sys.argv[1:] = rest
if how == "-c":
    exec(what)
else:
    kvsync.cli.main()
