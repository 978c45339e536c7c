"""Whether an emulator can run a program: what is missing, by its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec

from rydberg_qmem.compile.compiled import Compiled
from rydberg_qmem.compile.plan import plan_segment
from rydberg_qmem.compile.steps import Segment, Step, all_steps
from rydberg_qmem.emulators.clifford import not_clifford
from rydberg_qmem.emulators.protocol import CROSSED, Emulator
from rydberg_qmem.errors import CapabilityError, Problem, ProgramError
from rydberg_qmem.language.blocks import SLMMask
from rydberg_qmem.verification import obstacles


def _sets(levels: Iterable[Sequence[str]]) -> str:
    return " and ".join(f"{{{', '.join(one)}}}" for one in levels)


def check_capabilities(emulator: Emulator, compiled: Compiled, *, exact: bool, state: str = "vector") -> None:
    """Refuse a program that an emulator cannot run, by name of what is missing."""
    can, target = emulator.capabilities, compiled.target
    if can.module and find_spec(can.module) is None:
        raise CapabilityError(
            f"emulator {emulator.name!r} needs the package {can.module.replace('_', '-')}: "
            f"pip install 'rydberg_qmem[{can.extra}]'"
        )
    if can.gpu and not _sees_gpu():
        raise CapabilityError(
            f"emulator {emulator.name!r} has gpu=True, but PyTorch sees no GPU here: leave gpu out, so that it runs on "
            "the processor, or run where torch.cuda.is_available() holds"
        )
    if tuple(level for level in target.levels if level != "x") not in can.levels:  # x comes with leakage noise
        raise CapabilityError(
            f"emulator {emulator.name!r} cannot run the levels {{{', '.join(target.levels)}}}, which measuring and "
            f"driving need here; it knows {_sets(can.levels)}; exact, ideal and qutip know all"
        )
    if len(target.atoms) < can.fewest_atoms:
        raise CapabilityError(
            f"emulator {emulator.name!r} needs at least {can.fewest_atoms} atoms, the program has {len(target.atoms)}"
        )
    if state == "density_matrix" and not (can.states and can.density_matrices):
        rule = "keeps pure states only: state must be vector" if can.states else "has no states: leave state out"
        raise CapabilityError(f"emulator {emulator.name!r} {rule}")
    if can.states and not can.factorises and target.dimension > can.largest_dimension:
        raise CapabilityError(
            f"{len(target.atoms)} atoms with {len(target.levels)} levels need states of {target.dimension} "
            f"amplitudes; emulator {emulator.name!r} takes at most {can.largest_dimension}: use fewer atoms or levels"
        )
    if not can.xy_masks and "0" in target.levels and (masks := list(_masks(compiled.steps))):
        raise CapabilityError(
            f"{masks[0]}: emulator {emulator.name!r} cannot follow an SLM mask on the levels 0 and 1: atoms under it "
            "rest until it ends, to the nanosecond; use exact"
        )
    if not can.sums_fields and (places := list(_crossed(compiled))):
        raise CapabilityError(f"{places[0]}: {CROSSED}")
    if not can.mid_sequence:
        found = [Problem(part.place, f"{part.what}: {part.reason}") for part in obstacles(compiled)]
        if found:
            rule = f"emulator {emulator.name!r} runs whole rounds as jobs, with nothing measured before their end"
            raise ProgramError([Problem("", rule), *found])
    if can.clifford and (wrong := list(dict.fromkeys(not_clifford(compiled)))):
        raise ProgramError([Problem("", f"emulator {emulator.name!r} follows Clifford gates only"), *wrong])
    if not can.states and any(variable.origin.startswith("probe:") for variable in compiled.variables):
        raise CapabilityError(f"emulator {emulator.name!r} has no states, so a probe has nothing to look at")
    if exact and not can.exact:
        raise CapabilityError(f"emulator {emulator.name!r} cannot run with shots=None")


def _sees_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def _masks(steps: Iterable[Step]) -> Iterator[str]:
    """Yield the places of SLM masks."""
    for step in all_steps(steps):
        if isinstance(step, Segment):
            yield from (placed.place for placed in step.blocks if isinstance(placed.block, SLMMask))


def _crossed(compiled: Compiled) -> Iterator[str]:
    """Yield the places of pulses that play at once out of phase, where no control value decides when they play."""
    for step in all_steps(compiled.steps):
        if isinstance(step, Segment):
            plan = plan_segment(step, compiled.target)
            found = "" if plan.timing else plan.schedule((), {}).crossed
            yield from (found,) if found else ()
