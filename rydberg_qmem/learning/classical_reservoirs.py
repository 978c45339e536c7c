"""Classical reservoirs of equal size: what a device has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rydberg_qmem import arguments
from rydberg_qmem.checked import whole_number
from rydberg_qmem.compile.bind import SETTINGS, bind_parameters
from rydberg_qmem.errors import InputError
from rydberg_qmem.language import library
from rydberg_qmem.language.blocks import BeamSplitter, Measure, Push, Repeat, Reset, Rotate, Set
from rydberg_qmem.language.evaluation import Columns
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.program import Program
from rydberg_qmem.learning.tasks import finite_array

Floats = NDArray[np.float64]


@arguments.taking(
    inputs=arguments.numbers(),
    size=arguments.whole(1, 20_000),
    seed=arguments.SEED,
    radius=arguments.real(0),
    gain=arguments.real(),
    leak=arguments.real(),
)
def echo_state(
    inputs: ArrayLike, size: int, *, seed: int, radius: float = 0.9, gain: float = 1.0, leak: float = 1.0
) -> Floats:
    """Return the states (round, size) of a random tanh network, from rest.

    x_t = (1 - leak) x_{t-1} + leak tanh(W x_{t-1} + gain V u_t + b), V and b uniform in [-1, 1), W of normal numbers
    scaled to its spectral radius (H. Jaeger, GMD Report 148, 2001).

    Args:
        inputs: u, (round,) or (round, channel).
        size: Number of units.
        seed: Draws W, V and b.
        radius: Spectral radius of W.
        gain: Factor on the inputs.
        leak: The part of a unit that is renewed each round (default 1: all of it).

    Raises InputError for numbers that are not finite, or out of range.

    >>> echo_state([0.1, 0.2], 3, seed=0).shape
    (2, 3)
    """
    drive = finite_array("inputs", inputs)
    drive = drive[:, None] if drive.ndim == 1 else drive
    size, rng = whole_number("size", size), np.random.default_rng(seed)
    weights = rng.normal(size=(size, size))
    weights *= radius / max(np.abs(np.linalg.eigvals(weights)).max(), 1e-12)
    into, bias = rng.uniform(-1, 1, (drive.shape[1], size)) * gain, rng.uniform(-1, 1, size)
    state, made = np.zeros(size), np.empty((len(drive), size))
    for t, u in enumerate(drive):
        state = (1 - leak) * state + leak * np.tanh(weights @ state + u @ into + bias)
        made[t] = state
    return made


@arguments.taking(
    program=library.program,
    parameters=SETTINGS["parameters"],
    inputs=arguments.names_to("arrays (series, round)", arguments.numbers()),
)
def mean_field(
    program: Program, inputs: Mapping[str, ArrayLike], parameters: Mapping[str, float] | None = None
) -> Floats:
    """Return the outcomes' means (series, round, atom) where every atom is a classical coin, and nothing correlates.

    An atom in g that is rotated by θ about x or y clicks with chance sin²(θ/2); a beam splitter moves the share R of
    that chance to its ancilla; outcomes and memory are replaced by their means. For cells that meet no other cell and
    feed back by the mean over the shots this is no approximation: the classical recursion gives what the device gives.

    Args:
        program: A program of one repeat over its inputs.
        inputs: Values of each input by name, (series, round).
        parameters: Numbers for the program's parameters, by name; the others keep the program's own values.

    Raises InputError for a program of other blocks.

    >>> mean_field(
    ...     Program.model_validate(
    ...         {
    ...             "name": "one",
    ...             "register": {"atoms": {"q": (0, 0)}},
    ...             "inputs": {"x": {"default": "0", "rounds": 2}},
    ...             "body": [
    ...                 {
    ...                     "repeat": {
    ...                         "over": "x",
    ...                         "body": [
    ...                             {"rotate": {"atom": "q", "angle": "x"}},
    ...                             {"measure": {"atoms": "q", "key": "m"}},
    ...                             {"reset": {"atoms": "q"}},
    ...                         ],
    ...                     }
    ...                 }
    ...             ],
    ...         }
    ...     ),
    ...     {"x": [[0.0, np.pi]]},
    ... ).round(9).tolist()
    [[[0.0], [1.0]]]
    """
    table = {name: finite_array(f"inputs.{name}", values) for name, values in inputs.items()}
    if not table or any(values.shape != next(iter(table.values())).shape for values in table.values()):
        raise InputError("inputs must be one array (series, round) or more, all of one shape")
    series = len(next(iter(table.values())))
    scope: dict[str, Any] = dict(bind_parameters(program, parameters))
    for name, memory in program.memory.items():
        start = float(np.asarray(memory.initial.evaluate(scope)))
        length = () if memory.window is None else (int(np.asarray(memory.window.evaluate(scope))),)
        scope[name] = np.full((series, *length), start)
    loops = [block for block in program.body if isinstance(block, Repeat)]
    if len(program.body) != 1 or not loops:
        raise InputError("a mean field is known for programs of one repeat over the inputs")
    rounds = []
    for k in range(next(iter(table.values())).shape[1]):
        scope |= {name: values[:, k] for name, values in table.items()}
        rounds.append(_round(loops[0], scope, series))
    return np.stack(rounds, axis=1)


def _round(loop: Repeat, scope: dict[str, Any], series: int) -> Floats:
    chance: dict[str, Floats] = {}
    seen: list[Floats] = []
    for block in loop.body:
        match block:
            case Rotate(axis="x" | "y", quaternion=None, angle=Expression() as angle) if not np.any(
                chance.get(block.atom, 0.0)
            ):
                chance[block.atom] = np.broadcast_to(np.sin(np.asarray(angle.evaluate(scope)) / 2) ** 2, series)
            case BeamSplitter() if block.reflectivity is not None:
                share, whole_chance = np.asarray(block.reflectivity.evaluate(scope)), chance[block.system]
                chance |= {block.system: (1 - share) * whole_chance, block.ancilla: share * whole_chance}
            case Measure(atoms=atoms, key=key):
                names = (atoms,) if isinstance(atoms, str) else tuple(atoms)
                seen += [chance.get(name, np.zeros(series)) for name in names]
                scope[key] = Columns(names, np.stack(seen[-len(names) :], axis=1))
            case Reset(atoms=atoms):
                for name in (atoms,) if isinstance(atoms, str) else atoms:
                    chance.pop(name, None)
            case Set(values=values) | Push(values=values):
                each = np.arange(series)  # every series is its own ensemble
                new = {n: e.evaluate(scope, weights=np.ones(series), cohort_of=each) for n, e in values.items()}
                scope |= _pushed(new, scope) if isinstance(block, Push) else new
            case _:
                raise InputError(f"a mean field of {block.kind} is not known here")
    return np.stack(seen, axis=1)


def _pushed(new: Mapping[str, Any], scope: Mapping[str, Any]) -> dict[str, Floats]:
    """Return the windows with a new first value each, their oldest gone."""
    columns = {n: np.broadcast_to(np.asarray(v, dtype=float), len(scope[n]))[:, None] for n, v in new.items()}
    return {n: np.concatenate([column, scope[n][:, :-1]], axis=1) for n, column in columns.items()}
