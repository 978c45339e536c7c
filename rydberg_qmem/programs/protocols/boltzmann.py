"""Thermal states of interacting atoms by collisions with one reset ancilla: a Boltzmann machine to be trained."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from math import cos, exp, pi, sin
from typing import Any

from rydberg_qmem import arguments
from rydberg_qmem.language.program import Program
from rydberg_qmem.programs.protocols.rewards import coin


@arguments.taking(
    atoms=arguments.whole(1, 12),
    gamma=arguments.setting,
    beta=arguments.setting,
    sweeps=arguments.whole(1, 10_000_000),
    swap=arguments.real(),
    width_us=arguments.real(1e-3, 1e3),
    step_us=arguments.real(1e-3, 1e3),
    spacing_um=arguments.real(above=0),
)
def boltzmann_machine(
    atoms: int = 3,
    *,
    gamma: float = 0.3,
    beta: float = 1.0,
    sweeps: int = 8,
    swap: float = 0.8,
    width_us: float = 0.4,
    step_us: float = 0.2,
    spacing_um: float = 5.0,
    device: str = "MockDevice",
) -> Program:
    """Return atoms brought near exp(-βH)/Z of H = -Γ Σ X - Σ b_i Z_i - Σ w_ij Z_i Z_j, read as `m`.

    Its parameters are b0, b1, ..., w01, ... (rad/µs, zero at first), gamma and beta. One collision: an ancilla is h
    with probability 1/(1 + exp(βω)), then H and ω of the ancilla act while an exchange between one atom and the ancilla
    rises and falls as a Gaussian, then the ancilla is reset. A sweep gives each atom one collision for each ω = 2 (b_i
    ± w_ij ± ...): what turning it over costs among its neighbours. At Γ = 0 it is exact for weak collisions whose width
    1/`width_us` parts the costs; a transverse field shifts the resonances, and near-degenerate levels thermalise worse;
    so do costs that lie 2π/`step_us` apart.

    The atoms stand on a circle around the ancilla. `p` probes the density matrix. Run it exactly with
    `state="density_matrix"`, or each collision doubles the branches. A scheme of repeated interactions, derived here.
    Meant for ideal gates: as pulses, its analog steps want atoms far apart, its exchanges near ones.

    Args:
        atoms: Number of atoms besides the ancilla, 1 to 12; a sweep has atoms 2^(atoms-1) collisions.
        gamma: Transverse field Γ (rad/µs).
        beta: Inverse temperature β (µs, for energies in rad/µs).
        sweeps: Number of sweeps over all atoms.
        swap: Turn of the exchange in one collision (rad).
        width_us: Standard deviation of its Gaussian (µs), which is cut at three of them.
        step_us: Step of time (µs) in which H and exchange take turns.
        spacing_um: Radius of the circle (µm).
        device: Name of the device.

    Raises InputError for numbers out of range; ProgramError for others that are not finite.

    >>> sorted(boltzmann_machine(2).parameters)
    ['b0', 'b1', 'beta', 'gamma', 'w01']
    """
    names = [f"q{k}" for k in range(atoms)]
    place = {name: _on_circle(k / atoms, spacing_um) for k, name in enumerate(names)}
    return Program(
        name="boltzmann_machine",
        device=device,
        register={"atoms": {**place, "bath": (0.0, 0.0)}},
        parameters={
            "gamma": gamma,
            "beta": beta,
            **{f"b{k}": 0.0 for k in range(atoms)},
            **{f"w{i}{j}": 0.0 for i, j in combinations(range(atoms), 2)},
        },
        body=[
            *({"rotate": {"atom": name, "angle": "pi / 2"}} for name in names),
            {"repeat": {"times": sweeps, "name": "sweep", "body": _sweep(names, swap, width_us, step_us)}},
            {"probe": {"atoms": names, "density_matrix": True, "key": "p"}},
            {"measure": {"atoms": names, "key": "m"}},
        ],
    )


def _sweep(names: list[str], swap: float, width_us: float, step_us: float) -> list[Any]:
    """Return one collision of each atom for each of its costs."""
    steps = round(6 * width_us / step_us)
    shape = f"exp(-((j - {(steps - 1) / 2}) * {step_us} / {width_us})**2 / 2)"
    total = sum(exp(-(((j - (steps - 1) / 2) * step_us / width_us) ** 2) / 2) for j in range(steps))
    sweep: list[Any] = []
    for k, name in enumerate(names):
        for n, cost in enumerate(_costs(k, len(names))):
            move = [
                {"exchange": {"atoms": [name, "bath"], "angle": f"{swap / total} * {shape}"}},
                *_hamiltonian(names, step_us),
                {"rotate": {"atom": "bath", "axis": "z", "angle": f"-({cost}) * {step_us}"}},
            ]
            sweep += [
                *coin("bath", f"1 / (1 + exp(beta * {cost}))", key="hot"),
                {"when": {"if": "hot == 1", "then": [{"rotate": {"atom": "bath", "axis": "x", "angle": "pi"}}]}},
                {"repeat": {"times": steps, "counter": "j", "name": f"step_{k}_{n}", "body": move}},
                {"reset": {"atoms": "bath"}},
            ]
    return sweep


def _on_circle(turns: float, radius_um: float) -> tuple[float, float]:
    return radius_um * cos(2 * pi * turns), radius_um * sin(2 * pi * turns)


def _hamiltonian(names: list[str], step_us: float) -> Iterator[dict[str, Any]]:
    """Yield the turns of H for a short time: the transverse field, then all that is diagonal."""
    couplings: dict[str, dict[str, str]] = {}
    for (i, one), (j, other) in combinations(enumerate(names), 2):
        couplings.setdefault(one, {})[other] = f"-w{i}{j}"
    for name in names:
        yield {"rotate": {"atom": name, "axis": "x", "angle": f"-2 * gamma * {step_us}"}}
    yield {"ising": {"couplings": couplings, "time_us": step_us}}
    for k, name in enumerate(names):
        yield {"rotate": {"atom": name, "axis": "z", "angle": f"-2 * b{k} * {step_us}"}}


def _costs(k: int, atoms: int) -> Iterator[str]:
    """Yield the energy of h less that of g of one atom, for each state of all others."""
    others = [j for j in range(atoms) if j != k]
    for signs in product("+-", repeat=len(others)):
        terms = [f" {sign} w{min(k, j)}{max(k, j)}" for sign, j in zip(signs, others, strict=True)]
        yield f"2 * (b{k}{''.join(terms)})"
