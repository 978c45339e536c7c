"""Reinforcement learning by measurement feedback: an agent turns until its environment gives no more clicks.

The protocol of Albarrán-Arriagada et al., Phys. Rev. A 98, 042315 (2018), as listed by Olivares-Sánchez et al., Quantum
Rep. 2, 293 (2020): the agent's inverse D† acts on a fresh copy of the environment, a CNOT copies the bit to a register
atom, a click there is the punishment. A reward shrinks the range of exploration, a punishment widens it and turns the
agent by random angles about its own axes. All randomness is the program's own, inside every shot.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from rydberg_qmem import arguments
from rydberg_qmem.language.program import Program

Environment = Literal["great_circle", "haar"]

_ATOMS = {"e": (0, 0), "r": (4, 0)}
_RANGE = "where(punish < 0, range, where(punish == 1, range / epsilon, range * epsilon))"  # lost: no lesson
_OWN_RANGE = "where(punish < 0, range, where(punish == 1, range * punishment, range * epsilon))"
_REACHED_ON_CIRCLE = "cos((theta - turn) / 2)**2"
_REACHED = (
    "0.5 + 0.5 * (2 * (x*z + w*y) * sin(theta) * cos(phi) + 2 * (y*z - w*x) * sin(theta) * sin(phi)"
    " + (1 - 2 * (x**2 + y**2)) * cos(theta))"
)
"""The fidelity of the agent's state."""
_TURNED = {
    "w": "w*cos(alpha/2)*cos(beta/2) - x*cos(alpha/2)*sin(beta/2) - y*sin(alpha/2)*sin(beta/2)"
    " - z*sin(alpha/2)*cos(beta/2)",
    "x": "w*cos(alpha/2)*sin(beta/2) + x*cos(alpha/2)*cos(beta/2) + y*sin(alpha/2)*cos(beta/2)"
    " - z*sin(alpha/2)*sin(beta/2)",
    "y": "w*sin(alpha/2)*sin(beta/2) - x*sin(alpha/2)*cos(beta/2) + y*cos(alpha/2)*cos(beta/2)"
    " + z*cos(alpha/2)*sin(beta/2)",
    "z": "w*sin(alpha/2)*cos(beta/2) + x*sin(alpha/2)*sin(beta/2) - y*cos(alpha/2)*sin(beta/2)"
    " + z*cos(alpha/2)*cos(beta/2)",
}
"""The agent's quaternion after Rz(alpha) Rx(beta) about its own axes: D becomes D Rz(alpha) Rx(beta)."""


@arguments.taking(
    environment=arguments.one_of(*get_args(Environment)),
    epsilon=arguments.setting,
    punishment=arguments.optional(arguments.setting),
    widest=arguments.optional(arguments.setting),
    rounds=arguments.setting,
    bath=arguments.optional(arguments.values(arguments.setting, "two numbers", 2, 2)),
    semi_quantum=arguments.flag,
)
def reward_learning(
    environment: Environment = "haar",
    *,
    epsilon: float = 0.8,
    punishment: float | None = None,
    widest: float | None = None,
    rounds: int = 50,
    bath: tuple[float, float] | None = None,
    semi_quantum: bool = False,
    device: str = "DigitalAnalogDevice",
) -> Program:
    """Return the program in which every shot is one agent that learns one unknown state.

    A reward shrinks the range of exploration, a punishment widens it and turns the agent. The memory `fidelity` is
    |⟨E|D|g⟩|² after a round: what the record shows in round k is after k rounds (0 before any).

    Args:
        environment: "haar" (default): states of the whole sphere, the agent turning by two angles each time; or
            "great_circle": cos(θ/2) g + sin(θ/2) h, and one angle.
        epsilon: Factor of a reward on the range, below 1.
        punishment: Factor of a punishment on the range; 1/epsilon if not given.
        widest: Range at the beginning (rad), which it then never exceeds; if not given it begins at 4π, and has no
            bound.
        rounds: Number of trials.
        bath: (R, q): each copy of the environment goes through generalised amplitude damping with probability R towards
            an occupation q of h, by a thermal ancilla; no bath by default.
        semi_quantum: Whether the copy itself is measured, as in photonic experiments, without a register atom.
        device: Name of the device.

    Raises InputError for an unknown environment; ProgramError for numbers that are not finite.

    >>> reward_learning("great_circle", rounds=3).name
    'reward_learning_great_circle'
    """
    one = environment == "great_circle"
    undo: dict[str, Any] = {"angle": "-turn"} if one else {"quaternion": ["w", "-x", "-y", "-z"]}
    body: list[Any] = [
        {"rotate": {"atom": "e", "axis": "y", "angle": "theta"}},
        {"rotate": {"atom": "e", "axis": "z", "angle": "phi"}},
        *([] if bath is None else thermal_damping("e", "b", probability="bath_r", occupation="bath_q")),
        {"rotate": {"atom": "e", **undo}},
        *([] if semi_quantum else [{"cnot": {"control": "e", "target": "r"}}]),
        {"measure": {"atoms": "e" if semi_quantum else "r", "key": "punish"}},
        {"reset": {"atoms": ["e"] if semi_quantum else ["e", "r"]}},
        *_learn(one, _wider(punishment, widest)),
        {"set": {"fidelity": _REACHED_ON_CIRCLE if one else _REACHED}},
    ]
    given = {"epsilon": epsilon, "punishment": punishment, "widest": widest, "rounds": rounds}
    given |= dict(zip(("bath_r", "bath_q"), bath or (), strict=False))
    atoms = {"e": _ATOMS["e"]} if semi_quantum else dict(_ATOMS)
    if bath is not None:
        atoms["b"] = (0, 4)
    return Program(
        name=f"{'reconstruction' if semi_quantum else 'reward_learning'}_{environment}",
        device=device,
        register={"atoms": atoms},
        parameters={name: value for name, value in given.items() if value is not None},
        memory=_memory(one, widest),
        body=[{"repeat": {"times": "rounds", "body": body}}],
    )


def _memory(one: bool, widest: float | None) -> dict[str, Any]:
    """Return the environment's angles, drawn, and the agent's range and turns, as they begin."""
    agent = {"turn": {"initial": 0}} if one else {axis: {"initial": float(axis == "w")} for axis in "wxyz"}
    return {
        "theta": {"initial": "2 * pi * uniform()" if one else "acos(1 - 2 * uniform())"},
        "phi": {"initial": "0" if one else "2 * pi * uniform()"},
        "range": {"initial": "4 * pi" if widest is None else "widest"},
        **agent,
        "fidelity": {"initial": 0},
    }


def _wider(punishment: float | None, widest: float | None) -> str:
    """Return what the range becomes."""
    wider = _RANGE if punishment is None else _OWN_RANGE
    return wider if widest is None else f"min({wider}, widest)"


def _learn(one: bool, wider: str) -> list[Any]:
    """Return the agent's classical step after its reward or punishment."""
    drawn = "max(punish, 0) * range * (uniform() - 0.5)"
    if one:
        return [{"set": {"turn": f"turn + {drawn}", "range": wider}}]
    return [{"set": {"alpha": drawn, "beta": drawn}}, {"set": {**_TURNED, "range": wider}}]


@arguments.taking(
    system=arguments.text,
    ancilla=arguments.text,
    probability=arguments.setting,
    occupation=arguments.setting,
    key=arguments.text,
)
def thermal_damping(system: str, ancilla: str, *, probability: str, occupation: str, key: str = "hot") -> list[Any]:
    """Return the blocks of one collision with a thermal ancilla: n becomes (1-R) n + R q, coherences shrink by √(1-R).

    The ancilla is a coin, h with probability q: amplitude damping by R, towards h if the coin fell so. The coin is a
    measured and reset atom, so exact runs know it too.

    Args:
        system: Name of the atom.
        ancilla: Name of the ancilla, in g.
        probability: R, an expression of numbers from 0 to 1.
        occupation: q, the same.
        key: Name under which the coin is kept; the ancilla's click in the damping is `key` with `_click`.

    >>> [next(iter(step)) for step in thermal_damping("s", "a", probability="0.2", occupation="q")]
    ['rotate', 'measure', 'reset', 'when', 'damp', 'when']
    """
    flip = {"when": {"if": f"{key} == 1", "then": [{"rotate": {"atom": system, "axis": "x", "angle": "pi"}}]}}
    return [
        *coin(ancilla, occupation, key=key),
        flip,
        {"damp": {"system": system, "ancilla": ancilla, "probability": probability, "key": f"{key}_click"}},
        flip,
    ]


@arguments.taking(atom=arguments.text, probability=arguments.setting, key=arguments.text)
def coin(atom: str, probability: str, *, key: str) -> list[Any]:
    """Return the blocks of a biased coin that exact runs know too: an atom in g turned, measured, and reset.

    Args:
        atom: Name of the atom.
        probability: Probability of 1, an expression of numbers from 0 to 1.
        key: Name under which the outcome is kept.

    >>> coin("c", "0.25", key="m")[0]
    {'rotate': {'atom': 'c', 'angle': '2 * asin(sqrt(0.25))'}}
    """
    return [
        {"rotate": {"atom": atom, "angle": f"2 * asin(sqrt({probability}))"}},
        {"measure": {"atoms": atom, "key": key}},
        {"reset": {"atoms": atom}},
    ]


@arguments.taking(
    angle=arguments.setting, probability=arguments.setting, occupation=arguments.setting, rounds=arguments.setting
)
def thermal_contact(
    *,
    angle: float = 3.141592653589793,
    probability: float = 0.2,
    occupation: float = 0.3,
    rounds: int = 12,
    device: str = "DigitalAnalogDevice",
) -> Program:
    """Return repeated collisions of an atom with thermal ancillas; `n` probes its occupation before each.

    n_k = q + (n_0 - q)(1 - R)^k for collisions of probability R with ancillas of occupation q.

    Args:
        angle: Turn about y (rad) at the beginning: n_0 = sin²(angle/2).
        probability: R.
        occupation: q.
        rounds: Number of collisions.
        device: Name of the device.

    Raises ProgramError for numbers that are not finite.

    >>> import rydberg_qmem as rq
    >>> asked = {"shots": None, "emulator": "ideal", "state": "density_matrix"}
    >>> n = rq.run(thermal_contact(rounds=3), **asked).n
    >>> n.values.round(6).ravel().tolist()  # 0.3 + 0.7 · 0.8^k
    [1.0, 0.86, 0.748]
    """
    collide = thermal_damping("s", "b", probability="probability", occupation="occupation")
    return Program(
        name="thermal_contact",
        device=device,
        register={"atoms": {"s": (0, 0), "b": (4, 0)}},
        parameters={"angle": angle, "probability": probability, "occupation": occupation, "rounds": rounds},
        body=[
            {"rotate": {"atom": "s", "angle": "angle"}},
            {
                "repeat": {
                    "times": "rounds",
                    "body": [{"probe": {"atoms": "s", "occupation": True, "key": "n"}}, *collide],
                }
            },
            {"measure": {"atoms": "s", "key": "left"}},
        ],
    )
