"""Waveforms by Pulser's names: thin declarative fronts whose numbers may be expressions."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem.language.expressions import Expression
from rydberg_qmem.language.models import Tagged, kind_of

ZERO = Expression(0)


class _Waveform(Tagged):
    """A shape over time, as one of Pulser's waveforms."""

    family: ClassVar[Literal["block", "waveform"]] = "waveform"


class Constant(_Waveform):
    """A constant waveform of a given value (rad/µs) or area (rad).

    >>> Constant(duration_ns=100, area="pi").duration_ns.value
    100
    """

    kind: ClassVar[str] = "constant"
    duration_ns: Expression = Field(description="Duration (ns).")
    value: Expression | None = Field(None, description="The level (rad/µs); give this or an area.")
    area: Expression | None = Field(None, description="The integral (rad).")

    @model_validator(mode="after")
    def _one(self) -> Self:
        _exactly_one(self, "value", "area")
        return self


class Ramp(_Waveform):
    """A linear ramp from `start` to `stop` (rad/µs)."""

    kind: ClassVar[str] = "ramp"
    duration_ns: Expression = Field(description="Duration (ns).")
    start: Expression = Field(description="The first value (rad/µs).")
    stop: Expression = Field(description="The last value (rad/µs).")


class Blackman(_Waveform):
    """A Blackman window of a given area (rad), over a duration, or as short as a largest value `max_val` allows.

    With `max_val` (rad/µs, of the area's sign) the duration is Pulser's `from_max_val`, rounded up to the channel's
    clock where the window is a pulse of its own.

    >>> Blackman(area="pi", max_val=10).duration_ns is None
    True
    """

    kind: ClassVar[str] = "blackman"
    duration_ns: Expression | None = Field(None, description="Duration (ns); give this or `max_val`.")
    area: Expression = Field(description="The integral (rad).")
    max_val: Expression | None = Field(None, description="The largest value (rad/µs), of the area's sign.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        _exactly_one(self, "duration_ns", "max_val")
        return self


class Kaiser(_Waveform):
    """A Kaiser window of a given area (rad) and shape parameter `beta`, over a duration or with a `max_val`.

    `beta` must be known before the run; `max_val` is as for the Blackman window.
    """

    kind: ClassVar[str] = "kaiser"
    duration_ns: Expression | None = Field(None, description="Duration (ns); give this or `max_val`.")
    area: Expression = Field(description="The integral (rad).")
    beta: Expression = Field(Expression(14.0), description="Shape parameter; 14 by default.")
    max_val: Expression | None = Field(None, description="The largest value (rad/µs), of the area's sign.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        _exactly_one(self, "duration_ns", "max_val")
        return self


class Interpolated(_Waveform):
    """A curve through `values` (rad/µs) at fractions `times` of the duration, by SciPy's interpolator of that name.

    `PchipInterpolator` is smooth and never leaves the values' range; `interp1d` joins them by straight lines (Pulser
    1.9 calls it deprecated and does not export it), and its times must begin at 0 and end at 1.
    """

    kind: ClassVar[str] = "interpolated"
    duration_ns: Expression = Field(description="Duration (ns).")
    values: tuple[Expression, ...] = Field(description="At least two values (rad/µs).")
    times: tuple[float, ...] | None = Field(
        None, description="Their times as fractions of the duration, rising; evenly spaced by default."
    )
    interpolator: Literal["PchipInterpolator", "interp1d"] = Field(
        "PchipInterpolator", description="`PchipInterpolator` (default) or `interp1d`."
    )

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        if len(self.values) < 2:
            raise PydanticCustomError("waveform", "must interpolate at least two values")
        if self.times is not None:
            inside = all(0 <= t <= 1 for t in self.times)
            rising = all(a < b for a, b in zip(self.times, self.times[1:], strict=False))
            if len(self.times) != len(self.values) or not inside or not rising:
                raise PydanticCustomError("waveform", "must give one rising time between 0 and 1 for each value")
            if self.interpolator == "interp1d" and (self.times[0], self.times[-1]) != (0, 1):
                raise PydanticCustomError("waveform", "must begin at time 0 and end at 1 with interp1d")
        return self


class Custom(_Waveform):
    """Samples at 1 ns (rad/µs), times an optional `scale`."""

    kind: ClassVar[str] = "custom"
    samples: tuple[float, ...] = Field(description="One value (rad/µs) for each nanosecond.")
    scale: Expression = Field(Expression(1), description="A factor; 1 by default.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.samples:
            raise PydanticCustomError("waveform", "must hold at least one sample")
        return self

    @property
    def duration_ns(self) -> Expression:
        """The number of samples, one a nanosecond."""
        return Expression(len(self.samples))


class Composite(_Waveform):
    """Waveforms one after the other; in files `{composite: [{ramp: …}, {constant: …}]}`."""

    kind: ClassVar[str] = "composite"
    payload: ClassVar[str | None] = "waveforms"
    waveforms: tuple[Shape, ...] = Field(description="The parts, in order; in files the list stands there itself.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.waveforms:
            raise PydanticCustomError("waveform", "must hold at least one waveform")
        return self

    @property
    def duration_ns(self) -> Expression | None:
        """The sum of the parts' durations; None where a part's follows from its largest value."""
        total = Expression(0)
        for part in self.waveforms:
            if part.duration_ns is None:
                return None
            total = total + part.duration_ns
        return total


def _exactly_one(model: Any, *fields: str) -> None:
    if sum(getattr(model, field) is not None for field in fields) != 1:
        raise PydanticCustomError("fields", "must give exactly one of {fields}", {"fields": " and ".join(fields)})


def from_pulser(value: Any) -> Any:
    """Turn a Pulser waveform object into this language's; leave anything else as it is."""
    if not type(value).__module__.startswith("pulser.") or not hasattr(value, "samples"):
        return value
    name = type(value).__name__
    if name == "ConstantWaveform":
        return Constant(duration_ns=value.duration, value=float(value[0]))
    if name == "RampWaveform":
        return Ramp(duration_ns=value.duration, start=float(value[0]), stop=float(value[-1]))
    if name == "BlackmanWaveform":
        return Blackman(duration_ns=value.duration, area=float(value._area))  # its integral is a sum, with rounding
    if name == "KaiserWaveform":
        return Kaiser(duration_ns=value.duration, area=float(value._area), beta=float(value._beta))
    if name == "InterpolatedWaveform" and set(value._kwargs) == {"times", "interpolator"}:
        return Interpolated(
            duration_ns=value.duration,
            values=tuple(float(v) for v in value._values),
            times=tuple(float(t) for t in value._times),
            interpolator=value._kwargs["interpolator"],
        )
    if name == "CompositeWaveform":
        return Composite(waveforms=tuple(from_pulser(part) for part in value.waveforms))
    return Custom(samples=tuple(float(s) for s in value.samples.as_array(detach=True)))


Shape = Annotated[
    Annotated[Constant, Tag("constant")]
    | Annotated[Ramp, Tag("ramp")]
    | Annotated[Blackman, Tag("blackman")]
    | Annotated[Kaiser, Tag("kaiser")]
    | Annotated[Interpolated, Tag("interpolated")]
    | Annotated[Custom, Tag("custom")]
    | Annotated[Composite, Tag("composite")],
    Discriminator(kind_of),
    BeforeValidator(from_pulser),
]
"""Any waveform."""


def _kind_or_expression(value: object) -> str | None:
    return "expression" if isinstance(value, int | float | str | Expression) else kind_of(value)


ShapeOrLevel = Annotated[
    Annotated[Constant, Tag("constant")]
    | Annotated[Ramp, Tag("ramp")]
    | Annotated[Blackman, Tag("blackman")]
    | Annotated[Kaiser, Tag("kaiser")]
    | Annotated[Interpolated, Tag("interpolated")]
    | Annotated[Custom, Tag("custom")]
    | Annotated[Composite, Tag("composite")]
    | Annotated[Expression, Tag("expression")],
    Discriminator(_kind_or_expression),
    BeforeValidator(from_pulser),
]
"""Any waveform, or a number or expression: a constant level (rad/µs) over the pulse's duration."""

Waveform = Constant | Ramp | Blackman | Kaiser | Interpolated | Custom | Composite

Composite.model_rebuild()
