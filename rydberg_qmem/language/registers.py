"""Registers by Pulser's own constructors: coordinates, or a named layout."""

from __future__ import annotations

from importlib import import_module
from itertools import combinations
from math import dist, isfinite
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from rydberg_qmem.language.values import Model, Name, OrderedFrozenDict, OrderedMapping

Layout = Literal["rectangle", "square", "triangular_lattice", "triangular", "hexagon"]


def _in_plane_or_space(place: tuple[float, ...]) -> tuple[float, ...]:
    if len(place) not in (2, 3):
        raise PydanticCustomError("register", "must be two or three coordinates")
    return place


Position = Annotated[tuple[float, ...], AfterValidator(_in_plane_or_space)]
MOST_ATOMS = 1000

_NEEDS: dict[str, tuple[str, ...]] = {
    "rectangle": ("rows", "columns"),
    "square": ("side",),
    "triangular": ("rows", "columns"),
    "triangular_lattice": ("rows", "columns"),
    "hexagon": ("layers",),
}


class Register(Model):
    """Where the atoms are (µm): `atoms: {name: [x, y]}`, or a layout of Pulser's with its sizes.

    >>> Register(atoms={"s": (0, 0), "a": (5, 0)}).names
    ('s', 'a')
    >>> Register(layout="rectangle", rows=1, columns=3, spacing_um=5).names
    ('q0', 'q1', 'q2')
    """

    atoms: OrderedMapping[Name, Position] | None = None
    layout: Layout | None = None
    rows: int | None = None
    columns: int | None = None
    side: int | None = None
    layers: int | None = None
    spacing_um: float | None = None
    prefix: Name | None = None
    given_names: tuple[Name, ...] | None = Field(default=None, alias="names")

    @model_validator(mode="before")
    @classmethod
    def _spellings(cls, value: Any) -> Any:
        if type(value).__module__.startswith("pulser.") and hasattr(value, "qubits"):
            return {"atoms": positions_of(value)}
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.atoms is None) == (self.layout is None):
            raise PydanticCustomError("register", "must give either atoms or a layout")
        if self.layout is not None:
            self._check_layout(self.layout)
        elif not self.atoms:
            raise PydanticCustomError("register", "must hold at least one atom")
        elif len(self.atoms) > MOST_ATOMS:
            raise PydanticCustomError("register", "must hold at most {most} atoms", {"most": MOST_ATOMS})
        if len(self.positions) > 1:
            self._check_coincident()
        return self

    def _check_layout(self, layout: str) -> None:
        needed = (*_NEEDS[layout], "spacing_um")
        missing = [field for field in needed if getattr(self, field) is None]
        if missing:
            raise PydanticCustomError(
                "register",
                "layout {layout} needs {missing}",
                {"layout": layout, "missing": ", ".join(missing)},
            )
        for field in needed:
            number = getattr(self, field)
            if number <= 0 or (field != "spacing_um" and number > 1000):
                raise PydanticCustomError("register", "{field} must be positive and at most 1000", {"field": field})
        if _count(self) > MOST_ATOMS:
            raise PydanticCustomError("register", "must hold at most {most} atoms", {"most": MOST_ATOMS})
        count = len(_layout_positions(self))
        if self.given_names is not None and (len(self.given_names) != count or len(set(self.given_names)) != count):
            raise PydanticCustomError("register", "names must give {count} different names", {"count": count})

    def _check_coincident(self) -> None:
        items = list(self.positions.items())
        if len({len(place) for _, place in items}) > 1:
            raise PydanticCustomError("register", "atoms must all have two or all have three coordinates")
        if not all(isfinite(x) for _, place in items for x in place):
            raise PydanticCustomError("register", "coordinates must be finite")
        for (one, p), (two, q) in combinations(items, 2):
            if dist(p, q) < 1e-6:
                raise PydanticCustomError(
                    "register", "atoms {one} and {two} must not stand at one place", {"one": one, "two": two}
                )

    @property
    def positions(self) -> OrderedFrozenDict[str, Position]:
        """Coordinates (µm) by atom name, in register order."""
        if self.atoms is not None:
            return OrderedFrozenDict(self.atoms)
        places = _layout_positions(self)
        prefix = self.prefix or "q"
        names = self.given_names or tuple(f"{prefix}{i}" for i in range(len(places)))
        return OrderedFrozenDict(dict(zip(names, places, strict=True)))

    @property
    def names(self) -> tuple[str, ...]:
        """The atoms' names, in register order."""
        return tuple(self.positions)

    def __repr__(self) -> str:
        names, places = self.names, self.positions
        shown = ", ".join(names if len(names) <= 6 else (*names[:5], "…"))
        dimensions = len(next(iter(places.values())))
        return f"Register({len(names)} atom{'s' * (len(names) != 1)} in {dimensions}D: {shown})"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        table: str = import_module("rydberg_qmem.plots.tables").register_table(self)
        return table

    def draw(self, **options: Any) -> Any:
        """Draw the register and return matplotlib's axes; options are those of `plots.register`.

        They are `ax`, `rabi` (rad/µs) and `device`, which set the blockade radius, and `roles` of atoms by name.
        """
        return import_module("rydberg_qmem.plots").register(self, **options)

    def to_pulser(self) -> Any:
        """Return the `pulser.Register` (or `Register3D`) of these coordinates, not re-centred."""
        import pulser

        positions = dict(self.positions)
        three = len(next(iter(positions.values()))) == 3
        return (pulser.Register3D if three else pulser.Register)(positions)


def _count(register: Register) -> int:
    """Return how many atoms a layout has, without placing them."""
    match register.layout:
        case "square":
            return (register.side or 1) ** 2
        case "hexagon":
            return 1 + 3 * (register.layers or 1) * ((register.layers or 1) + 1)
        case _:
            return (register.rows or 1) * (register.columns or 1)


def _layout_positions(register: Register) -> list[Position]:
    spacing = register.spacing_um or 1.0
    rows, columns = register.rows or 1, register.columns or 1
    match register.layout:
        case "rectangle":
            grid = [(c * spacing, r * spacing) for r in range(rows) for c in range(columns)]
        case "square":
            side = register.side or 1
            grid = [(c * spacing, r * spacing) for r in range(side) for c in range(side)]
        case "triangular" | "triangular_lattice":
            import pulser

            made = pulser.Register.triangular_lattice(rows, columns, spacing=spacing, prefix="q")
            return list(positions_of(made).values())
        case _:
            import pulser

            made = pulser.Register.hexagon(register.layers or 1, spacing=spacing, prefix="q")
            return list(positions_of(made).values())
    cx = sum(x for x, _ in grid) / len(grid)
    cy = sum(y for _, y in grid) / len(grid)
    return [(x - cx, y - cy) for x, y in grid]


def positions_of(register: Any) -> dict[str, Position]:
    """Return the coordinates (µm) of a Pulser register by atom name; the atom 0 becomes `q0`."""
    found: dict[str, Position] = {}
    for name, place in register.qubits.items():
        label = str(name) if str(name)[:1].isalpha() else f"q{name}"
        x, y, *z = (float(c) for c in place.as_array(detach=True))
        found[label] = (x, y, z[0]) if z else (x, y)
    return found
