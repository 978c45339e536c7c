"""Print the oldest version that pyproject.toml allows of each direct dependency, as pip's constraints.

Usage: python oldest.py pyproject.toml [EXTRA...]

Only what a lower bound names is held there; what those packages need in turn is pip's to choose.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)(?:\[[\w,.-]+\])?\s*(?P<bounds>[^;]*)")
LOWER = re.compile(r"(?:>=|==)\s*(?P<version>[\w.]+)")


def oldest(path: str, extras: list[str]) -> Iterator[str]:
    """Yield `name==version` for each dependency of the project and of these extras."""
    project = tomllib.loads(Path(path).read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in extras for one in project["optional-dependencies"][extra])]
    for requirement in wanted:
        found = REQUIREMENT.match(requirement)
        lower = LOWER.search(found["bounds"]) if found else None
        if found is None or lower is None:
            raise SystemExit(f"{requirement!r} must have a lower bound, or nobody knows with what it works")
        yield f"{found['name']}=={lower['version']}"


if __name__ == "__main__":
    print("\n".join(oldest(sys.argv[1], sys.argv[2:])))
