"""Check that a wheel holds every file of the package and every ready sequence, and no other.

Usage: python check_wheel.py WHEEL ROOT
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

PACKAGE = "rydberg_qmem"


def files_below(folder: Path, prefix: str) -> set[str]:
    """Return the paths of all files in a folder as the wheel should name them."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {f"{prefix}/{path.as_posix()}" for path in found if "__pycache__" not in path.parts}


def main(wheel: str, root: str) -> None:
    """Compare the two sets of names and leave with 1 where they differ."""
    base = Path(root)
    wanted = files_below(base / PACKAGE, PACKAGE) | files_below(base / "sequences", f"{PACKAGE}/sequences")
    with zipfile.ZipFile(wheel) as archive:
        names = (name for name in archive.namelist() if not name.endswith("/"))
        found = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    for kind in ("py.typed", "schema/program-v1.schema.json", "sequences/"):
        if not any(name.startswith(f"{PACKAGE}/{kind}") for name in found):
            raise SystemExit(f"the wheel must hold {PACKAGE}/{kind}, but does not")
    if wanted != found:
        missing, extra = sorted(wanted - found), sorted(found - wanted)
        raise SystemExit(f"the wheel must hold the package and no more; missing {missing}, too many {extra}")
    print(f"{Path(wheel).name}: {len(found)} files")


if __name__ == "__main__":
    main(*sys.argv[1:])
