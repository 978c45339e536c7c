"""How far the main job's data travels: calls from `rq.run` to the first propagated state, and functions entered.

Run with `python benchmarks/calls.py`. The first figure is the number of this package's functions that stand on the
stack, `rydberg_qmem.run` among them, when the first state is propagated; the second how many different functions of
this package `rydberg_qmem.run("two_port_memristor", shots=1000)` enters; the third how many the command of the
README's first example enters, which stores and draws too. Imports are not counted.
"""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import rydberg_qmem as rq
from rydberg_qmem.emulators.exact import Exact
from rydberg_qmem.language.library import load

PACKAGE = str(Path(rq.__file__).parent)
README = Path(__file__).parent.parent / "README.md"


def is_function(code: CodeType) -> bool:
    """Return whether a code object is a function of this package: no module, class body, lambda or comprehension."""
    return code.co_filename.startswith(PACKAGE) and code.co_name[0] != "<" and bool(code.co_flags & 0x2)


@contextmanager
def profiled(note: Any) -> Iterator[None]:
    """Tell `note` the frame of every call of a function of this package."""

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and is_function(frame.f_code):
            note(frame)

    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)


def stack_of(frame: FrameType | None) -> list[str]:
    """Return the functions of this package on the stack, outermost first."""
    names = []
    while frame is not None:
        if is_function(frame.f_code):
            names.append(f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_qualname}")
        frame = frame.f_back
    return names[::-1]


def calls_to_first_state() -> list[str]:
    """Return the functions between `rq.run` and the emulator that propagates the first state."""
    found: list[list[str]] = []

    def note(frame: FrameType) -> None:
        if not found and frame.f_code is Exact.evolve.__code__:
            found.append(stack_of(frame))

    program = load("two_port_memristor")
    rq.run(program, shots=10, seed=7)
    with profiled(note):
        rq.run(program, shots=10, seed=7)
    return found[0]


def functions_of_run() -> set[str]:
    """Return the functions that a run of a program by its name enters."""
    entered: set[str] = set()
    with profiled(lambda frame: entered.add(_name(frame.f_code))):
        rq.run("two_port_memristor", shots=1000, seed=7)
    return entered


def functions_of_main_job() -> set[str]:
    """Return the functions that the README's first command enters, from its first line to its last."""
    import typer

    from rydberg_qmem.cli import main

    text = README.read_text(encoding="utf-8")
    block = re.search(r"<!-- ci:main -->\s*```bash\n(.*?)```", text, re.DOTALL)
    if block is None:
        raise SystemExit("README has no ci:main")
    entered: set[str] = set()

    def note(frame: FrameType) -> None:
        entered.add(_name(frame.f_code))

    with tempfile.TemporaryDirectory() as folder:
        words = [word.replace("runs/", f"{folder}/") for word in shlex.split(block.group(1))]
        sys.argv = words
        with profiled(note), suppress(SystemExit, typer.Exit):
            main()
    return entered


def _name(code: CodeType) -> str:
    return f"{Path(code.co_filename).relative_to(PACKAGE)}:{code.co_qualname}"


def main() -> None:
    """Print the figures; with `--list`, the calls too."""
    listed = "--list" in sys.argv[1:]
    calls = calls_to_first_state()
    print(f"calls from rydberg_qmem.run to the first propagated state: {len(calls)}")
    print(f"functions that rydberg_qmem.run enters: {len(functions_of_run())}")
    print(f"functions that the main job enters: {len(functions_of_main_job())}")
    if listed:
        print(*calls, sep="\n")


if __name__ == "__main__":
    main()
