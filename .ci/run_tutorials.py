"""Run every tutorial with warnings as errors, and hold the notebooks beside them in step.

Usage: python run_tutorials.py FOLDER [SECONDS-PER-TUTORIAL]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run(script: Path, limit_s: float) -> str | None:
    """Run one script where it stands, print its time, and return what went wrong."""
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-W", "error", script.name],
            cwd=script.parent,
            env={**os.environ, "MPLBACKEND": "Agg"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired:
        return f"{script.name} must end within {limit_s:g} s, but was still running"
    print(f"{script.name}: {time.monotonic() - began:.0f} s", flush=True)
    if done.returncode == 0:
        return None
    tail = "\n".join(done.stdout.splitlines()[-30:])
    return f"{script.name} must run to its end, but left with {done.returncode}:\n{tail}"


def out_of_step(script: Path) -> str | None:
    """Compare the cells of a script with the notebook beside it, if there is one."""
    import jupytext
    import nbformat

    notebook = script.with_suffix(".ipynb")
    if not notebook.exists():
        return None
    stored = nbformat.read(notebook, as_version=4).cells
    wanted = [(cell.cell_type, cell.source.strip()) for cell in jupytext.read(script).cells]
    found = [(cell.cell_type, cell.source.strip()) for cell in stored]
    if wanted != found:
        pairs = enumerate(zip(wanted, found, strict=False))
        first = next((number for number, (a, b) in pairs if a != b), min(len(wanted), len(found)))
        return f"{notebook.name} must hold the cells of {script.name}, but cell {first} is not in step"
    outputs = [output for cell in stored if cell.cell_type == "code" for output in cell.outputs]
    if not outputs or any(output.output_type == "error" for output in outputs):
        return f"{notebook.name} must be stored with the outputs of a run without errors, but is not"
    return None


def main(folder: str, limit_s: float = 300.0) -> None:
    """Check all tutorials, say every problem, and leave with 1 if there is any."""
    scripts = sorted(Path(folder).glob("*.py"))
    if not scripts:
        raise SystemExit(f"{folder} must hold tutorials (*.py), but holds none")
    problems = [out_of_step(script) for script in scripts]
    with tempfile.TemporaryDirectory() as scratch:  # tutorials may write files: not into the tree
        copy = Path(shutil.copytree(folder, Path(scratch, "tutorials")))
        problems += [run(copy / script.name, limit_s) for script in scripts]
    said = [problem for problem in problems if problem]
    print(f"{len(scripts)} tutorials, {len(said)} problems")
    if said:
        raise SystemExit("\n".join(said))


if __name__ == "__main__":
    main(sys.argv[1], *(float(argument) for argument in sys.argv[2:3]))
