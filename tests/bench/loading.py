"""What a manifest costs to parse, with PyYAML's C parser.

python -m tests.bench.loading FILE
"""

import sys

import yaml

if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        yaml.load(file, Loader=yaml.CSafeLoader)
