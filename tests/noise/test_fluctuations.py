"""What differs from shot to shot, against Pulser's own noise trajectories: number by number, and in its runs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from pulser._hamiltonian_data import HamiltonianData
from scipy.linalg import expm

import rydberg_qmem as rq
from rydberg_qmem.compile.plan import plan_segment, timed
from rydberg_qmem.compile.segment_sequence import to_pulser
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.compile.steps import Segment
from rydberg_qmem.emulators.exact import OpenSystemPropagator, PlayedSegment
from rydberg_qmem.emulators.fluctuations import Fluctuations
from rydberg_qmem.language.noise import Noise

LASERS = {"temperature": 2000.0, "amp_sigma": 0.1, "laser_waist": 20.0, "detuning_sigma": 1.5}
PLACES = {"temperature": 50.0, "trap_waist": 1.0, "trap_depth": 100.0, "detuning_map_spot_waist": 3.0}
WAVES = {"detuning_hf_psd": (0.5, 0.4, 0.2), "detuning_hf_omegas": (5.0, 20.0, 50.0)}


def program(*, dmm: bool = False) -> rq.Program:
    def shape(value: Any, duration: int = 200) -> dict[str, Any]:
        return {"constant": {"duration_ns": duration, "value": value}}

    blackman = {"blackman": {"duration_ns": 152, "area": 2.0}}
    body: list[dict[str, Any]] = [
        {"pulse": {"channel": "rydberg_global", "amplitude": shape(6.0), "detuning": shape(1.0)}},
        {"pulse": {"channel": "rydberg_local", "atoms": "p", "amplitude": blackman, "detuning": 0, "phase": 0.4}},
        {"pulse": {"channel": "rydberg_global", "amplitude": shape(6.0), "detuning": shape(-1.0)}},
    ]
    if dmm:
        weights = {"q": 0.7, "p": 0.3}
        dmm_block = {"detuning_map": {"channel": "dmm_0", "weights": weights, "detuning": shape(-9.0)}}
        body[2:2] = [{"align": {}}, dmm_block, {"align": {}}]
    body.append({"measure": {"atoms": ["q", "p"], "key": "m"}})
    register = {"atoms": {"q": (0.0, 0.0), "p": (7.0, 3.0)}}
    return rq.Program.from_dict({"name": "noisy", "device": "MockDevice", "register": register, "body": body})


def parts(made: rq.Program) -> tuple[Any, Any]:
    compiled = compile_program(made)
    segment = next(step for step in compiled.steps if isinstance(step, Segment))
    return compiled.target, plan_segment(segment, compiled.target)


def theirs(samples: Any, strength: float) -> np.ndarray[Any, Any]:
    """Exponentiate Pulser's noisy samples, a nanosecond each; levels r, g."""
    local = samples.to_nested_dict(all_local=True)["Local"]["ground-rydberg"]
    up, here, one = np.array([[0, 0], [1, 0]]), np.diag([1, 0]), np.eye(2)
    sites: tuple[tuple[str, Any], ...] = (("q", lambda x: np.kron(x, one)), ("p", lambda x: np.kron(one, x)))
    state = np.array([0, 0, 0, 1], dtype=complex)
    fixed = strength * np.kron(here, here)
    for t in range(len(local["q"]["amp"])):
        h = fixed.astype(complex)
        for name, embed in sites:
            drive = 0.5 * local[name]["amp"][t] * np.exp(-1j * local[name]["phase"][t])
            h = h + embed(drive * up + np.conj(drive) * up.T - local[name]["det"][t] * here)
        state = expm(-1e-3j * h) @ state
    return np.asarray(state)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "dmm"),
    [(LASERS, False), ({**LASERS, **WAVES}, False), (PLACES, False), ({**LASERS, **PLACES, "dmm_sigma": 0.2}, True)],
    ids=["lasers", "waves", "places", "all"],
)
def test_the_same_numbers_give_the_same_state_as_pulser(fields: dict[str, Any], dmm: bool) -> None:
    noise = Noise(**fields)
    target, plan = parts(program(dmm=dmm))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = HamiltonianData.from_sequence(to_pulser(plan, {}), noise_model=noise.to_pulser(), n_trajectories=2)
        pulsers = list(data.noisy_samples)
    fluctuating = Fluctuations(target, noise)
    channels = fluctuating.channels
    for trajectory, samples, _ in pulsers:
        drawn: dict[str, Any] = {
            "#doppler": [trajectory.doppler_detune[name] for name in target.atoms],
            "#amplitude": [trajectory.amp_fluctuations.get(c, 1.0) for c in channels],
            "#detuning": [trajectory.det_fluctuations.get(c, 0.0) for c in channels],
            "#dmm": [trajectory.dmm_det_fluctuation.get(c, 1.0) for c in channels],
        }
        if noise.detuning_hf_psd:
            drawn["#phases"] = np.concatenate([trajectory.det_phases.get(c, np.zeros(2)) for c in channels])
        if noise.has_register:
            moved = np.array([trajectory.register.qubits[name].as_array() for name in target.atoms])
            flat = np.array([[*target.register.qubits[name].as_array(), 0.0] for name in target.atoms])
            drawn["#place"] = (moved - flat).ravel()
        scope = {name: np.array(values)[None] for name, values in drawn.items()} | {"#clock": 0.0}
        strength = float(trajectory.interaction_matrix.as_array()[-1, 0, 1])
        start = np.array([[0, 0, 0, 1]], dtype=complex)

        mine = OpenSystemPropagator(target, (), fluctuating).evolve(plan, scope, start, (0, 1), mixed=False)[0]

        assert abs(np.vdot(theirs(samples, strength), mine)) == pytest.approx(1, abs=2e-7)


def played(noise: Noise, **scope: Any) -> list[Any]:
    """Return the drives of a detuning map on one atom and of a global pulse, atom by atom, as one shot has them."""
    shade, light = ({"constant": {"duration_ns": 200, "value": value}} for value in (-4.0, 6.0))
    body = [{"pulse": {"channel": "rydberg_global", "amplitude": light}},
            {"detuning_map": {"channel": "dmm_0", "weights": {"q": 1.0}, "detuning": shade}}]  # fmt: skip
    data = {"name": "p", "device": "MockDevice", "register": {"atoms": {"q": (0.0, 0.0), "p": (7.0, 3.0)}}}
    target, plan = parts(rq.Program.from_dict({**data, "body": body}))
    told = {"#clock": 0.0, **scope}
    schedule, _, part = next(timed(plan, told, 1))
    return PlayedSegment(plan, schedule, (0, 1), {**told, **part}, Fluctuations(target, noise)).tracks()


def test_waves_have_the_power_of_their_spectrum() -> None:
    """All waves at their crest: Σ √(2 Δω S), so that the mean square is Σ Δω S."""
    size = 2 * len(Fluctuations(parts(program())[0], Noise(**WAVES)).channels)

    tracks = played(Noise(**WAVES), **{"#phases": np.zeros((1, size))})

    crest = np.sqrt(2 * 15.0 * 0.4) + np.sqrt(2 * 30.0 * 0.2)
    lit = [track.delta[0, 0] for track in tracks if np.abs(track.omega).any()]
    assert lit == pytest.approx([crest, crest], rel=1e-12)


def test_light_falls_off_by_its_waist() -> None:
    """A beam along y whose amplitude is exp(-x²/w²); spots of a detuning map reach as far as exp(-d²/2w²)."""
    tracks = played(Noise(laser_waist=10.0, detuning_map_spot_waist=6.0))

    lit = {track.atoms: abs(track.omega[0, 0]) for track in tracks if np.abs(track.omega).any()}
    shaded = {track.atoms: track.delta[0, 0] for track in tracks if track.delta.any()}
    assert lit == pytest.approx({(0,): 6.0, (1,): 6.0 * np.exp(-((7 / 10) ** 2))})
    assert shaded == pytest.approx({(0,): -4.0, (1,): -4.0 * np.exp(-58 / 72)})


def test_doppler_width_and_positions_are_those_of_pulser() -> None:
    noise = Noise(**{**LASERS, **PLACES})
    target, _ = parts(program())
    record = Fluctuations(target, noise)
    rng = np.random.default_rng(1)

    table = noise.to_pulser().get_noise_table()
    shift = record.scaled("#doppler", rng.standard_normal((50_000, 2)))
    place = record.scaled("#place", rng.standard_normal((50_000, 6)))

    assert shift.std() == pytest.approx(table["doppler_sigma"][0], rel=0.02)
    assert record.place_sigmas[0] == pytest.approx(np.sqrt(50 / 400), rel=1e-12)
    assert place[:, 2].std() / place[:, 0].std() == pytest.approx(np.pi / 0.85 * np.sqrt(2), rel=0.02)


@pytest.mark.slow
def test_runs_agree_with_pulsers_statistically() -> None:
    """Occupations over 4,000 shots here and 400 noise trajectories there, within four standard errors of both."""
    from pulser.backend import Occupation
    from pulser_simulation import QutipBackendV2, QutipConfig

    noise = Noise(**{**LASERS, "trap_waist": 1.0, "trap_depth": 4000.0})
    _, plan = parts(program())
    np.random.seed(5)  # noqa: NPY002 -- Pulser reads the global state
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = QutipConfig(observables=[Occupation()], noise_model=noise.to_pulser(), n_trajectories=400)
        result = QutipBackendV2(to_pulser(plan, {}), config=config).run()
        pulsers = np.array(result.occupation[-1])

    record = rq.run(program(), shots=4000, seed=1, noise=noise)
    still = rq.run(program(), shots=None).m.values

    error = np.sqrt(0.25 / 4000 + 0.25 / 400)  # a bound: each trajectory of theirs has an occupation in [0, 1]
    assert np.abs(record.m.mean("shot").values - pulsers).max() < 4 * error
    assert np.abs(still - pulsers).max() > 4 * error


def test_a_shot_keeps_its_numbers_to_its_end() -> None:
    """Two pi/2 pulses with the same amplitude error each: the variance of the angle is that of one pulse doubled."""
    half = {"constant": {"duration_ns": 100, "value": "pi / 2 / 0.1"}}
    one = {"pulse": {"channel": "rydberg_local", "atoms": "q", "amplitude": half, "detuning": 0}}
    body = [one, {"measure": {"atoms": "p", "key": "split"}}, one, {"measure": {"atoms": "q", "key": "m"}}]
    register = {"atoms": {"q": (0, 0), "p": (60, 0)}}
    made = rq.Program.from_dict({"name": "two", "device": "MockDevice", "register": register, "body": body})
    sigma, shots = 0.2, 20_000

    p = float(rq.run(made, shots=shots, seed=2, noise={"amp_sigma": sigma}).m.mean())

    kept = 0.5 * (1 + np.exp(-0.5 * (np.pi * sigma) ** 2))  # one number for both pulses
    anew = 0.5 * (1 + np.exp(-0.25 * (np.pi * sigma) ** 2))
    error = np.sqrt(0.25 / shots)
    assert abs(p - kept) < 5 * error
    assert abs(p - anew) > 5 * error


PULSE = {"channel": "rydberg_local", "atoms": "q", "amplitude": {"constant": {"duration_ns": 200, "value": 6.0}}}
LOOK = {"probe": {"atoms": "q", "key": "last", "occupation": True}}


def occupation(body: list[dict[str, Any]], **options: Any) -> float:
    """Return the last occupation of an atom that is alone, over 30 shots, each with numbers that the seed decides."""
    register = {"atoms": {"q": (0, 0), "p": (100, 0)}}
    made = rq.Program.from_dict({"name": "alone", "device": "MockDevice", "register": register, "body": body})
    return float(rq.run(made, shots=30, seed=4, **options)["last"].item())


@pytest.mark.parametrize("pause_us", [0.0, 0.1])
@pytest.mark.parametrize("cut", ["probe", "measure", "loop"])
def test_noise_with_a_spectrum_goes_on_from_segment_to_segment(cut: str, pause_us: float) -> None:
    """Where two pulses are cut apart nothing begins anew: a shot's waves go on, and while another atom is read, too.

    The wave turns by half a period during a pulse and by a quarter in the pause.
    """
    waves = {"detuning_hf_psd": (1.0, 2.0), "detuning_hf_omegas": (5 * np.pi - 9.0, 5 * np.pi)}
    pulse, other = {"pulse": {**PULSE, "detuning": 2.0}}, {"measure": {"atoms": "p", "key": "m"}}
    wait = [{"delay": {"duration_ns": round(1000 * pause_us)}}] if pause_us else []
    told = {"hardware": {"imaging_us": pause_us}} if cut == "measure" else {}
    cuts: dict[str, list[dict[str, Any]]] = {
        "probe": [pulse, {"probe": {"atoms": "p", "key": "cut", "occupation": True}}, *wait, pulse],
        "measure": [pulse, other, pulse],
        "loop": [{"repeat": {"times": 2, "body": [pulse, *wait]}}],
    }

    whole = occupation([pulse, *wait, pulse, LOOK], noise=waves)

    assert occupation([*cuts[cut], LOOK], noise=waves, **told) == pytest.approx(whole, abs=1e-9)
    assert abs(occupation([pulse, *wait, pulse, LOOK]) - whole) > 0.01  # the noise is seen at all


def test_fluctuations_need_shots() -> None:
    with pytest.raises(rq.QmemError, match=r"noise\.temperature differs from shot to shot.*give shots"):
        rq.run(program(), shots=None, noise={"temperature": 50.0})


def test_a_finite_waist_alone_needs_none() -> None:
    weak = rq.run(program(), shots=None, noise={"laser_waist": 5.0}).m.values
    full = rq.run(program(), shots=None).m.values

    assert np.abs(weak - full).max() > 0.05


def test_the_seed_alone_decides() -> None:
    def once(workers: int) -> np.ndarray[Any, Any]:
        np.random.seed(workers)  # noqa: NPY002 -- it must not matter
        return np.asarray(rq.run(program(), shots=1500, seed=9, noise=LASERS, workers=workers).m.values)

    assert np.array_equal(once(1), once(2))
