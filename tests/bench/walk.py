"""What a no-op sync of a tree cannot do without: a look at every name, and at its stat.

python -m tests.bench.walk FOLDER
"""

import os
import sys


def walk(folder: str) -> int:
    """How many files there are, each looked at."""
    files = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                files += walk(entry.path)
            else:
                entry.stat()
                files += 1
    return files


if __name__ == "__main__":
    walk(sys.argv[1])
