"""A detuning ramp whose speed and place follow from a measurement in its middle."""

from __future__ import annotations

from typing import Any

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError
from rydberg_qmem.language.program import Program

SCOUTS = 4


@arguments.taking(
    adaptive=arguments.flag,
    time_us=arguments.real(0.01, 1e5),
    rabi=arguments.setting,
    drift=arguments.setting,
    margin=arguments.setting,
    edge=arguments.optional(arguments.real()),
)
def adaptive_ramp(
    *,
    adaptive: bool = True,
    time_us: float = 6.0,
    rabi: float = 6.0,
    drift: float = 60.0,
    margin: float = 6.0,
    edge: float | None = None,
    device: str = "MockDevice",
) -> Program:
    """Return a transfer of an atom from g to r by a detuning ramp whose resonance drifts from shot to shot.

    Each shot's resonance lies at `shift`, uniform within ± `drift`, and is the same for all atoms. The fixed schedule
    sweeps the atom over the whole range; it is missed with probability exp(-π Ω²/2v), v the speed (Landau and Zener).
    The adaptive one spends half the time on four scouts, each of which sweeps its own quarter (a detuning map sets them
    apart), measures them, and sweeps the atom slowly over the quarter where a scout flipped, over the whole range if
    none did. `up` is the atom's last reading.

    Args:
        adaptive: Whether scouts are sent (default), or the schedule is fixed.
        time_us: Time of all sweeps (µs).
        rabi: Largest Rabi frequency Ω (rad/µs).
        drift: Half the range of resonances (rad/µs).
        margin: What is swept on both sides of each range (rad/µs).
        edge: The share of a sweep, below 0.5, over which Ω rises, and falls; by default 0.15 of an adaptive one, whose
            short range ends near the resonance, and 0 of the fixed one, best up to 6 µs (0.05 is better at 9 µs).
        device: Name of the device.

    Raises InputError for an `edge` below 0, or of 0.5 or more.

    >>> adaptive_ramp(adaptive=False).name
    'fixed_ramp'
    """
    half_ns = round(500 * time_us)
    share = (0.15 if adaptive else 0.0) if edge is None else edge
    if not 0 <= share < 0.5:
        raise InputError(f"edge must be a share of the sweep from 0 to less than 0.5, but is {edge}")
    whole_ns = half_ns if adaptive else round(1000 * time_us)
    sweep = {
        "pulse": {
            "channel": "rydberg_local",
            "atoms": "a",
            "amplitude": _rounded(whole_ns, share),
            "detuning": _ramp(whole_ns, "centre", "width + margin"),
        }
    }
    places = {"a": (0.0, 0.0), **({f"s{k}": (60.0 * (k + 1), 0.0) for k in range(SCOUTS)} if adaptive else {})}
    return Program(
        name=f"{'adaptive' if adaptive else 'fixed'}_ramp",
        device=device,
        register={"atoms": places},
        parameters={"rabi": rabi, "drift": drift, "margin": margin},
        memory={
            "shift": {"initial": "drift * (2 * uniform() - 1)"},
            "centre": {"initial": 0.0},
            "width": {"initial": "drift"},
        },
        body=[*(_scouted(half_ns, share) if adaptive else []), sweep, {"measure": {"atoms": "a", "key": "up"}}],
    )


def _scouted(half_ns: int, share: float) -> list[Any]:
    """Return the sweep of the scouts, their measurement, and where it says that the resonance lies."""
    scouts = [f"s{k}" for k in range(SCOUTS)]
    found = " + ".join(f"seen.{name}" for name in scouts)
    where = " + ".join(f"seen.{name} * {2 * k - SCOUTS + 1}" for k, name in enumerate(scouts))
    return [
        {
            "detuning_map": {
                "channel": "dmm_0",
                "weights": {name: (SCOUTS - 1 - k) / (SCOUTS - 1) for k, name in enumerate(scouts)},
                "detuning": {"constant": {"duration_ns": half_ns, "value": f"-{2 * (SCOUTS - 1) / SCOUTS} * drift"}},
            }
        },
        {
            "pulse": {
                "channel": "rydberg_local",
                "atoms": scouts,
                "with": "previous",
                "amplitude": _rounded(half_ns, share),
                "detuning": _ramp(half_ns, f"{1 - 1 / SCOUTS} * drift", f"drift / {SCOUTS} + margin"),
            }
        },
        {"measure": {"atoms": scouts, "key": "seen"}},
        {
            "set": {
                "centre": f"where({found} > 0, drift / {SCOUTS} * ({where}) / max(1, {found}), 0)",
                "width": f"where({found} > 0, drift / {SCOUTS}, drift)",
            }
        },
    ]


def _ramp(duration_ns: int, centre: str, half: str) -> dict[str, Any]:
    """Return a sweep upwards about a centre, seen from the shot's own resonance."""
    start, stop = (f"{centre} {sign} ({half}) - shift" for sign in "-+")
    return {"ramp": {"duration_ns": duration_ns, "start": start, "stop": stop}}


def _rounded(duration_ns: int, share: float) -> dict[str, Any]:
    edge = round(share * duration_ns)
    flat = {"constant": {"duration_ns": duration_ns - 2 * edge, "value": "rabi"}}
    if edge == 0:
        return flat
    rise = {"ramp": {"duration_ns": edge, "start": 0, "stop": "rabi"}}
    fall = {"ramp": {"duration_ns": edge, "start": "rabi", "stop": 0}}
    return {"composite": [rise, flat, fall]}
