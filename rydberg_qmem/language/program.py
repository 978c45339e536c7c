"""The program: one frozen value, equal to itself in YAML, JSON and Python."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem import arguments
from rydberg_qmem.errors import ProgramError
from rydberg_qmem.language import data_builder, files
from rydberg_qmem.language.abstract import holds_a_sequence
from rydberg_qmem.language.blocks import Block
from rydberg_qmem.language.device_text import device_text, name_of_device
from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.extensions import extension
from rydberg_qmem.language.hardware import PROFILES, HardwareProfile
from rydberg_qmem.language.models import Model
from rydberg_qmem.language.noise import Noise
from rydberg_qmem.language.problems import problems_of
from rydberg_qmem.language.registers import Register
from rydberg_qmem.language.source_map import SourceMap
from rydberg_qmem.language.values import FrozenMapping, Name, VariableName
from rydberg_qmem.language.writing import write_yaml

# A metaclass method of this name makes pydantic warn; `program.register` is the field's word.
warnings.filterwarnings("ignore", message='Field name "register" in "Program" shadows')

FORMAT: Literal["rydberg_qmem-program/1"] = "rydberg_qmem-program/1"


class Input(Model):
    """A signal, one value per round: a default as an expression of the round `k`, and how many rounds."""

    default: Expression | tuple[float, ...] = Field(
        description="The signal: an expression of the round `k`, or one number for each round."
    )
    rounds: Expression | None = Field(None, description="How many rounds an expression is evaluated for.")

    @model_validator(mode="after")
    def _length(self) -> Self:
        if isinstance(self.default, Expression) and self.rounds is None:
            raise PydanticCustomError("input", "must say for how many rounds")
        return self


class Memory(Model):
    """A classical variable of a shot: a number, or a ring buffer of the last `window` values."""

    initial: Expression = Field(Expression(0), description="Value at the start of each shot; 0 by default.")
    window: Expression | None = Field(None, description="Length of a ring buffer; a single number by default.")


class Program(Model):
    """A register, classical memory, inputs, and blocks that pulse, measure, reset and feed forward.

    The `device` is one of Pulser's by name, a Pulser device object, or a device's abstract representation: its JSON
    text, a mapping, or a `.json` file, which is read and kept in the program. `magnetic_field` (gauss, along x, y, z)
    is that of the XY mode, 30 G along z unless given. `with_modulation` plays each pulse as the channel's bandwidth
    lets it out, as Pulser's `with_modulation`; a segment then ends when its last pulse has faded.

    >>> program = Program(
    ...     name="flip",
    ...     register={"atoms": {"q": (0, 0)}},
    ...     device="MockDevice",
    ...     body=[
    ...         {"rotate": {"atom": "q", "axis": "x", "angle": "pi"}},
    ...         {"measure": {"atoms": "q", "key": "m"}},
    ...     ],
    ... )
    >>> program == Program.from_yaml(program.to_yaml())
    True
    """

    _whole: ClassVar[bool] = True
    format: Literal["rydberg_qmem-program/1"] = Field(FORMAT, description="The version of the file format.")
    name: Name = Field(description="Letters, digits and underscores; a letter first.")
    about: str = Field("", description="What it shows, and the closed form it follows.")
    tags: tuple[str, ...] = Field((), description="Words to find it by.")
    device: str = Field("DigitalAnalogDevice", description="A device of Pulser's; `DigitalAnalogDevice` by default.")
    register: Register = Field(description="Where the atoms are.")
    magnetic_field: tuple[float, float, float] | None = Field(
        None, description="Field (G) along x, y and z of the XY mode; (0, 0, 30) by default."
    )
    with_modulation: bool = Field(
        False, description="Whether pulses are played as the channels' bandwidths let them out; not by default."
    )
    parameters: FrozenMapping[VariableName, Expression] = Field(
        default_factory=dict,
        description="Numbers by name, which a run may set or sweep; formulas of other parameters are computed.",
    )
    inputs: FrozenMapping[VariableName, Input] = Field(default_factory=dict, description="Signals by name.")
    memory: FrozenMapping[VariableName, Memory] = Field(
        default_factory=dict, description="Classical variables of each shot by name."
    )
    body: tuple[Block, ...] = Field(description="The blocks, in order.")
    noise: Noise | None = Field(None, description="Noise of the atoms and lasers; none by default.")
    hardware: str | HardwareProfile | None = Field(
        None,
        description=(
            "Durations and errors of measurement and reset: a profile's name, file or fields; ideal by default."
        ),
    )

    _source: SourceMap | None = PrivateAttr(default=None)

    @field_validator("hardware")
    @classmethod
    def _known_hardware(cls, value: str | HardwareProfile | None) -> str | HardwareProfile | None:
        if isinstance(value, str) and value not in PROFILES and not value.endswith((".yaml", ".yml", ".json")):
            known = ", ".join(PROFILES)
            raise PydanticCustomError("hardware", "must be one of {known}, or a YAML file", {"known": known})
        return value

    @field_validator("device", mode="before")
    @classmethod
    def _device_value(cls, value: Any) -> Any:
        return device_text(value)

    @field_validator("magnetic_field")
    @classmethod
    def _some_field(cls, value: tuple[float, float, float] | None) -> tuple[float, float, float] | None:
        if value is not None and not any(value):
            raise PydanticCustomError("field", "must not be zero")
        return value

    @property
    def source(self) -> SourceMap | None:
        """Lines and columns of the file this program was read from, if any."""
        return self._source

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python data in the shape of the file format, defaults left out."""
        data = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return {"format": self.format, **data}

    @arguments.taking(indent=arguments.optional(arguments.whole(0, 100)))
    def to_json(self, *, indent: int | None = None) -> str:
        """Return the program as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_yaml(self) -> str:
        """Return the program as YAML text."""
        return write_yaml(self.to_dict())

    @classmethod
    @arguments.taking(source=arguments.optional(arguments.made(SourceMap)))
    def from_dict(cls, data: Mapping[str, Any], *, source: SourceMap | None = None) -> Self:
        """Build a program from plain data, or raise one `ProgramError` with all its problems."""
        if data_builder.nests_too_deep(data):
            raise ProgramError(problems_of(None, data, source))
        try:
            program = cls.model_validate(data)
        except ValidationError as error:
            raise ProgramError(problems_of(error, data, source)) from None
        except RecursionError:
            raise ProgramError(problems_of(None, data, source)) from None
        program._source = source
        return program

    @classmethod
    @arguments.taking(text=arguments.words, file=arguments.words)
    def from_yaml(cls, text: str, *, file: str = "<text>") -> Self:
        """Build a program from YAML text; errors name line and column."""
        data, source = files.parse_yaml(text, file)
        return cls.from_dict(data, source=source)  # type: ignore[arg-type]  # checked by the model

    @classmethod
    @arguments.taking(text=arguments.words, file=arguments.words)
    def from_json(cls, text: str, *, file: str = "<text>") -> Self:
        """Build a program from JSON text; errors name line and column."""
        data, source = files.parse_json(text, file)
        return cls.from_dict(data, source=source)  # type: ignore[arg-type]  # checked by the model

    @classmethod
    @arguments.taking(path=arguments.path)
    def from_file(cls, path: str | Path) -> Self:
        """Read a `.yaml` or `.json` program file, or a Pulser sequence in its abstract JSON, alone or in a job."""
        text = files.read_text(Path(path))
        data, source = files.parse(text, str(path))
        foreign = isinstance(data, Mapping) and not data.keys() & {"format", "body"}
        if foreign and holds_a_sequence(data):
            return cls.from_pulser(text, name=name_of(Path(path)))
        if isinstance(data, dict) and str(data.get("device", "")).endswith(".json"):
            data = {**data, "device": Path(path).parent / data["device"]}
        return cls.from_dict(data, source=source)  # type: ignore[arg-type]  # checked by the model

    @classmethod
    def from_pulser(
        cls, sequence: Any, *, name: str = "from_pulser", key: str = "m", basis: str | None = None,
        variables: Mapping[str, Any] | None = None, qubits: Mapping[Any, int] | None = None, job: int | None = None,
    ) -> Self:  # fmt: skip
        """Build a program that plays a `pulser.Sequence`, or its abstract JSON, and measures all its atoms.

        A parametrized sequence takes numbers for its `variables`, one with a mappable register a trap for each of its
        `qubits`; the JSON of a cloud's job gives those of the job numbered `job`. The outcome is kept under `key`, in
        the basis that the sequence measures, else in `basis`, else in the one that Pulser's emulators take. What it
        plays is the same, nanosecond by nanosecond, with and without modulation; see `interop.from_pulser`.
        """
        made: Self = extension("from_pulser")(
            sequence, name=name, key=key, basis=basis, variables=variables, qubits=qubits, job=job
        )
        return made

    def to_pulser(self, **options: Any) -> tuple[Any, ...]:
        """Return every segment as a `pulser.Sequence` with its place and values; see `rydberg_qmem.to_pulser`."""
        made: tuple[Any, ...] = extension("to_pulser")(self, **options)
        return made

    @classmethod
    def from_openqasm(cls, source: str | Path, **options: Any) -> Self:
        """Build a program from an OpenQASM 3 circuit: text, or the path of a file; see `interop.openqasm`.

        Options are `name`, `device`, `register`, `spacing_um`, `parameters` (numbers of the file's inputs) and
        `while_rounds`. It needs the extra `openqasm`.
        """
        made: Self = extension("from_openqasm")(source, **options)
        return made

    def to_openqasm(self, **options: Any) -> str:
        """Return a program of gates as an OpenQASM 3 circuit; see `interop.openqasm`.

        Options are `parameters`, `inputs`, `rounds` and `probes` (False leaves them out).
        """
        return str(extension("to_openqasm")(self, **options))

    def qpu_report(self, device: Any = None, *, parameters: Mapping[str, float] | None = None) -> Any:
        """Return what a device without mid-sequence measurement can run of this program, and why not the rest."""
        return extension("qpu_report")(self, device, parameters=parameters)

    def fingerprint(self) -> str:
        """Return the sha256 of the canonical JSON: equal programs have equal fingerprints.

        Keys are sorted, but for the atoms, whose order is part of the register. What has its default value does not
        count, so that a field which is new in a later version leaves older programs' fingerprints as they were.
        """
        data = self.to_dict()
        atoms = data["register"].get("atoms")
        if atoms is not None:
            data["register"]["atoms"] = [[name, place] for name, place in atoms.items()]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def __repr__(self) -> str:
        atoms = len(self.register.names)
        return (
            f"Program({self.name!r}, {atoms} atom{'s' * (atoms != 1)} on {self.device_name}, {self.fingerprint()[:8]})"
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return str(extension("plots").program_table(self))

    def draw(self, view: Literal["pulses", "circuit"] = "pulses", **options: Any) -> Any:
        """Draw the program and return matplotlib's axes: its pulses in laboratory time, or its circuit.

        Options are those of `plots.pulses` (ax, width_in, parameters, inputs, rounds) or of `plots.program` (ax,
        parameters, rounds). Nothing is shown: notebooks show the figure, `ax.figure.savefig` keeps it.
        """
        return extension("draw")(self, view, **options)

    @property
    def device_name(self) -> str:
        """The device's name."""
        return name_of_device(self.device)


def name_of(path: Path) -> str:
    """Return a program's name after a file's."""
    name = re.sub(r"\W", "_", path.stem, flags=re.ASCII).strip("_")
    return name[:64] if name[:1].isalpha() else f"p_{name}"[:64]


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of program files, as plain data.

    >>> schema()["title"]
    'rydberg_qmem program, version 1'
    """
    made = Program.model_json_schema(by_alias=True)
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "rydberg_qmem program, version 1"
    return made
