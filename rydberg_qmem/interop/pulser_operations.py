"""The calls that made a Pulser sequence, in the words of its abstract form, whose writer does not know all of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from inspect import signature
from typing import Any

from rydberg_qmem.devices import calls_of
from rydberg_qmem.errors import CapabilityError

Operation = Mapping[str, Any]
SAME = ("align", "delay", "truncate", "enable_eom_mode", "modify_eom_setpoint", "add_eom_pulse", "disable_eom_mode")
"""Calls whose arguments an operation repeats."""


def operations_of(sequence: Any) -> tuple[Operation, ...]:
    """Return a built sequence's calls as operations, with the ids of the qubits that they act on.

    Pulser's own writer of the abstract form stops at detuning maps in space, at targets that were variables, and at
    ids that are no strings; its list of calls, which nothing else shows, has them all.
    """
    return tuple(op for call in calls_of(sequence) for op in _operations(sequence, call))


def _operations(sequence: Any, call: Any) -> Iterator[Operation]:
    given = _arguments(sequence, call)
    match call.name:
        case "declare_channel":
            if given["initial_target"] is not None:
                targets = _ids(sequence, given["initial_target"])
                yield {"op": "target", "channel": given["name"], "targets": targets}
        case "target" | "target_index":
            targets = _ids(sequence, given["qubits"], index=call.name == "target_index")
            yield {"op": "target", "channel": given["channel"], "targets": targets}
        case "phase_shift" | "phase_shift_index":
            index = call.name == "phase_shift_index"
            targets = _ids(sequence, given["specific_targets"], index=index)
            yield {"op": "phase_shift", "phi": float(given["phi"]), "targets": targets, "basis": given["basis"]}
        case "add":
            pulse = _plain(given["pulse"])
            kind = "pulse" if "detuning" in pulse else "pulse_arbitrary_phase"
            yield {"op": kind, "channel": given["channel"], "protocol": given["protocol"], **pulse}
        case "add_dmm_detuning":
            yield {"op": call.name, **given, "waveform": _plain(given["waveform"])}
        case "config_slm_mask":
            yield {"op": call.name, "targets": _ids(sequence, given["qubits"]), "dmm_id": given["dmm_id"]}
        case "config_detuning_map" | "set_magnetic_field" | "measure":
            pass  # which the declared channels, the field and the measurement tell
        case name if name in SAME:
            yield {"op": name, **{key: _plain(value) for key, value in given.items()}}
        case other:
            raise CapabilityError(f"no block says {other}")


def _arguments(sequence: Any, call: Any) -> dict[str, Any]:
    method = getattr(type(sequence), call.name, None)
    if method is None:
        raise CapabilityError(f"no block says {call.name}")
    given = signature(method).bind(sequence, *call.args, **call.kwargs)
    given.apply_defaults()
    return {name: value for name, value in given.arguments.items() if name != "self"}


def _ids(sequence: Any, targets: Any, *, index: bool = False) -> tuple[Any, ...]:
    """Return the ids of targets: one or several ids, or places in the register."""
    targets = targets.tolist() if hasattr(targets, "tolist") else targets
    several = isinstance(targets, Collection) and not isinstance(targets, str)
    found = [one.tolist() if hasattr(one, "tolist") else one for one in (targets if several else [targets])]
    order = sequence.register.qubit_ids
    return tuple(order[int(one)] for one in found) if index else tuple(found)


def _plain(value: Any) -> Any:
    """Return a part of a call as Pulser's abstract form has it."""
    from pulser.json.abstract_repr.serializer import AbstractReprEncoder

    return json.loads(json.dumps(value, cls=AbstractReprEncoder))
