"""Name the given files that are larger than a megabyte, and exit with 1 if there are any.

A repository keeps every version of every file for ever, so data and weights do not belong in it.
"""

from __future__ import annotations

import sys
from pathlib import Path

LIMIT = 1_000_000  # bytes


def main(paths: list[str]) -> int:
    """Print the large files among `paths` and return the exit code."""
    large = [path for path in paths if Path(path).stat().st_size > LIMIT]
    for path in large:
        print(f"{path} is larger than a megabyte")
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
