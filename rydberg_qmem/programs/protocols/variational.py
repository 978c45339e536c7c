"""Programs with angles to train: ansatz states of two atoms, QAOA on rings, sweeps to independent sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from math import cos, dist, pi, sin
from typing import Any, Literal, get_args

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError
from rydberg_qmem.language.program import Program

Ansatz = Literal["hardware_efficient", "digital_analog"]
H2: dict[str, float] = {"II": 0.2252, "ZI": 0.3435, "IZ": -0.4347, "ZZ": 0.5716, "XX": 0.0910, "YY": 0.0910}
"""H2 at 0.75 Å on two qubits, in hartree: numbers of O'Malley et al., Phys. Rev. X 6, 031007 (2016), from memory.

Their exact ground energy is -1.1456 Ha (derived)."""

_MOST_ATOMS = 16
_PLACES = arguments.names_to("places", arguments.values(arguments.real(), "coordinates", 2, 2))
_INTO_Z = {"X": ("y", "-pi / 2"), "Y": ("x", "pi / 2")}


@arguments.taking(kind=arguments.one_of(*get_args(Ansatz)), setting=arguments.text)
def two_atom_ansatz(kind: Ansatz = "hardware_efficient", *, setting: str = "ZZ", device: str = "MockDevice") -> Program:
    """Return a trainable state of atoms `q0` and `q1`, measured as `m`.

    "hardware_efficient": Ry on both, CZ, Ry on both (four angles). "digital_analog": the same with the register's own
    interaction, a block of exp(-i t4 ZZ), in place of the CZ, and quarter turns about x around it, so that states stay
    real (five angles). Its atoms stand 12 µm apart, so that pulses may excite both at once; those of a CZ 5 µm. The
    angles are the parameters t0, t1, ... (rad, zero at first).

    Args:
        kind: "hardware_efficient" (default) or "digital_analog".
        setting: The basis of the measurement, one letter X, Y or Z for each atom.
        device: Name of the device.

    Raises InputError for an unknown `kind`, and a `setting` that is not two of these letters.

    >>> sorted(two_atom_ansatz("digital_analog").parameters)
    ['t0', 't1', 't2', 't3', 't4']
    """
    first, last = [[_ry(f"q{k}", f"t{2 * layer + k}") for k in (0, 1)] for layer in (0, 1)]
    if kind == "hardware_efficient":
        entangle: list[Any] = [{"cz": {"control": "q0", "target": "q1"}}]
    else:
        analog = {"ising": {"couplings": {"q0": {"q1": "t4"}}, "time_us": 1}}
        entangle = [_turn("q0", "x", "pi / 2"), analog, _turn("q0", "x", "-pi / 2")]
    angles = 4 if kind == "hardware_efficient" else 5
    return Program(
        name=f"two_atom_{kind}",
        device=device,
        register={"atoms": {"q0": (0, 0), "q1": (5 if kind == "hardware_efficient" else 12, 0)}},
        parameters={f"t{k}": 0.0 for k in range(angles)},
        body=[*first, *entangle, *last, *measured_in(setting, ("q0", "q1"))],
    )


@arguments.taking(setting=arguments.text, atoms=arguments.values(arguments.text, "atoms", 1), key=arguments.text)
def measured_in(setting: str, atoms: Sequence[str], *, key: str = "m") -> list[Any]:
    """Return the blocks that measure each atom along its letter X, Y or Z.

    Args:
        setting: One letter for each atom; I is read along Z.
        atoms: Names of the atoms.
        key: Name under which the outcomes are kept.

    Raises InputError for other letters, or not as many letters as atoms.

    >>> len(measured_in("XZ", ("a", "b")))
    2
    """
    if len(setting) != len(atoms) or set(setting) - set("IXYZ"):
        raise arguments.refuse("setting", f"{len(atoms)} letters, each I, X, Y or Z", setting)
    turns = [_turn(atom, *_INTO_Z[p]) for atom, p in zip(atoms, setting, strict=True) if p in _INTO_Z]
    return [*turns, {"measure": {"atoms": list(atoms), "key": key}}]


@arguments.taking(atoms=arguments.whole(3, 40), layers=arguments.whole(1, 1000), spacing_um=arguments.real(above=0))
def qaoa_ring(atoms: int, layers: int, *, spacing_um: float = 12.0, device: str = "MockDevice") -> Program:
    """Return QAOA for MaxCut on a ring: layers of exp(-i γ_j Σ Z_k Z_k+1) by digital-analog steps, then Rx(2 β_j).

    Its parameters are gamma0, beta0, gamma1, ... (rad); `cut` probes occupations and all pairs' n_j n_k. On even rings
    of at least 2p + 2 atoms the best cut is (2p + 1)/(2p + 2) of the edges (E. Farhi et al., arXiv:1411.4028; from
    memory).

    Args:
        atoms: Number of atoms, 3 to 40.
        layers: Number p of layers.
        spacing_um: Distance of neighbours (µm).
        device: Name of the device.

    Raises InputError for numbers out of range.

    >>> sorted(qaoa_ring(4, 1).parameters)
    ['beta0', 'gamma0']
    """
    names = [f"q{k}" for k in range(atoms)]
    edges = [*pairwise(names), (names[-1], names[0])]
    couplings = _by_first(edges)
    body: list[Any] = [_ry(name, "pi / 2") for name in names]
    for layer in range(layers):
        body.append({"ising": {"couplings": couplings, "time_us": f"gamma{layer}"}})
        body += [_turn(name, "x", f"2 * beta{layer}") for name in names]
    probe = {"probe": {"atoms": names, "occupation": True, "correlations": True, "key": "cut"}}
    radius = spacing_um / (2 * sin(pi / atoms))
    place = {n: (radius * cos(2 * pi * k / atoms), radius * sin(2 * pi * k / atoms)) for k, n in enumerate(names)}
    return Program(
        name=f"qaoa_ring_{atoms}",
        device=device,
        register={"atoms": place},
        parameters={f"{name}{k}": 0.1 for k in range(layers) for name in ("gamma", "beta")},
        body=[*body, probe, {"measure": {"atoms": names, "key": "m"}}],
    )


@arguments.taking(
    places=_PLACES,
    rabi=arguments.setting,
    first=arguments.setting,
    last=arguments.setting,
    duration_ns=arguments.whole(1),
    rise_ns=arguments.whole(1),
    reach_um=arguments.optional(arguments.real(above=0)),
)
def independent_set_sweep(
    places: Mapping[str, tuple[float, float]],
    *,
    rabi: float = 4 * pi,
    first: float = -8 * pi,
    last: float = 8 * pi,
    duration_ns: int = 4000,
    rise_ns: int = 400,
    reach_um: float | None = None,
    device: str = "MockDevice",
) -> Program:
    """Return an adiabatic sweep to the largest independent sets of the graph of atoms that blockade each other.

    Ω rises and falls, the detuning is swept between. Memory says of each shot whether no neighbours were both in r
    (`independent`) and whether they were a largest such set (`largest`): exact runs give the probabilities.

    Args:
        places: Coordinates (x, y) in µm of each atom, by name.
        rabi: Largest Rabi frequency Ω (rad/µs), by default 4π.
        first: Detuning at the beginning (rad/µs), by default -8π.
        last: Detuning at the end (rad/µs), by default 8π.
        duration_ns: Time of the whole sweep (ns).
        rise_ns: Time in which Ω rises, and falls (ns).
        reach_um: Atoms nearer than this (µm) are neighbours; if not given there is no such memory.
        device: Name of the device.

    Raises InputError where `rise_ns` does not fit twice into `duration_ns`.

    >>> independent_set_sweep({"a": (0, 0), "b": (6, 0)}).name
    'independent_set_sweep'
    """
    if duration_ns <= 2 * rise_ns:
        raise InputError(f"duration_ns must be more than twice rise_ns ({rise_ns}), but is {duration_ns}")
    rise = {"ramp": {"duration_ns": rise_ns, "start": 0, "stop": "rabi"}}
    flat = {"constant": {"duration_ns": duration_ns - 2 * rise_ns, "value": "rabi"}}
    fall = {"ramp": {"duration_ns": rise_ns, "start": "rabi", "stop": 0}}
    low = {"constant": {"duration_ns": rise_ns, "value": "first"}}
    sweep = {"ramp": {"duration_ns": duration_ns - 2 * rise_ns, "start": "first", "stop": "last"}}
    high = {"constant": {"duration_ns": rise_ns, "value": "last"}}
    pulse = {
        "channel": "rydberg_global",
        "amplitude": {"composite": [rise, flat, fall]},
        "detuning": {"composite": [low, sweep, high]},
    }
    return Program(
        name="independent_set_sweep",
        device=device,
        register={"atoms": dict(places)},
        parameters={"rabi": rabi, "first": first, "last": last},
        body=[{"pulse": pulse}, {"measure": {"atoms": list(places), "key": "m"}}, *_judged(places, reach_um)],
    )


@arguments.taking(
    places=_PLACES,
    layers=arguments.whole(1, 1000),
    duration_ns=arguments.whole(1),
    reach_um=arguments.optional(arguments.real(above=0)),
)
def independent_set_pulses(
    places: Mapping[str, tuple[float, float]],
    layers: int = 4,
    *,
    duration_ns: int = 4000,
    reach_um: float | None = None,
    device: str = "MockDevice",
) -> Program:
    """Return the search of `independent_set_sweep` by square pulses of equal length, as QAOA does, to be trained.

    Its parameters are rabi0, detuning0, rabi1, ... (rad/µs); the detuning plays the cost's part, Ω the mixer's.

    Args:
        places: Coordinates (x, y) in µm of each atom, by name.
        layers: Number of pulses.
        duration_ns: Time of all pulses (ns).
        reach_um: Atoms nearer than this (µm) are neighbours; if not given, memory does not judge the outcome.
        device: Name of the device.

    Raises InputError for numbers out of range; ProgramError for places that are none.

    >>> sorted(independent_set_pulses({"a": (0, 0), "b": (6, 0)}, 2).parameters)
    ['detuning0', 'detuning1', 'rabi0', 'rabi1']
    """
    length = duration_ns // layers
    pulses = [
        {
            "pulse": {
                "channel": "rydberg_global",
                "amplitude": f"rabi{k}",
                "detuning": f"detuning{k}",
                "duration_ns": length,
            }
        }
        for k in range(layers)
    ]
    start = {f"detuning{k}": 8 * pi * (2 * (k + 0.5) / layers - 1) for k in range(layers)}
    return Program(
        name="independent_set_pulses",
        device=device,
        register={"atoms": dict(places)},
        parameters={**{f"rabi{k}": 3 * pi for k in range(layers)}, **start},
        body=[*pulses, {"measure": {"atoms": list(places), "key": "m"}}, *_judged(places, reach_um)],
    )


def _judged(places: Mapping[str, tuple[float, float]], reach_um: float | None) -> list[Any]:
    """Return the steps that say whether the atoms in r are an independent set, and one of the largest."""
    if reach_um is None:
        return []
    if len(places) > _MOST_ATOMS:
        raise InputError(f"places must be at most {_MOST_ATOMS} to find the largest sets, but are {len(places)}")
    near = [(i, j) for (i, a), (j, b) in combinations(enumerate(places.values()), 2) if dist(a, b) < reach_um]
    sizes = [bin(s).count("1") for s in range(2 ** len(places)) if not any(s >> i & 1 and s >> j & 1 for i, j in near)]
    names = list(places)
    pairs = " + ".join(f"m.{names[i]} * m.{names[j]}" for i, j in near) or "0"
    count = " + ".join(f"m.{name}" for name in names)
    return [
        {
            "set": {
                "independent": f"where({pairs} == 0, 1, 0)",
                "largest": f"where({pairs} == 0 and {count} == {max(sizes)}, 1, 0)",
            }
        }
    ]


def _by_first(edges: Sequence[tuple[str, str]]) -> dict[str, dict[str, int]]:
    couplings: dict[str, dict[str, int]] = {}
    for one, other in edges:
        couplings.setdefault(one, {})[other] = 1
    return couplings


def _turn(atom: str, axis: str, angle: str) -> dict[str, Any]:
    return {"rotate": {"atom": atom, "axis": axis, "angle": angle}}


def _ry(atom: str, angle: str) -> dict[str, Any]:
    return _turn(atom, "y", angle)
