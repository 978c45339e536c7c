"""The picture in laboratory time: what plays when, what steers it, and that it can be read at a column's width."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Polygon, Rectangle

import rydberg_qmem as rq
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.errors import InputError, ProgramError
from rydberg_qmem.plots import okabe_ito
from rydberg_qmem.plots._timeline.arrows import arrows_of
from rydberg_qmem.plots._timeline.time_axis import fit, least_width
from rydberg_qmem.plots._timeline.timeline import Bar, Timeline, TimelineFrame

FEED, INPUTS = okabe_ito()[1], okabe_ito()[3]
PULSE = {"channel": "rydberg_local", "atoms": "s", "amplitude": {"constant": {"duration_ns": 200, "value": 3}}}
MEASURE = {"measure": {"atoms": "a", "key": "m"}}


@pytest.fixture(autouse=True)
def no_window() -> Iterator[None]:
    plt.switch_backend("agg")
    yield
    plt.close("all")


def program(*body: dict[str, Any], **fields: Any) -> rq.Program:
    given: dict[str, Any] = {
        "name": "p",
        "register": {"atoms": {"s": (0, 0), "a": (5, 0)}},
        "memory": {"R": {"initial": 0.5}},
        **fields,
    }
    return rq.Program.from_dict({**given, "body": list(body)})


def pulse(**fields: Any) -> dict[str, Any]:
    return {"pulse": {**PULSE, **fields}}


def texts(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


def shown(ax: Any) -> str:
    return "\n".join(texts(ax))


def heads(ax: Any, colour: str) -> int:
    """Return how many arrowheads of a colour there are: triangles."""
    found: list[Any] = [patch for patch in ax.patches if type(patch) is Polygon and len(patch.get_xy()) == 4]
    return sum(to_hex(head.get_facecolor()) == to_hex(colour) for head in found)


def timeline_of(made: rq.Program) -> tuple[Timeline, Any]:
    timeline = Timeline(compile_program(made))
    return timeline, timeline.items(timeline.compiled.steps)


# Time


def test_pulses_lie_at_the_times_of_the_schedule() -> None:
    _, [bar] = timeline_of(program(pulse(), {"delay": {"duration_ns": 400}}, pulse(), memory={}))
    page = fit([bar], 200.0)

    assert page is not None
    times = [(note.start_ns, note.stop_ns) for note in bar.notes]
    assert times == [(0, 200), (600, 800)]
    placed = page.bars[0]
    assert placed.x(600) - placed.x(200) == pytest.approx(2 * (placed.x(200) - placed.x(0)))


def test_a_loop_is_shown_once_and_the_clock_goes_on_after_all_its_rounds() -> None:
    _, items = timeline_of(program({"repeat": {"times": 7, "body": [pulse(), MEASURE]}}, pulse()))
    loop, after = items

    assert isinstance(loop, TimelineFrame)
    assert isinstance(after, Bar)
    assert after.begin_ns == 7 * 200
    assert "repeat 7 × 0.2 µs" in loop.labels


def test_both_sides_of_a_branch_begin_together_and_the_longer_one_counts() -> None:
    longer = pulse(amplitude={"constant": {"duration_ns": 500, "value": 1}})
    _, items = timeline_of(
        program(MEASURE, {"when": {"if": "m == 1", "then": [pulse()], "otherwise": [longer]}}, pulse())
    )
    _, branch, after = items
    page = fit(items, 220.0)

    assert [side[0].begin_ns for side in branch.sides] == [0, 0]
    assert after.begin_ns == 500
    assert page is not None
    [frame] = page.frames
    assert frame.divided is not None
    assert page.bars[0].xs[-1] < frame.divided < page.bars[1].xs[0]


def test_times_shorter_than_can_be_seen_are_widened_and_that_is_said() -> None:
    wide = pulse(amplitude={"constant": {"duration_ns": 100_000, "value": 1}})

    assert "short times widened" in shown(program(pulse(), wide).draw())
    assert "short times widened" not in shown(program(pulse(), pulse()).draw())


def test_the_axis_has_its_unit_and_times() -> None:
    found = texts(program(pulse(), MEASURE).draw())

    assert {"laboratory time (µs)", "0", "0.2"} <= set(found)
    assert any(text == "rydberg_local: Ω to 3 rad/µs" for text in found)


# What is shown


def test_rows_are_channels_and_atoms() -> None:
    ax = program({"cz": {"control": "a", "target": "s"}}, {"rotate": {"atom": "s", "angle": 1}}).draw()

    assert [text for text in texts(ax) if text in ("s", "a")] == ["s", "a", "s"]
    assert "raman_local" in shown(ax)


def test_measurements_resets_and_probes_are_strips() -> None:
    body: list[dict[str, Any]] = [
        MEASURE,
        {"reset": {"atoms": "a"}},
        {"probe": {"atoms": "s", "key": "n", "occupation": True}},
    ]
    found = texts(program(pulse(), *body).draw())

    assert {"measure a\n→ m", "reset a", "probe s\n→ n"} <= set(found)


def test_feedforward_comes_up_with_its_expression_and_inputs_come_down() -> None:
    steered = {"rotate": {"atom": "s", "angle": "pi * R"}}
    driven = {"rotate": {"atom": "s", "angle": "2 * asin(sqrt(u))"}}
    loop = {"repeat": {"over": "u", "body": [driven, MEASURE, steered, {"set": {"R": "1 - m"}}]}}
    ax = program(loop, inputs={"u": {"default": [0.1, 0.9]}}).draw()

    assert heads(ax, FEED) == 1
    assert heads(ax, INPUTS) == 1
    assert "θ = π·R" in shown(ax)
    assert "a: θ = 2·asin(√u)" in shown(ax)
    assert "R ← 1 - m" in shown(ax)


def test_constants_and_parameters_have_no_arrow() -> None:
    ax = program({"rotate": {"atom": "s", "angle": "x"}}, MEASURE, parameters={"x": 0.3}).draw()

    assert heads(ax, FEED) == heads(ax, INPUTS) == 0


def test_a_condition_on_an_outcome_is_an_arrow_with_the_condition() -> None:
    ax = program(MEASURE, {"when": {"if": "m == 1", "then": [pulse()]}}).draw()

    assert heads(ax, FEED) == 1
    assert "m = 1" in shown(ax)


def test_a_virtual_rotation_in_a_branch_is_seen() -> None:
    turn = {"rotate": {"atom": "s", "axis": "z", "angle": "pi"}}

    assert "phase s\n+ π" in texts(program(MEASURE, {"when": {"if": "m == 1", "then": [turn]}}).draw())


def test_a_phase_is_a_dial_whose_hand_has_its_angle() -> None:
    ax: Any = program(pulse(phase=2.0), memory={}).draw()
    drawn = [path for c in ax.collections if c.get_zorder() == 4.5 for path in c.get_paths()]
    hands = [np.diff(path.vertices, axis=0)[0] for path in drawn]

    assert np.arctan2(hands[0][1], hands[0][0]) == pytest.approx(2.0)
    assert "phase: 0 right, π/2 up" in texts(ax)
    assert "phase: 0 right, π/2 up" not in texts(program(pulse(), memory={}).draw())


def test_a_pulse_has_the_height_and_shape_of_its_samples() -> None:
    ramp = pulse(amplitude={"ramp": {"duration_ns": 200, "start": 0, "stop": 3}})
    ax: Any = program(ramp, memory={}).draw()
    blue = okabe_ito()[0]
    outline = next(line for line in ax.lines if line.get_color() == blue and len(line.get_xdata()) > 10)
    heights = outline.get_ydata()[1:-1] - outline.get_ydata()[0]

    assert heights / heights.max() == pytest.approx(np.linspace(0, 1, len(heights)), abs=0.02)


def test_a_value_only_the_run_knows_is_left_white() -> None:
    fixed, steered = (
        program(pulse(amplitude={"constant": {"duration_ns": 200, "value": value}})).draw() for value in (1, "R")
    )

    assert to_hex(fixed.collections[0].get_facecolor()[0]) != "#ffffff"
    assert to_hex(steered.collections[0].get_facecolor()[0]) == "#ffffff"
    assert "set in the run" in texts(steered)


# Legibility


EXAMPLES = [*rq.gallery.names(), "branches"]


def branches() -> rq.Program:
    """Two sides, a loop within, many letters, and both arrows."""
    click = {"measure": {"atoms": "a", "key": "click"}}
    loop = {"repeat": {"times": 3, "body": [{"rotate": {"atom": "s", "angle": "sin(R) + cos(R) + m"}}, click]}}
    other = [{"reset": {"atoms": ["s", "a"]}}, {"set": {"R": "R / 2 + sqrt(R) * where(m > 0, R, 1 - R) + uniform()"}}]
    side = {"when": {"if": "m == 1 and R > 0.25", "then": [loop], "otherwise": other}}
    return program(pulse(detuning={"ramp": {"duration_ns": 200, "start": -9, "stop": "R"}}, phase=1), MEASURE, side)


WIDE = {
    "bit_flip_code", "ca_squid_closed", "cascaded_memristors", "crossed_memristors", "entanglement_swapping",
    "ghz_by_measurement", "pfeiffer_memristor", "phase_flip_code", "remote_memristors", "weak_tap_memristor",
}  # fmt: skip
"""Programs with too many pulses in a round for one column: they take both."""
TEXTLESS = {"classical_memristor"}
"""Programs that neither measure nor reset."""


def drawn(name: str) -> tuple[Any, float]:
    """Return a program's picture at the width of one column, or of two where it needs them."""
    width = 7.0 if name in WIDE else 3.4
    ax: Any = (branches() if name == "branches" else rq.load(name)).draw(width_in=width)
    ax.figure.canvas.draw()
    return ax, width


@pytest.mark.parametrize("name", EXAMPLES)
def test_at_column_width_no_text_lies_on_another_or_outside(name: str) -> None:
    ax, width = drawn(name)
    found = [(text.get_text(), text.get_window_extent()) for text in ax.texts if text.get_text()]
    page = ax.figure.bbox

    assert ax.figure.get_figwidth() == width
    assert [(a, b) for (a, one), (b, two) in itertools.combinations(found, 2) if one.overlaps(two)] == []
    assert [a for a, one in found if one.x0 < 0 or one.x1 > page.x1 or one.y0 < 0 or one.y1 > page.y1] == []
    assert min(text.get_fontsize() for text in ax.texts) > 6.3


@pytest.mark.parametrize("name", EXAMPLES)
def test_text_of_a_strip_lies_within_it(name: str) -> None:
    ax, _ = drawn(name)
    boxes = [p.get_window_extent().padded(1) for p in ax.patches if isinstance(p, Rectangle) and p.get_zorder() == 4]
    strips = [text.get_window_extent() for text in ax.texts if text.get_rotation() == 90]

    assert strips or name in TEXTLESS
    for e in strips:
        assert any(b.x0 <= e.x0 and e.x1 <= b.x1 and b.y0 <= e.y0 and e.y1 <= b.y1 for b in boxes)


def test_a_long_program_takes_two_columns_or_more() -> None:
    many = [step for _ in range(12) for step in (pulse(), MEASURE, {"reset": {"atoms": "a"}})]

    assert program(*many[:6]).draw().figure.get_figwidth() == 3.4
    assert program(*many[:24]).draw().figure.get_figwidth() == 7.0
    assert program(*many).draw().figure.get_figwidth() > 7.0


def test_a_width_that_is_too_small_is_refused_with_the_least_one() -> None:
    with pytest.raises(InputError, match=r"width_in must be at least \d\.\d\d in for this program \(1\)"):
        rq.load("two_port_memristor").draw(width_in=1)


def test_pages_fill_their_width_and_never_more() -> None:
    _, items = timeline_of(rq.load("two_port_memristor"))

    assert fit(items, least_width(items) - 1) is None
    for width in (least_width(items) + 5, 300.0, 900.0):
        page = fit(items, width)
        assert page is not None
        assert width - 0.01 < page.x <= width


def test_labels_of_neighbouring_arrows_go_to_different_levels() -> None:
    steered = {"rotate": {"atom": "s", "angle": "pi * R"}}
    _, items = timeline_of(program(steered, steered, steered))
    page = fit(items, least_width(items))

    assert page is not None
    assert {arrow.level for arrow in arrows_of(page).memory} == {0, 1, 2}


# Choices


def test_the_circuit_is_the_other_view() -> None:
    assert rq.load("rabi").draw(view="circuit").get_xlabel() == "program order, not to scale"
    with pytest.raises(InputError, match="view: must be one of pulses, circuit"):
        rq.load("rabi").draw(view="pulse")  # type: ignore[arg-type]  # a wrong view is the test


def test_parameters_and_rounds_are_those_of_the_run() -> None:
    memristor = rq.load("two_port_memristor")

    assert any("for each n_in: 6 × 4.74 µs" in text for text in texts(memristor.draw(rounds=6)))
    assert any("for each n_in: 4 × 4.74 µs" in text for text in texts(memristor.draw(parameters={"period": 2})))


def test_all_problems_of_a_program_are_told() -> None:
    with pytest.raises(ProgramError, match="must be an atom of the register"):
        program({"reset": {"atoms": "nobody"}}).draw()


def test_the_given_axes_are_drawn_on() -> None:
    _, ax = plt.subplots(figsize=(5, 3))

    assert rq.load("rabi").draw(ax=ax) is ax
