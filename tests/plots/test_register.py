"""The picture of a register: places, roles, distances, and the reach of the blockade."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Circle

import rydberg_qmem as rq
from rydberg_qmem.errors import InputError

PAIR = rq.Register(atoms={"s": (0, 0), "a": (3, 4)})
SOLID = rq.Register(atoms={"a": (0, 0, 0), "b": (6, 0, 0), "c": (0, 6, 3)})


@pytest.fixture(autouse=True)
def no_window() -> Iterator[None]:
    plt.switch_backend("agg")
    yield
    plt.close("all")


def texts(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


def radii(ax: Any) -> set[float]:
    return {round(patch.get_radius(), 9) for patch in ax.patches if isinstance(patch, Circle)}


def program(**fields: Any) -> rq.Program:
    body = [{"measure": {"atoms": ["s", "a"], "key": "m"}}, {"reset": {"atoms": "a"}}]
    return rq.Program.from_dict({"name": "p", "register": PAIR.model_dump(mode="json"), "body": body, **fields})


def test_atoms_stand_where_they_are_at_equal_scale() -> None:
    ax = PAIR.draw()

    assert np.asarray(ax.lines[0].get_xydata()).tolist() == [[0, 0], [3, 4]]
    assert ax.get_aspect() == 1
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (µm)", "y (µm)")
    assert {"s", "a", "5 µm"} <= set(texts(ax))


def test_the_scale_bar_is_as_long_as_it_says() -> None:
    ax = rq.Register(layout="rectangle", rows=2, columns=5, spacing_um=7).draw()
    bar = np.asarray(ax.lines[-1].get_xydata())

    assert texts(ax)[-1] == f"{np.ptp(bar[:, 0]):g} µm"


def test_circles_have_half_the_blockade_radius_at_the_given_rabi_frequency() -> None:
    import pulser

    rabi = 2 * np.pi
    ax: Any = rq.plots.register(program(device="AnalogDevice"), rabi=rabi)

    radius = (pulser.AnalogDevice.interaction_coeff / rabi) ** (1 / 6)
    assert radii(ax) == {round(radius / 2, 9)}
    assert f"blockade radius {radius:.1f} µm" in ax.get_legend().get_title().get_text()


def test_without_a_rabi_frequency_it_is_the_largest_of_the_device() -> None:
    import pulser

    largest: Any = pulser.AnalogDevice.channels["rydberg_global"].max_amp
    radius = pulser.AnalogDevice.rydberg_blockade_radius(largest)

    assert radii(PAIR.draw(device="AnalogDevice")) == {round(radius / 2, 9)}
    assert radii(PAIR.draw()) == radii(rq.plots.register(program(device="MockDevice"))) == set()


def test_the_legend_tells_what_atoms_are_for() -> None:
    given = PAIR.draw(roles={"s": "system", "a": "ancilla"})
    read: Any = rq.plots.register(program())

    assert [text.get_text() for text in given.get_legend().get_texts()] == ["system", "ancilla"]
    assert [text.get_text() for text in read.get_legend().get_texts()] == ["measured", "measured and reset"]


def test_a_register_in_space_is_drawn_in_space() -> None:
    ax = SOLID.draw(device="DigitalAnalogDevice", rabi=10.0)

    assert ax.name == "3d"
    assert ax.get_zlabel() == "z (µm)"
    assert {"6 µm", "6.71 µm"} <= {text.strip() for text in texts(ax)}
    assert len(ax.collections) == 3


def test_a_flat_register_with_z_is_drawn_in_the_plane() -> None:
    assert rq.Register(atoms={"q": (0, 0, 2), "p": (5, 0, 2)}).draw().name == "rectilinear"


@pytest.mark.parametrize("layout", ["hexagon", "rectangle"])
def test_names_do_not_lie_on_each_other(layout: str) -> None:
    sizes = {"layers": 2} if layout == "hexagon" else {"rows": 1, "columns": 10}
    ax = rq.Register.model_validate({"layout": layout, "spacing_um": 6, **sizes}).draw(device="AnalogDevice")
    ax.figure.canvas.draw()
    found = [(text.get_text(), text.get_window_extent()) for text in ax.texts]

    assert [(a, b) for (a, one), (b, two) in itertools.combinations(found, 2) if one.overlaps(two)] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rabi": 1.0}, "rabi needs a device"),
        ({"device": "AnalogDevice", "rabi": 0.0}, r"must be positive and finite, in rad/µs \(0.0\)"),
        ({"roles": {"b": "ancilla"}}, "'b' is no atom of the register; known: s, a"),
        ({"device": "AnalogDevise"}, "no device 'AnalogDevise'; did you mean 'AnalogDevice'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises((InputError, rq.QmemError), match=message):
        PAIR.draw(**options)


def test_flat_axes_are_refused_for_a_register_in_space() -> None:
    with pytest.raises(InputError, match="must have the projection '3d'"):
        SOLID.draw(ax=plt.subplots()[1])


def test_names_of_many_atoms_are_thinned_till_they_are_apart() -> None:
    wide = rq.Register.model_validate({"layout": "square", "side": 16, "spacing_um": 6})
    few = rq.Register.model_validate({"layout": "square", "side": 5, "spacing_um": 6})

    named, all_named = ({t.get_text() for t in rq.plots.register(one).texts} for one in (wide, few))

    assert len(named & set(wide.names)) < 50
    assert wide.names[0] in named
    assert set(few.names) <= all_named
