"""Cold starts: `import rydberg_qmem`, `rqm --help`, and the whole main job, each in a fresh process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from timing import best_of, table


def python(code: str) -> None:
    """Run a snippet in a fresh interpreter."""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def main_job() -> None:
    """Run the README's main job in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        arguments = ["run", "two_port_memristor", "--shots", "1000", "--seed", "7"]
        arguments += ["-o", str(out / "m.zarr"), "--plot", str(out / "m.png")]
        command = [sys.executable, "-m", "rydberg_qmem", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    """Print the table."""
    bare = best_of(3, lambda: python("pass"))
    rows = [("python -c pass", bare, 1.0)]
    for name, code in (
        ("import rydberg_qmem", "import rydberg_qmem"),
        ("import pulser", "import pulser"),
        ("import xarray", "import xarray"),
        ("import matplotlib.pyplot", "import matplotlib.pyplot"),
        ("import zarr", "import zarr"),
    ):
        spent = best_of(3, lambda code=code: python(code))  # type: ignore[misc]  # bound now
        rows.append((name, spent, spent / bare))
    help_ = best_of(3, lambda: subprocess.run([sys.executable, "-m", "rydberg_qmem", "--help"], check=True,
                                              stdout=subprocess.DEVNULL))  # fmt: skip
    rows.append(("rqm --help", help_, help_ / bare))
    job = best_of(2, main_job)
    rows.append(("rqm run two_port_memristor, store and plot, cold", job, job / bare))
    table("cold starts", rows)


if __name__ == "__main__":
    main()
