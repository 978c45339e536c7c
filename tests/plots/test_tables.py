"""Programs and registers as tables for notebooks, and in one line."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

import rydberg_qmem as rq
from rydberg_qmem.language.hardware import HardwareProfile, profile_of
from rydberg_qmem.language.noise import Noise


class _Cells(HTMLParser):
    """Reads a table's cells, and counts its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def read(html: str) -> dict[str, str]:
    parser = _Cells()
    parser.feed(html)
    return dict(zip(parser.cells[::2], parser.cells[1::2], strict=True))


def html(shown: Any) -> str:
    made: str = shown._repr_html_()
    return made


def test_a_program_is_a_table_of_what_one_wants_to_know_first() -> None:
    rows = read(html(rq.load("two_port_memristor")))

    assert rows == {
        "device": "DigitalAnalogDevice",
        "atoms": "2: s, a",
        "blocks": "7",
        "rounds": "round 48",
        "keys": "clicks (a, s)",
        "duration": "227.52 µs of pulses and waits",
        "memory": "R, seen",
        "emulator only": "where a machine cannot measure, reset or feed forward in the middle",
    }


@pytest.mark.parametrize(
    ("name", "flag"), [("rabi", "no: it measures at its end only"), ("blockade", "yes: it probes the state")]
)
def test_a_table_tells_what_only_emulators_can_do(name: str, flag: str) -> None:
    assert read(html(rq.load(name)))["emulator only"] == flag


def test_text_in_tables_is_escaped_and_nothing_comes_from_elsewhere() -> None:
    device = '{"name": "<script>alert(1)</script>"}'
    made = html(rq.Program(name="p", device=device, register={"atoms": {"q": (0, 0)}}, body=()))

    assert "<script>" not in made
    assert "&lt;script&gt;" in made
    assert not {"script", "link", "img", "style"} & set(tags(made))


def tags(made: str) -> list[str]:
    parser = _Cells()
    parser.feed(made)
    return parser.tags


def test_tables_have_the_colours_of_the_page() -> None:
    for made in (html(rq.load("rabi")), html(rq.load("rabi").register)):
        assert "#" not in made
        assert "rgb" not in made
        assert "background:none;color:inherit" in made


def test_a_program_that_cannot_run_has_a_table_that_says_why() -> None:
    body = [{"measure": {"atoms": "nobody", "key": "m"}}]
    broken = rq.Program(name="p", device="Nothing", register={"atoms": {"q": (0, 0)}}, body=body)

    assert "no device 'Nothing'" in read(html(broken))["problem"]


def test_a_register_is_a_table_of_places() -> None:
    small, large = rq.Register(atoms={"s": (0, 0), "a": (3, 4.5)}), rq.Register(layout="square", side=7, spacing_um=5)

    assert read(html(small)) == {"s": "0, 0", "a": "3, 4.5"}
    assert "2 atoms, nearest 5.408 µm apart" in html(small)
    assert read(html(large))["…"] == "9 more"


def test_programs_and_registers_are_one_line() -> None:
    assert repr(rq.Register(layout="square", side=3, spacing_um=5)) == "Register(9 atoms in 2D: q0, q1, q2, q3, q4, …)"
    assert repr(rq.load("rabi")).startswith("Program('rabi', 1 atom on MockDevice, ")
    assert "\n" not in repr(rq.load("photonic_memristor"))


def test_a_hardware_profile_is_a_table_of_numbers_with_their_sources() -> None:
    profile = profile_of("zoned_2024")
    assert profile is not None
    shown = read(html(profile))

    assert shown["imaging_us"].startswith("510.0: push-out 10 µs and local imaging 500 µs: Bluvstein")
    assert shown["reset_us"] == "100.0: assumed: no published figure was found"
    assert "t1_us" not in shown
    assert read(html(HardwareProfile())) == {"all": "0: by definition"}


def test_a_noise_model_is_a_table_of_what_is_on() -> None:
    assert read(html(Noise(relaxation_rate=0.01, p_false_neg=0.05))) == {
        "p_false_neg": "0.05",
        "relaxation_rate": "0.01",
    }
    assert read(html(Noise())) == {"all": "off"}
