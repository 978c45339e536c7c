"""From a Pulser sequence to a program that plays the same samples, nanosecond by nanosecond, and measures.

The calls that made the sequence become blocks, one for one. Where that does not give the same samples (`truncate`)
the schedule is translated instead, pulse by pulse. Either way the program passes the check, is exported again and
compared with its source: amplitudes and detunings to the last bit, phases to rounding, with and without modulation.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from rydberg_qmem import arguments
from rydberg_qmem.compile.levels import bases_of
from rydberg_qmem.devices import device_channel_of
from rydberg_qmem.errors import CapabilityError, InputError, QmemError
from rydberg_qmem.interop.pulser_build import Given, built, built_from_text
from rydberg_qmem.interop.pulser_calls import called
from rydberg_qmem.interop.pulser_operations import operations_of
from rydberg_qmem.interop.pulser_proof import what_differs
from rydberg_qmem.interop.pulser_schedule import scheduled
from rydberg_qmem.interop.pulser_text import read, refuse_long
from rydberg_qmem.language.blocks import AnyBlock, Basis, Delay, Measure
from rydberg_qmem.language.program import Program

FIELD_ALONG_Z = (0.0, 0.0, 30.0)


@arguments.taking(
    name=arguments.text,
    key=arguments.text,
    basis=arguments.optional(arguments.one_of(*get_args(Basis))),
    variables=arguments.optional(arguments.named),
    qubits=arguments.optional(arguments.mapping),
    job=arguments.optional(arguments.whole(0)),
)
def from_pulser(
    sequence: Any, *, name: str = "from_pulser", key: str = "m", basis: str | None = None,
    variables: Mapping[str, Any] | None = None, qubits: Mapping[Any, int] | None = None, job: int | None = None,
) -> Program:  # fmt: skip
    """Return a program that plays a Pulser sequence, sample by sample, and measures all its atoms.

    Args:
        sequence: A `pulser.Sequence`, or its abstract JSON as text or plain data; JSON may be a cloud's job that holds
            one sequence somewhere.
        name: Name of the program.
        key: Name under which the outcome is kept.
        basis: Basis of the outcome where the sequence measures none; if not given, the one that Pulser's emulators
            take: digital where it is addressed.
        variables: Numbers for the variables of a parametrized sequence, by name.
        qubits: Trap number of each qubit of a mappable register.
        job: Which job of a cloud's batch gives variables and qubits that are not given here; the only one by default.
            What no job gives has the file's own default.

    Raises InputError for text that is no sequence, naming the field, for values that are missing or that Pulser
    refuses, and for samples that would not fit in memory; CapabilityError, with what stands against it, where no
    program plays the same.

    >>> import pulser
    >>> sequence = pulser.Sequence(pulser.Register({"q": (0, 0)}), pulser.MockDevice)
    >>> sequence.declare_channel("ryd", "rydberg_global")
    >>> amplitude = sequence.declare_variable("amplitude")
    >>> sequence.add(pulser.Pulse.ConstantPulse(200, amplitude, 0.0, 0.0), "ryd")
    >>> [block.kind for block in from_pulser(sequence, variables={"amplitude": 3.0}).body]
    ['pulse', 'measure']
    """
    made = _built(sequence, Given(variables or {}, qubits, job))
    if not made.declared_channels:
        raise InputError("from_pulser: the sequence declares no channel")
    refuse_long(made.get_duration(), len(made.register.qubit_ids))
    names = _names(made.register.qubit_ids)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        operations = operations_of(made)
        device, channels = _channels(made)
        frame = {"name": name, "device": device, "register": _register(made.register, names), **_field(made)}
        measure = Measure(atoms="all", key=key, basis=_measured(made) or basis or _simulated_basis(made))
        refused = []
        for way, translated in (("call by call", called), ("pulse by pulse", scheduled)):
            try:
                program = _program(frame, translated(made, operations, channels, names), measure, made)
                why = what_differs(program, made, names)
                if why is None:
                    return program
            except (QmemError, ValueError) as error:
                why = str(error)
            refused.append(f"{way}, {why}")
    raise CapabilityError(f"from_pulser: what the sequence plays cannot be said in blocks: {'; '.join(refused)}")


def _built(sequence: Any, given: Given) -> Any:
    import pulser

    if isinstance(sequence, str | Mapping):
        return built_from_text(read(sequence), given)
    if not isinstance(sequence, pulser.Sequence):
        raise InputError(f"from_pulser: must be given a pulser.Sequence ({type(sequence).__name__})")
    return built(sequence, given)


def _program(frame: Mapping[str, Any], body: tuple[AnyBlock, ...], measure: Measure, sequence: Any) -> Program:
    """Return the program of some blocks; one that measures a basis which none of them drives waits in it.

    The wait is the channel's shortest, where the sequence lasts so long: Pulser modulates no channel without samples.
    """
    program = Program(**frame, body=(*body, measure))
    channels = sequence.device.channels.items()
    silent = [(name, channel) for name, channel in channels if channel.basis == measure.basis]
    if measure.basis in bases_of(program) or not silent:
        return program
    name, channel = silent[0]
    ticks = -(-channel.min_duration // channel.clock_period)
    wait = ticks * channel.clock_period if ticks * channel.clock_period <= sequence.get_duration() else 0
    return Program(**frame, body=(Delay(duration_ns=wait, channel=name), *body, measure))


def _register(register: Any, names: Mapping[Any, str]) -> Any:
    """Return the atoms by name, in the traps of their layout if they have one."""
    if register.layout is not None:
        ids = map(int, register._layout_info.trap_ids)  # Pulser tells it nowhere else
        return {"traps": register.layout, "trap_ids": dict(zip(names.values(), ids, strict=True))}
    return {"atoms": {names[q]: tuple(p.as_array(detach=True).tolist()) for q, p in register.qubits.items()}}


def _field(sequence: Any) -> dict[str, Any]:
    if "XY" not in {channel.basis for channel in sequence.declared_channels.values()}:
        return {}
    field = tuple(float(part) for part in sequence.magnetic_field)
    return {} if field == FIELD_ALONG_Z else {"magnetic_field": field}


def _names(ids: tuple[Any, ...]) -> dict[Any, str]:
    """Return a name that expressions can read for each qubit: its own where it can."""
    made: dict[Any, str] = {}
    for qubit in ids:
        text = re.sub(r"\W", "_", str(qubit), flags=re.ASCII)
        text = text if text[:1].isalpha() and text[0] != "_" else f"q{text.lstrip('_')}"
        while text in made.values():
            text += "_"
        made[qubit] = text
    return made


def _measured(sequence: Any) -> str | None:
    return str(sequence.get_measurement_basis()) if sequence.is_measured() else None


def _simulated_basis(sequence: Any) -> str:
    """Return the basis in which Pulser's emulators measure a sequence that names none."""
    from pulser.sampler import sample

    used = sample(sequence).used_bases if sequence.get_duration() else ()
    bases = sorted(used or sequence.get_addressed_bases())
    return "digital" if "digital" in bases else str(bases[0])


# --- channels ---


def _channels(sequence: Any) -> tuple[Any, dict[str, str]]:
    """Return the device, and its channel for each declared name; a channel declared twice is there twice."""
    device, channels = sequence.device, dict[str, str]()
    for name in sequence.declared_channels:
        wanted = device_channel_of(sequence, name)
        if wanted in channels.values():
            device, wanted = _with_copy(device, wanted)
        channels[name] = wanted
    return device, channels


def _with_copy(device: Any, channel_id: str) -> tuple[Any, str]:
    """Return a virtual device with one more channel like one that it has."""
    if channel_id.startswith("dmm_"):
        copies = (*device.dmm_objects, device.dmm_channels[channel_id])
        return replace(device, dmm_objects=copies), f"dmm_{len(copies) - 1}"
    fresh = next(made for i in range(2, 1000) if (made := f"{channel_id}_{i}") not in device.channels)
    channels = {**device.channels, fresh: device.channels[channel_id]}
    return replace(device, channel_objects=tuple(channels.values()), channel_ids=tuple(channels)), fresh
