"""What a first plan cannot do without: each file read, and its SHA-256.

python -m tests.bench.hashing FOLDER
"""

import os
import sys
from hashlib import sha256


def hash_all(folder: str) -> int:
    """How many files there are, each read and hashed."""
    files = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with open(f"{path}/{name}", "rb") as file:
                sha256(file.read()).digest()
            files += 1
    return files


if __name__ == "__main__":
    hash_all(sys.argv[1])
