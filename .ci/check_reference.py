"""Check that a built site has a place for every public name: of the package, and of every module of its rooms.

Usage: python .ci/check_reference.py FOLDER
"""

import importlib
import inspect
import pkgutil
import sys
from pathlib import Path

import rydberg_qmem as rq

LEFT_OUT = {"cli", "gallery.rows"}
"""The command line, which has `--help`, and tables of figures, which have their page."""


def public() -> set[str]:
    """Return the full name of every class and function that the package defines and does not hide."""
    found = set()
    for module in pkgutil.walk_packages(rq.__path__, "rydberg_qmem."):
        room = module.name.partition(".")[2]
        hidden = any(part.startswith("_") for part in room.split("."))
        if hidden or any(room == name or room.startswith(f"{name}.") for name in LEFT_OUT):
            continue
        loaded = importlib.import_module(module.name)
        found |= {
            f"{module.name}.{name}"
            for name, value in vars(loaded).items()
            if name in getattr(loaded, "__all__", (name,))
            and not name.startswith("_")
            and (inspect.isclass(value) or inspect.isfunction(value))
            and value.__module__ == module.name
        }
    return found


def documented(folder: Path) -> set[str]:
    """Return every Python name that the site's index of objects knows."""
    from sphinx.util.inventory import InventoryFile

    inventory = InventoryFile.loads((folder / "objects.inv").read_bytes(), uri="")
    return {name for kind, names in inventory.data.items() if kind.startswith("py:") for name in names}


if __name__ == "__main__":
    known = documented(Path(sys.argv[1]))
    names = public()
    missing = sorted(names - known)
    if missing:
        sys.exit("not in the reference:\n" + "\n".join(missing))
    print(f"{len(names)} public names, all in the reference")
