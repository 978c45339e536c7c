"""Train the parameters of a program: minimise any measure of its records, step by step, resumable.

Nelder-Mead is SciPy's; SPSA is Spall's simultaneous perturbation with its usual gains (J. C. Spall, IEEE Trans.
Autom. Control 37, 332, 1992); the parameter shift, exact for one rotation by `parameter`, is
f' = (f(x + pi/2) - f(x - pi/2)) / 2 (Mitarai et al., Phys. Rev. A 98, 032309, 2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rydberg_qmem import arguments
from rydberg_qmem.errors import InputError, did_you_mean, short

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]
Point = dict[str, float]
Method = Literal["nelder_mead", "spsa", "parameter_shift"]
_METHODS = ("nelder_mead", "spsa", "parameter_shift")
_SHIFT = math.pi / 2
_FIRST = 5  # differences at the start that set the unit of SPSA's steps


@dataclass(frozen=True)
class Optimum:
    """The result of a search.

    Attributes:
        parameters: The best point that was seen, a number for each parameter.
        value: The objective there, the lowest that was seen.
        history: All evaluations in order, along `evaluation`: a variable for each parameter, `value`, and `best`, the
            lowest value so far.
    """

    parameters: Point
    value: float
    history: xr.Dataset


@arguments.taking(
    objective=arguments.function_of(1),
    start=arguments.names_to("numbers", arguments.real()),
    bounds=arguments.optional(
        arguments.names_to(
            "a lowest and a highest value", arguments.values(arguments.real(finite=False), "two numbers", 2)
        )
    ),
    method=arguments.one_of(*_METHODS),
    evaluations=arguments.whole(1, 10_000_000),
    tolerance=arguments.real(0),
    rate=arguments.real(above=0),
    perturbation=arguments.real(above=0),
    seed=arguments.SEED,
    callback=arguments.optional(arguments.function_of(2)),
    resume=arguments.optional(arguments.record),
)
def optimise(
    objective: Callable[[Point], float],
    start: Mapping[str, float],
    *,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    method: Method = "nelder_mead",
    evaluations: int = 200,
    tolerance: float = 1e-8,
    rate: float = 0.1,
    perturbation: float = 0.1,
    seed: int = 0,
    callback: Callable[[Point, float], object] | None = None,
    resume: xr.Dataset | None = None,
) -> Optimum:
    """Minimise an objective over the parameters of a program, and return the best point with all evaluations.

    Nelder-Mead and SPSA take any objective; the parameter shift, f' = (f(x + pi/2) - f(x - pi/2)) / 2, holds only where
    it is a sinusoid of period 2 pi in each parameter: a mean outcome after one rotation by it.

    Args:
        objective: Function of the parameters, a dict of numbers by name, that returns the number to minimise: it runs a
            program and measures its record, with its own seed if it samples.
        start: The parameters at the start, by name.
        bounds: Lowest and highest value of a parameter, by name, that hold for every call; none by default, and none
            with "parameter_shift", whose calls leave any by pi/2.
        method: "nelder_mead" (default), "spsa" or "parameter_shift".
        evaluations: Largest number of calls.
        tolerance: Nelder-Mead ends when its simplex differs by less in value and place, the parameter shift when no
            derivative is larger.
        rate: First step of SPSA (in units of the slopes at the start) and step of gradient descent by parameter shift.
        perturbation: First difference of SPSA, as a part of the bounds' width, or of 1.
        seed: Starts the random directions of SPSA.
        callback: Called with parameters and value after every new call; where it returns True, the search ends.
        resume: `history` of an earlier, shorter search of the same arguments: its values are used in place of calls.

    Raises InputError for options that do not fit, a history of another search, or values that are not finite.

    >>> best = optimise(lambda p: (p["x"] - 2) ** 2, {"x": 0.0}, bounds={"x": (-5.0, 5.0)})
    >>> round(best.parameters["x"], 3), best.history.value.dims
    (2.0, ('evaluation',))
    """
    search = _Search(objective, _start(start, bounds), dict(bounds or {}), evaluations, callback, _known(start, resume))
    try:
        match method:
            case "nelder_mead":
                _nelder_mead(search, tolerance)
            case "spsa":
                _spsa(search, _positive("rate", rate), _positive("perturbation", perturbation), seed)
            case "parameter_shift":
                if bounds:
                    raise InputError("bounds: a parameter shift leaves any bounds by pi / 2, so it takes none")
                _shifted(search, _positive("rate", rate), tolerance)
            case _:
                raise InputError(f"method: must be one of {', '.join(_METHODS)}{did_you_mean(method, list(_METHODS))}")
    except _Stop:
        pass
    return search.best()


class _Stop(Exception):  # no error: the search's budget is spent or its user has seen enough
    pass


@dataclass
class _Search:
    objective: Callable[[Point], float]
    start: Point
    bounds: dict[str, tuple[float, float]]
    evaluations: int
    callback: Callable[[Point, float], object] | None
    known: list[tuple[Point, float]]
    seen: list[tuple[Point, float]] = field(default_factory=list)

    def __call__(self, x: Floats) -> float:
        if len(self.seen) >= self.evaluations:
            raise _Stop
        point = {name: float(value) for name, value in zip(self.start, x, strict=True)}
        if len(self.seen) < len(self.known):
            earlier, value = self.known[len(self.seen)]
            if earlier != point:
                raise InputError(f"resume: evaluation {len(self.seen)} was at {short(earlier)}, not at {short(point)}")
            self.seen.append((point, value))
            return value
        value = float(self.objective(point))
        if not math.isfinite(value):
            raise InputError(f"objective must be finite, but is {value} at {short(point)}")
        self.seen.append((point, value))
        if self.callback is not None and self.callback(dict(point), value) is True:
            raise _Stop
        return value

    @property
    def x(self) -> Floats:
        return np.array(list(self.start.values()))

    def limits(self) -> tuple[Floats, Floats]:
        pairs = [self.bounds.get(name, (-math.inf, math.inf)) for name in self.start]
        return np.array([low for low, _ in pairs]), np.array([high for _, high in pairs])

    def best(self) -> Optimum:
        import xarray as xr

        if not self.seen:
            raise InputError(f"evaluations must be at least 1, but is {self.evaluations}")
        values = np.array([value for _, value in self.seen])
        at = int(values.argmin())
        columns = {name: ("evaluation", np.array([point[name] for point, _ in self.seen])) for name in self.start}
        data: dict[str, Any] = {**columns, "value": ("evaluation", values)}
        data["best"] = ("evaluation", np.minimum.accumulate(values))
        history = xr.Dataset(data, {"evaluation": np.arange(len(values))})
        return Optimum(dict(self.seen[at][0]), float(values[at]), history)


def _start(start: Mapping[str, float], bounds: Mapping[str, tuple[float, float]] | None) -> Point:
    reserved = {"value", "best", "evaluation"} & start.keys()
    if not start or reserved:
        raise InputError(f"start must name parameters, none of them {sorted(reserved) or 'missing'}")
    for name, (low, high) in (bounds or {}).items():
        if name not in start:
            raise InputError(f"bounds: no parameter {name!r}{did_you_mean(name, list(start))}")
        if not low <= start[name] <= high or low == high:
            raise InputError(f"bounds.{name} must hold the start {start[name]}, but are {low} to {high}")
    return {name: float(value) for name, value in start.items()}


def _known(start: Mapping[str, float], history: xr.Dataset | None) -> list[tuple[Point, float]]:
    if history is None:
        return []
    missing = {*start, "value"} - {str(name) for name in history.data_vars}
    if missing:
        raise InputError(f"resume: the history has no {', '.join(sorted(missing))}")
    columns = [history[name].values for name in start]
    points = [
        {name: float(column[i]) for name, column in zip(start, columns, strict=True)}
        for i in range(history.sizes["evaluation"])
    ]
    return list(zip(points, history["value"].values.astype(float).tolist(), strict=True))


def _positive(name: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{name} must be a finite number above 0, but is {short(value)}")
    return float(value)


def _nelder_mead(search: _Search, tolerance: float) -> None:
    from scipy.optimize import minimize

    low, high = search.limits()
    spans = np.where(np.isfinite(high - low), 0.25 * (high - low), np.maximum(0.1, 0.1 * np.abs(search.x)))
    inward = np.where(search.x + spans > high, -spans, spans)
    simplex = np.vstack([search.x, search.x + np.diag(inward)])
    options = {"initial_simplex": simplex, "maxfev": search.evaluations, "xatol": tolerance, "fatol": tolerance}
    options["maxiter"] = search.evaluations
    limits = list(zip(low, high, strict=True)) if search.bounds else None
    minimize(search, search.x, method="Nelder-Mead", bounds=limits, options=options)


def _spsa(search: _Search, rate: float, perturbation: float, seed: int) -> None:
    rng, (low, high) = np.random.default_rng(seed), search.limits()
    scale = np.where(np.isfinite(high - low), high - low, 1.0)
    x = search.x

    def slope(size: float) -> tuple[Floats, float]:
        signs = rng.choice([-1.0, 1.0], len(x))
        up, down = (np.clip(x + side * size * signs * scale, low, high) for side in (1, -1))
        return signs * scale, (search(up) - search(down)) / (2 * size)

    search(x)
    unit = max(float(np.sqrt(np.mean([slope(perturbation)[1] ** 2 for _ in range(_FIRST)]))), 1e-12)
    steps = max(1, search.evaluations // 2 - _FIRST - 1)
    for k in range(steps):
        direction, value = slope(perturbation / (k + 1) ** 0.101)
        x = np.clip(x - rate / (1 + k / (0.1 * steps + 1)) ** 0.602 * value / unit * direction, low, high)
    search(x)


def _shifted(search: _Search, rate: float, tolerance: float) -> None:
    x = search.x
    while True:
        search(x)
        steps = np.eye(len(x)) * _SHIFT
        gradient = np.array([(search(x + step) - search(x - step)) / 2 for step in steps])
        if np.abs(gradient).max() < tolerance:
            return
        x = x - rate * gradient
