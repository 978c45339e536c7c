"""Noise that goes to nothing is no noise: every field beside every feature, density matrices and trajectories."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.devices import _target as target
from rydberg_qmem.language.noise import LINDBLAD, SHOT_TO_SHOT
from tests.features import BODIES, clean, final, program

TINY = 1e-9
CHANGED = 1e-6
"""Rates of 1e-9 per µs change nothing by more; samples joined otherwise add 1e-10 for each stretch."""
WEAK: dict[str, dict[str, Any]] = {
    "relaxation_rate": {"relaxation_rate": TINY},
    "dephasing_rate": {"dephasing_rate": TINY},
    "hyperfine_dephasing_rate": {"hyperfine_dephasing_rate": TINY},
    "depolarizing_rate": {"depolarizing_rate": TINY},
    "eff_noise_rates": {"eff_noise_rates": (TINY,)},
    "with_leakage": {"with_leakage": True, "eff_noise_rates": (TINY,)},
    "temperature": {"temperature": TINY**2},
    "amp_sigma": {"amp_sigma": TINY},
    "laser_waist": {"laser_waist": 1e9},
    "detuning_sigma": {"detuning_sigma": TINY},
    "detuning_hf_psd": {"detuning_hf_psd": (TINY**2,) * 2, "detuning_hf_omegas": (5.0, 20.0)},
    "trap_waist": {"temperature": TINY, "trap_waist": TINY, "trap_depth": 1.0, "disable_doppler": True},
    "dmm_sigma": {"dmm_sigma": TINY},
    "detuning_map_spot_waist": {"detuning_map_spot_waist": 0.5},
    "state_prep_error": {"state_prep_error": TINY},
    "hardware t1_us": {"t1_us": 1 / TINY},
    "hardware t2_us": {"t2_us": 1 / TINY},
    "hardware rydberg_lifetime_us": {"rydberg_lifetime_us": 1 / TINY},
}
"""Each field alone, so weak that nothing of it is left."""
ONLY_LASERS = ("temperature", "amp_sigma", "laser_waist", "detuning_sigma", "detuning_hf_psd")
"""Fields that microwaves do not have, as in Pulser."""


def lowering(levels: int) -> tuple[tuple[float, ...], ...]:
    made = np.zeros((levels, levels))
    made[-1, 0] = 1.0
    return tuple(map(tuple, made.tolist()))


def surroundings(field: str, feature: str) -> dict[str, Any]:
    fields = dict(WEAK[field])
    if field.startswith("hardware "):
        return {"hardware": {"name": "machine", **fields}}
    if "eff_noise_rates" in fields:
        atoms = len(program(feature).register.names)
        levels = round(len(clean(feature)) ** (1 / atoms)) + (field == "with_leakage")
        fields["eff_noise_opers"] = (lowering(levels),)
    return {"noise": fields}


def left(whole: np.ndarray[Any, Any], feature: str) -> np.ndarray[Any, Any]:
    """Return the part of a density matrix without the level that leakage goes to."""
    size, atoms = len(clean(feature)), len(program(feature).register.names)
    inside, levels = round(size ** (1 / atoms)), round(len(whole) ** (1 / atoms))
    grid = whole.reshape((levels,) * (2 * atoms))[(slice(0, inside),) * (2 * atoms)]
    return grid.reshape(size, size)


def has_meaning(field: str, feature: str) -> bool:
    """Return whether Pulser defines a field on the levels of a feature."""
    levels = compile_program(program(feature)).target.levels
    if field == "relaxation_rate":
        return {"r", "g"} <= set(levels)
    return not ("0" in levels and field in ONLY_LASERS)


def changes(field: str, feature: str, state: str) -> float:
    """Return by how much a weak field changes what one shot, or an exact run, leaves."""
    options: dict[str, Any] = surroundings(field, feature)
    random = field in SHOT_TO_SHOT and field not in ("laser_waist", "detuning_map_spot_waist")
    options["shots"] = 1 if state == "vector" or random else None
    made = final(feature, state=state, **options)
    return float(np.abs(left(made, feature) - clean(feature)).max())


CROSSED = [*product(WEAK, BODIES, ("vector", "density_matrix"))]


def test_every_field_that_acts_on_the_state_is_crossed() -> None:
    assert {*LINDBLAD, *SHOT_TO_SHOT} <= WEAK.keys()


@pytest.mark.parametrize("field", WEAK)
def test_noise_that_goes_to_nothing_is_no_noise(field: str) -> None:
    """Two features for each field, others for each, so that all meet some."""
    first, names = 2 * list(WEAK).index(field), list(BODIES)
    for k, state in enumerate(("vector", "density_matrix")):
        feature = names[(first + k) % len(names)]
        if has_meaning(field, feature):
            assert changes(field, feature, state) < CHANGED, (field, feature, state)


@pytest.mark.slow
@pytest.mark.parametrize("feature", BODIES)
def test_every_noise_that_goes_to_nothing_is_no_noise_beside_every_feature(feature: str) -> None:
    for field, state in product(WEAK, ("vector", "density_matrix")):
        if has_meaning(field, feature):
            assert changes(field, feature, state) < CHANGED, (field, feature, state)


def test_masks_that_noise_forgets_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    before = clean("mask of microwaves")
    monkeypatch.setattr(target.Target, "hiding", lambda self, atoms: self)

    forgotten = final("mask of microwaves", noise={"dephasing_rate": TINY})

    assert np.abs(forgotten - before).max() > CHANGED
