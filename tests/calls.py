"""Calls that work, one for each public function, class and method: what each is given where nothing is wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import stim
import xarray as xr

import rydberg_qmem as rq
from rydberg_qmem import analysis, blocks, emulators, gallery, learning, plots, programs, report, waveforms
from rydberg_qmem.analysis import closed_forms, entanglement, geometry, mitigation
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.gates import ChannelLimits, calibrate
from rydberg_qmem.interop.export import write
from rydberg_qmem.language.hardware import HardwareProfile, profile_of
from rydberg_qmem.language.noise import Noise
from rydberg_qmem.learning import datasets, tasks
from rydberg_qmem.store import netcdf
from tests.surface import key_of


@cache
def record() -> xr.Dataset:
    return rq.run("two_port_memristor", shots=40, seed=1, emulator="ideal", parameters={"period": 4, "window": 2})


@cache
def jobs_ran() -> emulators.PulserBackend:
    """Return a backend that has run one job."""
    backend = emulators.PulserBackend(mimic_qpu=False)
    rq.run("rabi", shots=10, seed=1, emulator=backend)
    return backend


@cache
def swept() -> xr.Dataset:
    """Return a record of three frequencies of a drive."""
    rates, phase = np.array([1.0, 2.0, 3.0]), 2 * np.pi * np.arange(9) / 8
    one = {
        "u": ("round", np.sin(phase)),
        "v": (("point", "round"), np.sin(phase) * (1 + np.sin(phase) / rates[:, None])),
    }
    return xr.Dataset(one, {"rate": ("point", rates)})


@cache
def looked_at() -> xr.Dataset:
    """Return a record with tomography of a pair, and with its settings swept."""
    program = rq.Program(
        name="pair",
        register={"atoms": {"a": (0, 0), "b": (20, 0)}},
        parameters={"setting": 0},
        body=[{"rotate": {"atom": "a", "angle": "pi / 2"}}, *programs.tomography(["a", "b"])],
    )
    return rq.run(program, shots=60, seed=1, emulator="ideal", sweep={"setting": list(range(9))})


@cache
def circle() -> xr.Dataset:
    phase = 2 * np.pi * np.arange(201) / 100
    return xr.Dataset({"u": ("round", np.sin(phase)), "v": ("round", np.cos(phase))})


@cache
def seen() -> xr.Dataset:
    """Return a record with a density matrix."""
    rho = xr.DataArray(np.diag([0.0, 1.0, 0.0]), dims=("rho_row", "rho_column"))
    return xr.Dataset({"rho": rho}, attrs={"levels": "r g h"})


@cache
def read() -> xr.Dataset:
    """Return a record of bits of two atoms."""
    bits = np.array([[0, 0], [1, 1], [0, 1], [0, 0]], dtype=np.int8)
    return xr.Dataset({"m": (("shot", "m_atom"), bits)}, {"m_atom": ["a", "b"]})


@cache
def flip() -> rq.Program:
    """Return a program of one pulse with a parameter."""
    pulse = {"channel": "rydberg_global", "amplitude": "rabi", "duration_ns": 400}
    return rq.Program(
        name="flip",
        device="AnalogDevice",
        register={"atoms": {"q": (0, 0)}},
        parameters={"rabi": 3},
        body=[{"pulse": pulse}, {"measure": {"atoms": "q", "key": "m"}}],
    )


CIRCUIT = "OPENQASM 3.0; include 'stdgates.inc'; qubit q; bit c; h q; c = measure q;".replace("'", '"')


@dataclass(frozen=True)
class Call:
    """A call that works: a public function with arguments of which each is then made wrong."""

    function: Callable[..., Any]
    arguments: Callable[[], dict[str, Any]]
    key: str = ""
    names: tuple[str, ...] = ()
    """The arguments, where the signature does not say them."""

    @property
    def name(self) -> str:
        return self.key or key_of(self.function)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Each argument with its default."""
        if isinstance(self.function, type) and hasattr(self.function, "model_fields"):
            fields = self.function.model_fields
            return {info.alias or name: info.default for name, info in fields.items()}
        known = inspect.signature(self.function).parameters
        empty = inspect.Parameter.empty
        return {n: known[n].default if n in known else empty for n in self.names or known}


MODELS: dict[type[Any], dict[str, Any]] = {
    Noise: {},
    HardwareProfile: {},
    rq.Input: {"default": [0.1, 0.2]},
    rq.Memory: {},
    rq.Register: {"atoms": {"q": (0, 0)}},
    rq.Program: {"name": "p", "register": {"atoms": {"q": (0, 0)}}, "body": []},
    waveforms.Constant: {"duration_ns": 100, "value": 1},
    waveforms.Ramp: {"duration_ns": 100, "start": 0, "stop": 1},
    waveforms.Blackman: {"duration_ns": 100, "area": 1},
    waveforms.Kaiser: {"duration_ns": 100, "area": 1},
    waveforms.Interpolated: {"duration_ns": 100, "values": [0, 1]},
    waveforms.Custom: {"samples": [0, 1]},
    waveforms.Composite: {"waveforms": [{"constant": {"duration_ns": 100, "value": 1}}]},
    blocks.Align: {},
    blocks.BeamSplitter: {"system": "a", "ancilla": "b", "reflectivity": 0.5},
    blocks.BlockadeMeasure: {"system": "a", "ancilla": "b", "area": 3, "key": "m"},
    blocks.BlockadeRotate: {"control": "a", "target": "b", "angle": 1},
    blocks.CNOT: {"control": "a", "target": "b"},
    blocks.CPhase: {"control": "a", "target": "b", "angle": 1},
    blocks.CZ: {"control": "a", "target": "b"},
    blocks.Damp: {"system": "a", "ancilla": "b", "probability": 0.5},
    blocks.Delay: {"duration_ns": 100},
    blocks.DetuningMap: {"weights": {"a": 1}, "detuning": {"constant": {"duration_ns": 100, "value": -1}}},
    blocks.DisableEOM: {"channel": "c"},
    blocks.EOMPulse: {"channel": "c", "duration_ns": 100},
    blocks.EnableEOM: {"channel": "c", "amp_on": 1},
    blocks.Exchange: {"atoms": ["a", "b"], "angle": 1},
    blocks.ForEach: {"atom": ["a", "b"], "body": []},
    blocks.Ising: {"couplings": {"a": {"b": 1}}, "time_us": 1},
    blocks.Measure: {"atoms": "a", "key": "m"},
    blocks.ModifyEOM: {"channel": "c", "amp_on": 1},
    blocks.PhaseShift: {"atoms": "a", "angle": 1},
    blocks.Probe: {"atoms": "a", "key": "p", "occupation": True},
    blocks.Pulse: {"channel": "c", "amplitude": 1, "duration_ns": 100},
    blocks.Push: {"values": {"w": 1}},
    blocks.Repeat: {"times": 2, "body": []},
    blocks.Reset: {"atoms": "a"},
    blocks.Retarget: {"channel": "c", "atoms": "a"},
    blocks.Rotate: {"atom": "a", "angle": 1},
    blocks.SLMMask: {"atoms": "a"},
    blocks.Set: {"values": {"v": 1}},
    blocks.Swap: {"atoms": ["a", "b"]},
    blocks.WeakMeasure: {"system": "a", "ancilla": "b", "key": "m", "strength": 0.5},
    blocks.When: {"if": "m == 1", "then": []},
    blocks.ZZ: {"atoms": ["a", "b"], "angle": 1},
}
"""What makes one of each part of a program."""


def _of_programs() -> list[Call]:
    program = rq.load("two_port_memristor")
    places = {"a": (0, 0), "b": (6, 0)}
    settings = {"parameters": {"rabi": 2}}
    sequence = flip().to_pulser()[0].sequence
    drawn = ("view", "ax", "width_in", "parameters", "inputs", "rounds")
    limits = ChannelLimits(4, 16, 10.0, 60.0)
    read_by = ("name", "device", "register", "spacing_um", "parameters", "while_rounds")
    return [
        *(Call(model, partial(dict, given)) for model, given in MODELS.items()),
        Call(rq.Expression, lambda: {"source": "1 + x"}),
        Call(rq.Replay, lambda: {"outcomes": {"m": [[0, 1]]}}),
        Call(rq.run, lambda: {"program": "two_port_memristor", "shots": 3, "seed": 1, "emulator": "ideal"}),
        Call(rq.check, lambda: {"program": "rabi"}),
        Call(rq.estimate, lambda: {"program": "rabi", "shots": 3, "emulator": "ideal"}),
        Call(rq.load, lambda: {"name_or_path": "rabi"}),
        Call(rq.open_record, lambda: {"path": "r.zarr"}),
        Call(rq.verify, lambda: {"path": "r.zarr"}),
        Call(rq.save_record, lambda: {"record": record(), "path": "s.zarr"}),
        Call(rq.map_blocks, lambda: {"program": program, "change": lambda block: block}),
        Call(Noise.of, lambda: {"value": {"relaxation_rate": 0.1}}),
        Call(HardwareProfile().confusion_of, lambda: {"atom": "q"}),
        Call(profile_of, lambda: {"value": "zoned_2024"}),
        Call(program.with_, lambda: {"about": "x"}, names=("about", "body", "tags")),
        Call(program.model_copy, lambda: {"update": {"about": "x"}}),
        Call(rq.Program.from_dict, lambda: {"data": flip().to_dict()}),
        Call(rq.Program.from_yaml, lambda: {"text": flip().to_yaml()}),
        Call(rq.Program.from_json, lambda: {"text": flip().to_json()}),
        Call(rq.Program.from_file, lambda: {"path": gallery.folder() / "rabi.yaml"}),
        Call(rq.Program.from_pulser, lambda: {"sequence": sequence}),
        Call(rq.Program.from_openqasm, lambda: {"source": CIRCUIT}, names=("source", *read_by)),
        Call(rq.from_openqasm, lambda: {"source": CIRCUIT}),
        Call(rq.from_stim, lambda: {"circuit": stim.Circuit("H 0\nM 0")}, names=("circuit", *read_by)),
        Call(rq.to_openqasm, lambda: {"program": "zeno"}),
        Call(rq.load("zeno").to_openqasm, dict, names=("parameters", "inputs", "rounds", "probes")),
        Call(flip().to_json, lambda: {"indent": 2}),
        Call(rq.from_pulser, lambda: {"sequence": sequence}),
        Call(rq.to_pulser, lambda: {"program": flip(), **settings}),
        Call(rq.qpu_report, lambda: {"program": flip(), "device": "AnalogDevice", **settings}),
        Call(rq.draw, lambda: {"what": flip(), **settings}, names=("what", *drawn)),
        *(Call(kind, dict) for kind in (emulators.EmuMps, emulators.EmuSv, emulators.Qutip)),
        Call(emulators.PulserBackend, dict, names=("backend", "journal", "resubmit", "poll_s", "lookup")),
        Call(jobs_ran().stored, lambda: {"job": "0-0-1-0"}),
        Call(flip().to_pulser, lambda: dict(settings), names=("parameters", "inputs", "rounds", "values", "round")),
        Call(flip().qpu_report, lambda: {"device": "AnalogDevice", **settings}),
        Call(flip().draw, lambda: dict(settings), names=drawn),
        Call(flip().register.draw, dict, names=("ax", "rabi", "device", "roles")),
        Call(write, lambda: {"made": flip().to_pulser(), "program": flip(), "folder": "segments"}),
        Call(calibrate, lambda: {"method": "levine", "angle": np.pi, "interaction": 300.0, "limits": limits,
                                 "infidelity": 1e-3, "shape": "square"}),
        Call(emulator_of, lambda: {"wanted": "ideal"}),
        Call(netcdf.export, lambda: {"record": record(), "path": "r.nc"}),
        Call(gallery.entries, lambda: {"search": "memristor"}),
        Call(programs.tomography, lambda: {"atoms": ["a"]}),
        Call(programs.crosstalk, lambda: {"program": program}),
        Call(programs.ion_memristor, dict),
        Call(programs.network, lambda: {"units": 2}),
        Call(programs.coupled, dict),
        Call(programs.amplitude_damping, lambda: {"block": blocks.Damp(**MODELS[blocks.Damp]), "key": "m"}),
        Call(programs.beam_splitter, lambda: {"block": blocks.BeamSplitter(**MODELS[blocks.BeamSplitter])}),
        Call(programs.blockade_measure, lambda: {"block": blocks.BlockadeMeasure(**MODELS[blocks.BlockadeMeasure])}),
        Call(programs.controlled_ry, lambda: {"system": "a", "ancilla": "b", "angle": rq.Expression("pi / 2")}),
        Call(programs.exchange, lambda: {"block": blocks.Exchange(**MODELS[blocks.Exchange])}),
        Call(programs.weak_measure, lambda: {"block": blocks.WeakMeasure(**MODELS[blocks.WeakMeasure])}),
        Call(programs.active_reset, dict),
        Call(programs.adaptive_ramp, dict),
        Call(programs.boltzmann_machine, lambda: {"atoms": 2, "sweeps": 1}),
        Call(programs.coin, lambda: {"atom": "a", "probability": "p", "key": "m"}),
        Call(programs.digital_analog_features, dict),
        Call(programs.entanglement_swapping, dict),
        Call(programs.ghz_by_measurement, dict),
        Call(programs.independent_set_pulses, lambda: {"places": places}),
        Call(programs.independent_set_sweep, lambda: {"places": places}),
        Call(programs.iterative_phase_estimation, dict),
        Call(programs.measured_in, lambda: {"setting": "XZ", "atoms": ["a", "b"]}),
        Call(programs.qaoa_ring, lambda: {"atoms": 4, "layers": 1}),
        Call(programs.ramsey_search, dict),
        Call(programs.repetition_code, dict),
        Call(programs.reward_learning, dict),
        Call(programs.teleportation, dict),
        Call(programs.thermal_atom, dict),
        Call(programs.thermal_contact, dict),
        Call(programs.thermal_damping, lambda: {"system": "a", "ancilla": "b", "probability": "p", "occupation": "q"}),
        Call(programs.two_atom_ansatz, dict),
        Call(programs.zeno, dict),
    ]  # fmt: skip


def _of_records() -> list[Call]:
    loop = {"drive": "n_in", "response": "clicks.s"}
    series = {"drive": "u", "response": "v"}
    bell = np.array([1, 0, 0, 1]) / np.sqrt(2)
    pair, three = np.outer(bell, bell), np.eye(8) / 8
    square = {"x": [0.0, 1.0, 1.0, 0.0], "y": [0.0, 0.0, 1.0, 1.0]}
    bits = {"earlier": record().clicks[..., 0, 0], "later": record().clicks[..., 1, 0]}
    names = ("form_factor", "line_fit", "perimeter", "pinch", "sector_area", "self_crossings", "signed_area",
             "unsigned_area")  # fmt: skip
    compared = xr.Dataset({"nmse": (("model", "task"), [[0.1, 0.2], [0.3, 0.2]])}, {"model": ["device", "frozen"]})
    flux = {"b": 0.5, "amplitude": 2.0, "omega": 1.0}
    return [
        Call(analysis.hysteresis, lambda: {"record": record(), **loop, "bootstrap": 4}),
        Call(analysis.loop, lambda: {"record": record(), **loop}),
        Call(analysis.fingerprints, lambda: {"record": swept(), **series, "frequency": "rate", "bootstrap": 0}),
        Call(analysis.memristivity, lambda: {"record": circle(), **series, "bootstrap": 4}),
        Call(analysis.memory_time, lambda: {"record": circle(), **series, "lags": 1, "blocks": 2}),
        Call(analysis.outcome_mean, lambda: {"record": record(), "key": "clicks"}),
        Call(analysis.standard_error, lambda: {"samples": [1.0, 2.0, 3.0]}),
        Call(analysis.mutual_information, lambda: {**bits, "bootstrap": 4}),
        Call(analysis.density_matrix, lambda: {"record": seen(), "key": "rho"}),
        Call(analysis.tomography, lambda: {"record": looked_at(), "key": "tomo", "bootstrap": 2}),
        Call(analysis.expectation, lambda: {"records": {"ZZ": read()}, "terms": {"ZZ": 1.0}, "key": "m"}),
        Call(analysis.group, lambda: {"terms": ["XZ", "ZZ"]}),
        Call(analysis.unstack, lambda: {"record": looked_at()}),
        Call(mitigation.unfold, lambda: {"record": read(), "key": "m", "confusion": (0.1, 0.1)}),
        Call(mitigation.unfolded, lambda: {"record": read(), "key": "m", "confusion": (0.1, 0.1)}),
        Call(mitigation.unfold_joint, lambda: {"record": read(), "key": "m", "confusion": (0.1, 0.1)}),
        Call(mitigation.select_kept, lambda: {"record": read()}),
        Call(entanglement.concurrence, lambda: {"rho": pair}),
        Call(entanglement.genuine_tripartite, lambda: {"rho": three, "starts": 1}),
        Call(entanglement.monogamy, lambda: {"rho": three}),
        Call(entanglement.negativity, lambda: {"rho": pair}),
        Call(entanglement.purity, lambda: {"rho": pair}),
        Call(entanglement.qubits, lambda: {"rho": pair}),
        Call(entanglement.reduced, lambda: {"rho": pair, "keep": [0]}),
        Call(entanglement.three_tangle, lambda: {"state": np.eye(8)[0]}),
        Call(entanglement.tripartite_negativity, lambda: {"rho": three}),
        Call(entanglement.within, lambda: {"rho": np.diag([0.1, 0.9, 0.0]), "levels": "r g h"}),
        *(Call(getattr(geometry, name), lambda: dict(square)) for name in names),
        Call(geometry.ratio, lambda: {"top": np.ones(2), "bottom": np.ones(2)}),
        Call(geometry.zero_crossings, lambda: {"values": [0, 1, 0, -1]}),
        Call(closed_forms.discrete_loop_area, lambda: {"period": 24, "window": 9}),
        Call(closed_forms.discrete_reflectivity, lambda: {"k": 0, "period": 24, "window": 9}),
        Call(closed_forms.flux_controlled_current, lambda: {"phase": 1.0, "a": 1.0, **flux}),
        Call(closed_forms.flux_controlled_lobe, lambda: dict(flux)),
        Call(closed_forms.photonic_loop, lambda: {"phase": 1.0, "x": 1.0}),
        Call(closed_forms.photonic_loop_area, lambda: {"x": 1.0}),
        Call(closed_forms.photonic_reflectivity, lambda: {"phase": 1.0, "x": 1.0}),
        Call(closed_forms.collision_lobe, lambda: {"depth": 1.0}),
        Call(closed_forms.collision_voltage, lambda: {"t": 1.0, "tilt": 1.0, "b": 0.5, "gamma0": 0.1}),
        Call(closed_forms.crossed_area, lambda: {"period": 24, "window": 9, "ahead": 1.0}),
        Call(closed_forms.flux_polygon, lambda: {"steps": 10, **flux}),
        Call(closed_forms.line_negativity, lambda: {"kt": 1.0}),
        Call(closed_forms.remote_concurrence, lambda: {"half": 0.5, "r1": 0.1, "r2": 0.1}),
        Call(closed_forms.squid_voltage, lambda: {"u": 1.0, "theta": 1.0, "phase": 1.0, "gamma": 0.1}),
        Call(closed_forms.triangle_negativity, lambda: {"kt": 1.0}),
        Call(plots.hysteresis, lambda: {"record": record(), **loop}),
        Call(plots.program, lambda: {"prog": "two_port_memristor"}),
        Call(plots.pulses, lambda: {"program": "two_port_memristor", "parameters": {"period": 4}}),
        Call(plots.register, lambda: {"register_or_program": "two_port_memristor"}),
        Call(plots.program_table, lambda: {"program": flip()}),
        Call(plots.comparison, lambda: {"compared": compared}),
        Call(_in_paper, dict, key="plots._style.paper"),
        Call(report.page, lambda: {"record": record()}),
        Call(report.write, lambda: {"record": record(), "path": "page.html"},
             names=("record", "path", "drive", "response", "call")),
    ]  # fmt: skip


def _in_paper(width_in: float = 3.4, height_in: float | None = None) -> None:
    with plots.paper(width_in, height_in):
        pass


def _of_learning() -> list[Call]:
    series: dict[str, Any] = {"features": np.eye(6)[:, :3], "targets": np.arange(6.0)}
    some = {"states": np.linspace(0, 1, 80).reshape(40, 2), "inputs": np.linspace(-1, 1, 40)}
    X = np.random.default_rng(0).uniform(size=(8, 2))
    y = [0, 1] * 4
    small: dict[str, Any] = {"duration_ns": 200, "readouts": 1}
    one, two = tasks.parity(40, 2, seed=1), tasks.parity(40, 2, seed=2)
    array = programs.AnalogArray(columns=2, **small)
    readout = learning.fit_ridge(**series)
    stream = learning.MemristorReservoir(layout="stream")
    return [
        Call(rq.optimise, lambda: {"objective": lambda p: p["x"] ** 2, "start": {"x": 1.0}, "evaluations": 4}),
        Call(learning.train_boltzmann, lambda: {"sample": lambda w: np.array([0.5, 0.5]), "data": [0.75, 0.25],
                                                "steps": 2}),
        Call(learning.compare, lambda: {"reservoir": stream, "tasks": [one, two], "train": 20, "windows": (1,),
                                        "polynomials": ((1, 2),)}),
        Call(learning.accuracy, lambda: {"targets": [0, 1], "predictions": [0, 1]}),
        Call(learning.Accuracy, lambda: {"correct": 1, "total": 2}),
        Call(learning.Accuracy(1, 2).interval, dict),
        Call(learning.mse, lambda: {"targets": [0, 1], "predictions": [0, 1]}),
        Call(learning.nmse, lambda: {"targets": [0, 1], "predictions": [0, 1]}),
        Call(learning.fit_ridge, lambda: dict(series)),
        Call(learning.Readout, lambda: {"weights": [1.0], "bias": 0.0}),
        Call(readout.predict, lambda: {"features": series["features"]}),
        Call(learning.Series, lambda: {"inputs": [0.0, 1.0], "targets": [0.0, 1.0], "name": "s"}),
        Call(one.split, lambda: {"train": 20}),
        Call(learning.kernel_rank, lambda: {"features": series["features"]}),
        Call(learning.separation, lambda: {"features": series["features"], "labels": [0, 0, 0, 1, 1, 1]}),
        Call(learning.polynomial, lambda: {"features": series["features"], "degree": 2}),
        Call(learning.window, lambda: {"inputs": [1.0, 2.0, 3.0], "length": 2}),
        Call(learning.memory_capacity, lambda: {**some, "delays": [1], "washout": 2}),
        Call(learning.processing_capacity, lambda: {**some, "degree": 1, "delays": 1, "washout": 2}),
        Call(learning.echo_state, lambda: {"inputs": [1.0, 2.0], "size": 3, "seed": 1}),
        Call(learning.mean_field, lambda: {"program": programs.memristor_network(["x0"], time_constants=[4]),
                                           "inputs": {"x0": [[0.1, 0.2]]}}),
        Call(learning.narma, lambda: {"order": 2, "length": 30, "seed": 1}),
        Call(learning.narma_memristor, lambda: {"length": 30, "seed": 1}),
        Call(learning.mackey_glass, lambda: {"length": 30, "seed": 1}),
        Call(learning.parity, lambda: {"length": 30, "order": 2, "seed": 1}),
        Call(learning.short_term_memory, lambda: {"length": 30, "delays": [1], "seed": 1}),
        Call(programs.random_photons, lambda: {"cells": 2, "channels": 1, "seed": 1}),
        Call(programs.memristor_network, lambda: {"photons": ["x0"], "time_constants": [2.0]}),
        Call(learning.frozen, lambda: {"program": "two_port_memristor"}),
        Call(programs.AnalogArray, lambda: {"columns": 2, **small}),
        Call(array.column_at, lambda: {"time_ns": 100}),
        Call(array.cuts_ns, lambda: {"until": 200}),
        Call(array.places_um, lambda: {"sample": [0.1, 0.2]}),
        Call(array.program, lambda: {"sample": [0.1, 0.2], "measured_at": 0}),
        Call(learning.classical_spins, lambda: {"array": array, "samples": X}),
        Call(datasets.digits, dict),
        Call(datasets.laser, lambda: {"path": "laser.txt"}),
        Call(datasets.mnist, lambda: {"path": "digits.npz"}),
        Call(datasets.matched_states, lambda: {"cases": 4, "seed": 1}),
        Call(datasets.werner_states, lambda: {"cases": 4, "seed": 1}),
        Call(datasets.power_four, lambda: {"points": 4}),
        Call(datasets.waveforms, lambda: {"length": 16, "seed": 1}),
        *(_fitted(kind, given, X, y) for kind, given in (
            (learning.MemristorReservoir, {}),
            (learning.QuantumReservoir, small),
            (learning.MemristorClassifier, {"cells": 2}),
        )),
        *_estimators(X, y, small),
    ]  # fmt: skip


def _fitted(kind: Any, given: dict[str, Any], X: Any, y: Any) -> Call:
    """Return the call that makes an estimator of options and fits it: its constructor stores what it is given."""

    def fit(**options: Any) -> Any:
        return kind(**options).fit(X, y)

    fit.__signature__ = inspect.signature(kind)  # type: ignore[attr-defined]  # functions may have one
    return Call(fit, lambda: dict(given), key=key_of(kind))


def _estimators(X: Any, y: Any, small: Any) -> list[Call]:
    reservoir, array = learning.MemristorReservoir().fit(X), learning.QuantumReservoir(**small).fit(X)
    classifier = learning.MemristorClassifier(cells=2).fit(X, y)
    return [
        Call(learning.MemristorReservoir().fit, lambda: {"X": X}),
        Call(reservoir.transform, lambda: {"X": X}),
        Call(learning.QuantumReservoir(**small).fit, lambda: {"X": X}),
        Call(array.transform, lambda: {"X": X}),
        Call(learning.MemristorClassifier(cells=2).fit, lambda: {"X": X, "y": y}),
        *(Call(getattr(classifier, name), lambda: {"X": X})
          for name in ("predict", "predict_proba", "decision_function")),
    ]  # fmt: skip


@cache
def calls() -> list[Call]:
    """Return them all."""
    return [*_of_programs(), *_of_records(), *_of_learning()]
