"""Progress: who is told, how often, and that it is one line of a cell."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import rydberg_qmem as rq
from rydberg_qmem.running.progress import ProgressReporter, listener

KERNEL = """
import warnings
warnings.simplefilter("error")
import rydberg_qmem as rq
record = rq.run("rabi", shots=3000, seed=1, sweep={"angle": [1, 2, 3]}, emulator="ideal", progress=True)
"""


class Screen:
    """A terminal, or a file, that keeps what is written to it."""

    def __init__(self, *, terminal: bool) -> None:
        self.terminal, self.text = terminal, ""

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def run(**options: Any) -> Any:
    return rq.run("rabi", shots=20, seed=1, sweep={"angle": [1, 2]}, emulator="ideal", **options)


def test_a_terminal_has_one_line_that_is_left_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(terminal=True)
    monkeypatch.setattr(sys, "stderr", screen)
    run(progress=True)

    assert screen.text.startswith("\r0 of 40\x1b[K\r")
    assert screen.text.count("\n") == 1
    assert "\r40 of 40, " in screen.text
    assert screen.text.endswith(" s\x1b[K\n")


def test_shots_of_a_slow_unit_are_shown_as_its_steps_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, told = Screen(terminal=True), list[int]()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr("rydberg_qmem.running.progress.SHORTEST_S", 0.0)
    rq.run("two_port_memristor", shots=1000, seed=1, emulator="ideal", progress=True)
    rq.run("two_port_memristor", shots=1000, seed=1, progress=lambda done, total: told.append(done))
    shown = [float(line.split(" of ")[0].replace(",", "")) for line in screen.text.split("\r") if " of " in line]

    assert shown == sorted(shown)
    assert len(shown) > 100
    assert (shown[0], shown[-1]) == (0, 1000)
    assert 400 < shown[len(shown) // 2] < 600
    assert told == [1000]  # a function of one's own hears of whole units


def test_where_nobody_looks_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(terminal=False)
    monkeypatch.setattr(sys, "stderr", screen)
    run(progress=True)

    assert screen.text == ""


def test_a_store_tells_what_it_had_before_and_its_speed_is_without_that(tmp_path: Any) -> None:
    run(store=tmp_path / "r.zarr")
    shown: list[Any] = []
    reporter = ProgressReporter(shown.append)
    rq.run(
        "rabi",
        shots=20,
        seed=1,
        sweep={"angle": [1, 2, 3]},
        emulator="ideal",
        store=tmp_path / "r.zarr",
        progress=reporter,
    )

    assert (shown[0].done, shown[0].total, shown[0].fresh) == (40, 60, 0)
    assert (shown[-1].done, shown[-1].total, shown[-1].fresh) == (60, 60, 20)


def test_many_units_are_told_ten_times_a_second_at_most() -> None:
    shown: list[Any] = []
    reporter = ProgressReporter(shown.append, clock=iter([i / 1000 for i in range(1002)]).__next__)
    reporter.begin(0, 1000)
    for done in range(1, 1001):
        reporter(done, 1000)

    assert len(shown) <= 12
    assert shown[-1].done == 1000


@pytest.mark.parametrize("wrong", ["yes", 3])
def test_what_cannot_be_called_is_refused(wrong: Any) -> None:
    with pytest.raises(rq.InputError, match="progress must be True, or a function of what is done and the total"):
        listener(wrong)


@pytest.mark.slow
def test_a_notebook_shows_one_bar_and_no_word_on_stderr() -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(KERNEL.strip())])
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    [shown] = book.cells[0].outputs

    assert shown.output_type == "display_data"
    assert shown.data["text/plain"].startswith("9,000 of 9,000, ")
    assert shown.data["text/html"].startswith('<progress value="9000" max="9000"></progress> 9,000 of 9,000, ')
