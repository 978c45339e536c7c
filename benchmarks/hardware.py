"""A memristor on real machines: its loop, its error, its laboratory time, what breaks first: docs/hardware.md.

Run with `python benchmarks/hardware.py` (`-o` for another file). The two-port memristor of the gallery with ideal
gates between the machine's measurements, so that what is seen is the machine's doing.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import rydberg_qmem as rq
from rydberg_qmem.analysis import mitigation
from rydberg_qmem.language.hardware import PROFILES, HardwareProfile

SHOTS, SEED, PERIOD, WINDOW = 20_000, 5, 24, 9
PARTS = {
    "readout": ("p_false_pos", "p_false_neg", "confusion"),
    "loss": ("loss",),
    "coherence of those that wait": (
        "spectator_dephasing",
        "spectator_heating",
        "t1_us",
        "t2_us",
        "rydberg_lifetime_us",
    ),
}


def memristor() -> rq.Program:
    """Return the two-port memristor of the gallery, whose control takes the last count again where an atom was lost."""
    return rq.load("two_port_memristor")


def keeper() -> rq.Program:
    """Return an atom in superposition that waits while its neighbour is measured and reset, round by round."""
    body: list[dict[str, Any]] = [
        {"rotate": {"atom": "s", "angle": "pi / 2"}},
        {"repeat": {"times": PERIOD, "body": [
            {"probe": {"atoms": "s", "pauli": ["X"], "key": "kept"}},
            {"measure": {"atoms": "a", "key": "m"}},
            {"reset": {"atoms": "a"}},
        ]}},
    ]  # fmt: skip
    register = {"atoms": {"s": (0, 0), "a": (30, 0)}}
    return rq.Program.from_dict({"name": "keeper", "register": register, "body": body})


def only(profile: HardwareProfile, fields: tuple[str, ...]) -> HardwareProfile:
    """Return a profile with its durations and one kind of error."""
    times = ("imaging_us", "readout_latency_us", "decision_latency_us", "reset_us")
    data = profile.to_dict()
    return HardwareProfile.model_validate({name: data[name] for name in (*times, *fields) if name in data})


def played(hardware: HardwareProfile, **options: Any) -> xr.Dataset:
    """Run the memristor."""
    options = {"shots": SHOTS, "seed": SEED, "emulator": "ideal", **options}
    return rq.run(memristor(), hardware=hardware, parameters={"period": PERIOD, "window": WINDOW}, **options)


def area(record: xr.Dataset, response: Any = None) -> tuple[float, float]:
    """Return the loop's area and its standard error; lost atoms are left out of the response."""
    shown = "clicks.s" if response is None else response
    made = rq.analysis.hysteresis(record, drive="n_in", response=shown, period=PERIOD)
    return float(made.area), float(made.area_error)


def row(name: str, profile: HardwareProfile, **options: Any) -> str:
    """Return one line of the table of machines."""
    record = played(profile, **options)
    value, error = area(record)
    corrected, its_error = area(record, mitigation.unfolded(record, "clicks.s"))
    kept = mitigation.select_kept(record)
    one = float(record.time_us[-1]) + profile.measuring_us + profile.reset_us
    return (
        f"| {name} | {value:.4f} ± {error:.4f} | {corrected:.4f} ± {its_error:.4f} | "
        f"{100 * kept.attrs['kept_fraction']:.1f} ± {100 * kept.attrs['kept_fraction_error']:.1f} % | "
        f"{one / 1000:.3g} ms | "
        f"{one * SHOTS / 3.6e9:.3g} h |"
    )


def coherence(profile: HardwareProfile) -> np.ndarray[Any, Any]:
    """Return the coherence of the waiting atom at the beginning of each round."""
    return np.asarray(rq.run(keeper(), shots=None, emulator="ideal", hardware=profile).kept.values).ravel()


def strikes(part: str, profile: HardwareProfile) -> float:
    """Return the chance that a kind of error strikes one round; for coherence, the part of it that a round takes."""
    match part:
        case "readout":
            return 1 - (1 - profile.p_false_neg) * (1 - profile.p_false_pos)
        case "loss":
            return 1 - (1 - profile.loss) ** 2
        case _:
            kept = coherence(profile)
            return 1 - float(kept[1] / kept[0])


def breakers(name: str, profile: HardwareProfile) -> tuple[list[str], str]:
    """Return what each kind of error alone does in one round and to the loop, and in words what breaks first."""
    ideal, ideal_error = area(played(HardwareProfile()))
    lines, moves = [], {}
    for part, fields in PARTS.items():
        value, error = area(played(only(profile, fields)))
        moves[part] = (value - ideal, float(np.hypot(error, ideal_error)))
        struck = 100 * strikes(part, profile)
        lines.append(f"| {name} | {part} | {struck:.2g} % | {moves[part][0]:+.4f} ± {moves[part][1]:.4f} |")
    often = max(PARTS, key=lambda part: strikes(part, profile))
    far = max(PARTS, key=lambda part: abs(moves[part][0]))
    alike = [part for part in PARTS if abs(moves[part][0]) > abs(moves[far][0]) - moves[far][1]]
    furthest = " and ".join(alike) + (" moves the area most" if len(alike) == 1 else " move the area most, alike")
    kept = coherence(profile)
    half = np.log(0.5) / np.log1p(-strikes("loss", profile))
    said = (
        f"On {name}, {often} strikes most often ({100 * strikes(often, profile):.2g} % of rounds), and {furthest} "
        f"({moves[far][0]:+.4f} ± {moves[far][1]:.4f}). Half of the shots have lost an atom after {half:.0f} "
        "rounds; the reset replaces it, so the loop goes on. Waiting does nothing to this memristor, whose atoms "
        "are prepared anew each round; an atom that has to wait in superposition keeps "
        f"{100 * float(kept[-1] / kept[0]):.3g} % of its coherence over {PERIOD - 1} rounds."
    )
    return lines, said


def document() -> str:
    """Return the page."""
    tables, words = zip(*(breakers(name, PROFILES[name]) for name in ("zoned_2024", "fast_cavity")), strict=True)
    lines = [
        "# A memristor on real machines",
        "",
        f"Made by `python benchmarks/hardware.py`: the two-port memristor, period {PERIOD}, window {WINDOW}, "
        f"{SHOTS} shots, seed {SEED}.",
        "Where an atom was lost, the control takes the last count again and the response leaves the round out; "
        "the reset replaces it. "
        "The budget is measuring and "
        "resetting, shot after shot; loading atoms between shots is not in it.",
        "",
        "## Area, error and laboratory time",
        "",
        "Ideal gates; pulses take no time. Area: of the last cycle of n_out against n_in. Unfolded: readout taken out "
        "in the analysis only. Kept: shots in which no atom was ever lost.",
        "",
        "| machine | area | unfolded | kept | one shot | all shots |",
        "|---|---|---|---|---|---|",
        *(row(name, profile) for name, profile in PROFILES.items()),
        "",
        "## What breaks first",
        "",
        "Each kind of error alone: the chance that it strikes one round (for coherence: the part of it that an atom in "
        "superposition loses while its neighbour is measured and reset), and how far it moves the area.",
        "",
        "| machine | error | per round | area moves by |",
        "|---|---|---|---|",
    ]
    lines += [line for rows in tables for line in rows]
    lines += ["", "\n\n".join(words), "", "## The numbers and where they come from", ""]
    for name, profile in PROFILES.items():
        lines += [f"**{name}**: {profile.about}", ""]
        if profile.rows():
            lines += ["| field | value | source |", "|---|---|---|"]
            lines += [f"| {field} | {value} | {source} |" for field, value, source in profile.rows()]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent.parent / "docs" / "hardware.md")
    output = parser.parse_args().output
    output.write_text(document(), encoding="utf-8")
    print(output)


if __name__ == "__main__":
    main()
