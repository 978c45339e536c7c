"""The picture of a program: every kind of block is drawn, nothing overlaps, and feedforward is seen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.patches import Polygon, Rectangle
from matplotlib.text import Text

import rydberg_qmem as rq
from rydberg_qmem.errors import InputError
from rydberg_qmem.language.blocks import KINDS
from rydberg_qmem.plots import okabe_ito
from rydberg_qmem.plots import program as draw_program

BOX = {"constant": {"duration_ns": 100, "value": 1}}
BLUE, FEED = (colour.lower() for colour in okabe_ito()[:2])
BLOCKS: dict[str, dict[str, Any]] = {
    "pulse": {"channel": "rydberg_global", "amplitude": {"blackman": {"duration_ns": 200, "area": "pi / 2"}}},
    "detuning_map": {"weights": {"s": 1.0}, "detuning": {"ramp": {"duration_ns": 100, "start": 0, "stop": -5}}},
    "slm_mask": {"atoms": "a"},
    "enable_eom_mode": {"channel": "rydberg_global", "amp_on": "2 * pi"},
    "add_eom_pulse": {"channel": "rydberg_global", "duration_ns": 104},
    "modify_eom_setpoint": {"channel": "rydberg_global", "amp_on": "3 * pi"},
    "disable_eom_mode": {"channel": "rydberg_global"},
    "target": {"atoms": "s", "channel": "raman_local"},
    "delay": {"duration_ns": 350},
    "align": {},
    "phase_shift": {"atoms": "s", "angle": "pi / 3"},
    "rotate": {"atom": "s", "axis": "x", "angle": "pi / 4"},
    "cz": {"control": "s", "target": "a"},
    "cnot": {"control": "s", "target": "a"},
    "cphase": {"control": "s", "target": "a", "angle": "pi / 3"},
    "zz": {"atoms": ["s", "a"], "angle": "pi / 3"},
    "swap": {"atoms": ["s", "a"]},
    "exchange": {"atoms": ["s", "a"], "angle": "pi / 3"},
    "blockade_rotate": {"control": "s", "target": "a", "angle": "pi / 3"},
    "ising": {"couplings": {"s": {"a": 1}}, "time_us": 2},
    "blockade_measure": {"system": "s", "ancilla": "a", "area": "pi / 3", "key": "g"},
    "damp": {"system": "s", "ancilla": "a", "probability": 0.25, "key": "lost"},
    "beam_splitter": {"system": "s", "ancilla": "a", "reflectivity": 0.75},
    "weak_measure": {"system": "s", "ancilla": "a", "strength": 0.125, "axis": "y", "key": "weak"},
    "measure": {"atoms": ["s", "a"], "key": "clicks"},
    "reset": {"atoms": "s"},
    "probe": {"atoms": "s", "key": "seen", "purity": True, "occupation": True},
    "set": {"R": "1 - R"},
    "push": {"last": "R + 1"},
    "repeat": {"times": "2 * laps", "body": [{"align": {}}]},
    "when": {"if": "R > 0.5", "then": [{"reset": {"atoms": "s"}}], "otherwise": [{"reset": {"atoms": "a"}}]},
    "for_each": {"atom": "all", "body": [{"rotate": {"atom": "$atom", "angle": "pi"}}]},
}
TEXTS: dict[str, list[str]] = {
    "pulse": ["∫Ω = π/2", "rydberg_global"],
    "detuning_map": ["δ: 0 → -5", "dmm_0"],
    "slm_mask": ["mask"],
    "enable_eom_mode": ["EOM on: Ω = 2·π"],
    "add_eom_pulse": ["104 ns\nEOM"],
    "modify_eom_setpoint": ["EOM on: Ω = 3·π"],
    "disable_eom_mode": ["EOM off rydberg_global"],
    "target": ["aim"],
    "delay": ["wait 350 ns"],
    "align": ["align"],
    "phase_shift": ["shift\nπ/3"],
    "rotate": ["Rx\nπ/4"],
    "cz": [],
    "cnot": [],
    "cphase": ["phase\nπ/3"],
    "zz": ["ZZ\nπ/3"],
    "swap": ["swap"],
    "exchange": ["exch.\nπ/3"],
    "blockade_rotate": ["Rx if g\nπ/3"],
    "ising": ["Ising\nstepwise", "2 µs"],
    "blockade_measure": ["blockade\nπ/3", "g"],
    "damp": ["damp\n0.25", "lost"],
    "beam_splitter": ["BS\n0.75"],
    "weak_measure": ["weak y\n0.125", "weak"],
    "measure": ["clicks"],
    "reset": ["|g⟩"],
    "probe": ["⟨n⟩, tr ρ²", "probe seen"],
    "set": ["R ← 1 - R"],
    "push": ["last ⇐ R + 1"],
    "repeat": ["repeat 6 times"],
    "when": ["if R > 0.5", "otherwise"],
    "for_each": ["for each $atom in s, a", "Ry\nπ"],
}


@pytest.fixture(autouse=True)
def no_window() -> Iterator[None]:
    plt.switch_backend("agg")
    yield
    plt.close("all")


def program(*body: dict[str, Any], **fields: Any) -> rq.Program:
    given: dict[str, Any] = {
        "name": "p",
        "register": {"atoms": {"s": (0, 0), "a": (5, 0)}},
        "parameters": {"laps": 3},
        "memory": {"R": {"initial": 0.5}, "last": {"window": 3}},
        **fields,
    }
    return rq.Program.from_dict({**given, "body": list(body)})


def draw(shown: rq.Program, **options: Any) -> Any:  # what matplotlib's lines and patches give is loosely typed
    return draw_program(shown, **options)


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in _texts(ax)]


def _texts(ax: Axes) -> list[Text]:
    return [artist for artist in ax.get_children() if isinstance(artist, Text) and artist.get_text()]


def arrows(ax: Axes, colour: str) -> list[tuple[float, float]]:
    """Return (x, height) of the tips of arrowheads of a colour: the middle of three corners."""
    heads: list[Any] = [patch for patch in ax.patches if type(patch) is Polygon and len(patch.get_xy()) == 4]
    return [tuple(head.get_xy()[1]) for head in heads if to_hex(head.get_facecolor()) == to_hex(colour)]


def boxes(ax: Axes) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle) and patch.get_zorder() == 4]


# Blocks


def test_the_table_below_names_every_kind_of_block() -> None:
    assert BLOCKS.keys() == TEXTS.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_block_is_drawn_with_its_text(kind: str) -> None:
    bare = draw(program())
    ax = draw(program({kind: BLOCKS[kind]}))
    ax.figure.canvas.draw()

    assert set(TEXTS[kind]) <= set(texts(ax))
    assert len(ax.patches) + len(ax.lines) > len(bare.patches) + len(bare.lines)
    assert ax.get_xlabel() == "program order, not to scale"


def test_atoms_are_named_at_the_left_with_the_memory_below() -> None:
    ax = draw(program())
    places = {text.get_text(): text.get_position() for text in _texts(ax)}

    assert places["s"][1] > places["a"][1] > places["memory"][1]
    assert all(places[name][0] < 0 for name in ("s", "a", "memory"))


def test_a_program_that_only_measures_has_outcomes_but_no_memory() -> None:
    ax = draw(program({"measure": BLOCKS["measure"]}, memory={}))

    assert "outcomes" in texts(ax)
    assert "memory" not in texts(ax)
    assert "outcomes" not in texts(draw(program({"reset": {"atoms": "s"}}, memory={})))


def test_order_runs_to_the_right() -> None:
    order = ["rotate", "beam_splitter", "measure", "push", "set"]
    ax = draw(program(*({kind: BLOCKS[kind]} for kind in order)))
    at = {text.get_text(): text.get_position()[0] for text in _texts(ax)}

    assert sorted(at[TEXTS[kind][0]] for kind in order) == [at[TEXTS[kind][0]] for kind in order]


def test_a_controlled_gate_joins_its_atoms() -> None:
    ax = draw(program({"cz": BLOCKS["cz"]}))
    levels = {text.get_text(): text.get_position()[1] for text in _texts(ax)}
    joined = [line for line in ax.lines if set(line.get_ydata()) == {levels["s"], levels["a"]}]
    dots = [line.get_ydata()[0] for line in ax.lines if line.get_marker() == "o"]

    assert len(joined) == 1
    assert dots == [levels["s"], levels["a"]]


def test_a_cnot_has_its_ring_on_the_target() -> None:
    ax = draw(program({"cnot": {"control": "a", "target": "s"}}))
    [dot] = [line.get_ydata() for line in ax.lines if line.get_marker() == "o"]
    [ring] = [patch.get_xy()[:, 1].mean() for patch in ax.patches if isinstance(patch, Polygon)]

    assert ring == pytest.approx(0, abs=0.5)
    assert float(np.asarray(dot)[0]) < -10


def test_a_global_pulse_is_drawn_on_every_atom_with_one_text() -> None:
    ax = draw(program({"pulse": BLOCKS["pulse"]}))

    assert len([c for c in ax.collections if isinstance(c, PolyCollection)]) == 2
    assert texts(ax).count("∫Ω = π/2") == 1


def outline(shape: dict[str, Any], field: str = "amplitude") -> Any:
    """Return the heights of a drawn waveform, the largest 1; the detuning is the dashed line."""
    rest = {} if field == "amplitude" else {"amplitude": BOX}
    block = {"channel": "rydberg_local", "atoms": "s", field: shape, **rest}
    ax = draw(program({"pulse": block}))
    [line] = [
        line for line in ax.lines if line.get_color() == okabe_ito()[0] and (line.get_linestyle() == "--") == bool(rest)
    ]
    heights = np.asarray(line.get_ydata(), dtype=float)
    return heights / np.abs(heights).max()


def test_a_waveform_has_its_own_outline() -> None:
    blackman = np.blackman(401)[::10]

    assert outline({"constant": {"duration_ns": 400, "value": 3}})[1:-1] == pytest.approx(1)
    assert outline({"ramp": {"duration_ns": 400, "start": 0, "stop": 3}})[1:-1] == pytest.approx(
        np.linspace(0, 1, 41), abs=0.01
    )
    assert outline({"blackman": {"duration_ns": 401, "area": 1}})[1:-1] == pytest.approx(blackman, abs=0.02)
    assert outline({"ramp": {"duration_ns": 400, "start": -2, "stop": 1}}, "detuning")[[0, -1]] == pytest.approx(
        [-1, 0.5], abs=0.01
    )


def test_a_waveform_of_memory_and_outcomes_is_drawn_by_its_shape() -> None:
    heights = outline({"blackman": {"duration_ns": 401, "area": "pi * R"}})

    assert heights[1:-1] == pytest.approx(np.blackman(401)[::10], abs=0.02)


def test_a_pulse_with_the_previous_one_stands_in_the_same_column() -> None:
    second = {"channel": "rydberg_local", "atoms": "a", "amplitude": BOX, "with": "previous"}
    together = draw(program({"pulse": BLOCKS["pulse"]}, {"pulse": second}))
    apart = draw(program({"pulse": BLOCKS["pulse"]}, {"pulse": {**second, "with": None}}))

    centres = [
        {round(float(c.get_paths()[0].vertices[:, 0].mean())) for c in ax.collections} for ax in (together, apart)
    ]
    assert [len(found) for found in centres] == [1, 2]
    assert "∫Ω = π/2\nΩ = 1" in texts(together)


def test_channels_have_colours_of_their_own_that_the_colour_blind_tell_apart() -> None:
    kinds = ("rydberg_global", "raman_local", "rydberg_local")
    ax = draw(program(*({"pulse": {"channel": kind, "atoms": "s", "amplitude": BOX}} for kind in kinds)))
    colours = [to_hex(c.get_facecolor()[0]).upper() for c in ax.collections]

    assert set(kinds) <= set(texts(ax))
    assert len(set(colours)) == 3
    assert set(colours) <= set(okabe_ito()) - {okabe_ito()[1]}


# Memory and feedforward


def test_an_outcome_goes_down_to_the_memory_and_comes_up_where_it_is_read() -> None:
    ax = draw(program({"measure": BLOCKS["measure"]}, {"rotate": {"atom": "s", "angle": "pi * clicks.a"}}))
    memory = next(text.get_position()[1] for text in _texts(ax) if text.get_text() == "memory")
    [(down_x, down_y)], [(up_x, up_y)] = arrows(ax, "black"), arrows(ax, FEED)

    assert down_x < up_x
    assert down_y == pytest.approx(memory)
    assert memory < up_y < 0


@pytest.mark.parametrize(
    ("angle", "count"),
    [("R", 1), ("sum(last)", 1), ("laps", 0), ("k", 0), ("n_in", 0), ("clicks.s", 1), ("pi", 0), ("fresh", 1)],
)
def test_an_arrow_comes_up_for_memory_and_keys_only(angle: str, count: int) -> None:
    body = [{"measure": BLOCKS["measure"]}, {"set": {"fresh": 1}}, {"rotate": {"atom": "s", "angle": angle}}]
    ax = draw(program({"repeat": {"over": "n_in", "body": body}}, inputs={"n_in": {"default": [0, 1]}}))

    assert len(arrows(ax, FEED)) == count


def test_a_condition_on_an_outcome_is_an_arrow_up_to_its_frame() -> None:
    read = draw(program({"measure": {"atoms": "s", "key": "m"}}, {"when": {"if": "m == 1"}}))
    drawn = draw(program({"measure": {"atoms": "s", "key": "m"}}, {"when": {"if": "uniform() < 0.5"}}))

    assert len(arrows(read, FEED)) == 1
    assert arrows(drawn, FEED) == []


def test_a_condition_on_a_key_of_each_atom_is_seen_as_read() -> None:
    each = {"for_each": {"atom": "all", "body": [{"measure": {"atoms": "$atom", "key": "m_$atom"}}]}}

    assert len(arrows(draw(program(each, {"rotate": {"atom": "a", "angle": "m_s"}})), FEED)) == 1


def test_a_weak_measurement_that_reads_memory_has_both_arrows_side_by_side() -> None:
    ax = draw(program({"weak_measure": {**BLOCKS["weak_measure"], "strength": "R"}}))
    [(down_x, _)], [(up_x, _)] = arrows(ax, "black"), arrows(ax, FEED)

    assert down_x - up_x == pytest.approx(10)


# Frames


@pytest.mark.parametrize(
    ("repeat", "options", "label"),
    [
        ({"times": 4}, {}, "repeat 4 times"),
        ({"times": "laps"}, {"parameters": {"laps": 7}}, "repeat 7 times"),
        ({"over": "u"}, {}, "for each u (5 rounds)"),
        ({"over": "u"}, {"rounds": 9}, "for each u (9 rounds)"),
        ({"over": "v"}, {}, "for each v (6 rounds)"),
    ],
)
def test_a_repeat_says_its_count_or_its_input(repeat: dict[str, Any], options: dict[str, Any], label: str) -> None:
    inputs = {"u": {"default": [0, 0, 0, 0, 0]}, "v": {"default": "k", "rounds": "2 * laps"}}

    assert label in texts(draw(program({"repeat": {**repeat, "body": []}}, inputs=inputs), **options))


def test_frames_nest() -> None:
    inner = {"when": {"if": "R > 0", "then": [{"repeat": {"times": 2, "body": [{"reset": {"atoms": "s"}}]}}]}}
    ax = draw(program({"repeat": {"times": 3, "body": [inner]}}))
    frames = [p.get_bbox() for p in ax.patches if isinstance(p, Rectangle) and p.get_zorder() == 1.5]
    outer, middle, inside = sorted(frames, key=lambda box: -box.width)

    assert len(frames) == 3
    for large, small in ((outer, middle), (middle, inside)):
        assert large.x0 < small.x0
        assert small.x1 < large.x1
        assert large.y0 < small.y0
        assert small.y1 < large.y1


def test_a_branch_with_two_sides_is_divided_between_them() -> None:
    ax = draw(program({"when": BLOCKS["when"]}))
    then, otherwise = sorted(box.get_center()[0] for box in boxes(ax))
    divided = next(text.get_position()[0] for text in _texts(ax) if text.get_text() == "otherwise")

    assert then < divided < otherwise + 20


def test_for_each_with_gates_on_two_atoms_is_drawn_atom_by_atom() -> None:
    body = [{"cnot": {"control": "$atom", "target": "t"}}, {"measure": {"atoms": "$atom", "key": "m_$atom"}}]
    wide = {"atoms": {"s": (0, 0), "a": (5, 0), "t": (10, 0)}}
    shown = texts(draw(program({"for_each": {"atom": ["s", "a"], "body": body}}, register=wide)))

    assert {"m_s", "m_a"} <= set(shown)
    assert "m_$atom" not in shown


# Legibility


LONG = "sin(R) * cos(R) + sin(R) * tan(R)"
NOTED = {"pulse": {"channel": "rydberg_local", "atoms": "s", "amplitude": BOX, "detuning": LONG, "phase": "R"}}


def everything() -> rq.Program:
    """A program with every kind of block, notes between tracks, and frames narrower than their labels."""
    under = {"rotate": {"atom": "a", "quaternion": ["R", 0, 0, "1 - R"]}}
    label = {"when": {"if": "R > 0.25 and R < 0.75", "then": [{"reset": {"atoms": "s"}}]}}
    return program(NOTED, under, label, label, *({kind: BLOCKS[kind]} for kind in KINDS))


@pytest.mark.parametrize("shown", ["everything", *rq.gallery.names()])
def test_no_text_lies_on_another_or_outside(shown: str) -> None:
    ax = draw(everything() if shown == "everything" else rq.load(shown))
    ax.figure.canvas.draw()
    found = [(text.get_text(), text.get_window_extent()) for text in _texts(ax)]

    pairs = itertools.combinations(found, 2)
    assert [(one, two) for (one, a), (two, b) in pairs if a.overlaps(b)] == []
    assert [text for text, box in found if box.x0 < 0 or box.x1 > ax.figure.bbox.x1] == []


def test_no_box_lies_on_a_text_that_is_not_its_own() -> None:
    ax = draw(everything())
    ax.figure.canvas.draw()
    found = [(text.get_text(), text.get_window_extent()) for text in _texts(ax) if text.get_text() not in ("s", "a")]

    for box in boxes(ax):
        outer = box.get_window_extent()
        assert [text for text, e in found if outer.overlaps(e) and not outer.padded(1).containsx(e.x1)] == []
        assert [text for text, e in found if outer.overlaps(e) and not outer.padded(1).containsy(e.y0)] == []


def test_text_under_a_pulse_lies_on_no_track() -> None:
    ax = draw(program(NOTED))
    ax.figure.canvas.draw()
    tracks = [line.get_window_extent().y0 for line in ax.lines if line.get_zorder() == 1]
    [note] = [text.get_window_extent() for text in _texts(ax) if "δ" in text.get_text()]

    assert len(tracks) == 4
    assert [y for y in tracks if note.y0 - 1 < y < note.y1 + 1] == []


def test_a_label_lies_inside_its_frame() -> None:
    ax = draw(everything())
    ax.figure.canvas.draw()
    frames = [p.get_window_extent() for p in ax.patches if isinstance(p, Rectangle) and p.get_zorder() == 1.5]
    labels = [text.get_window_extent() for text in _texts(ax) if text.get_text().startswith(("if ", "repeat "))]

    assert len(labels) == 4
    assert all(any(f.x0 < e.x0 and e.x1 < f.x1 and e.y1 < f.y1 for f in frames) for e in labels)


@pytest.mark.parametrize("size", [(7, 2.5), (3.4, 2), (2, 3)])
def test_text_stays_in_its_box_whatever_the_size_of_the_axes(size: tuple[float, float]) -> None:
    _, ax = plt.subplots(figsize=size, dpi=300)
    ax = draw(rq.load("two_port_memristor"), ax=ax)
    ax.set_title("a title that takes some room", fontsize=20)
    ax.figure.canvas.draw()

    extents = [text.get_window_extent() for text in _texts(ax)]
    assert len(boxes(ax)) == 9
    for box in boxes(ax):
        outer = box.get_window_extent().padded(1)
        inside = [e for e in extents if outer.contains(*((e.p0 + e.p1) / 2))]
        assert all(outer.x0 <= e.x0 and e.x1 <= outer.x1 and outer.y0 <= e.y0 and e.y1 <= outer.y1 for e in inside)


def test_text_of_a_new_figure_has_the_size_of_print() -> None:
    ax = draw(rq.load("two_port_memristor"))
    ax.figure.canvas.draw()

    assert min(text.get_fontsize() for text in _texts(ax)) == pytest.approx(7, abs=0.4)


def test_a_long_expression_is_cut_with_an_ellipsis() -> None:
    long = " + ".join(f"sin(R + {i}) * cos(R - {i})" for i in range(20))
    [shown] = [text for text in texts(draw(program({"set": {"R": long}}))) if "←" in text]
    [turned] = [text for text in texts(draw(program({"rotate": {"atom": "s", "angle": long}}))) if "Ry" in text]

    assert shown.endswith("…")
    assert len(shown.splitlines()) <= 6
    assert turned.endswith("…")
    assert len(turned.splitlines()) <= 4


def test_the_given_axes_are_drawn_on_and_returned() -> None:
    _, (left, right) = plt.subplots(1, 2)

    assert draw(rq.load("rabi"), ax=right) is right
    assert not left.lines
    assert not left.patches


def test_an_atom_that_is_not_in_the_register_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"'b' is not; known: a, s"):
        draw(program({"reset": {"atoms": "b"}}))


def test_an_inner_for_each_may_use_the_name_of_the_outer_one() -> None:
    inner = {"for_each": {"atom": ["a"], "body": [{"rotate": {"atom": "$atom", "angle": "pi"}}]}}
    outer = {"for_each": {"atom": ["s"], "body": [inner, {"rotate": {"atom": "$atom", "angle": "pi / 2"}}]}}

    shown = texts(draw(program(outer)))

    assert {"for each $atom in s", "for each $atom in a"} <= set(shown)
