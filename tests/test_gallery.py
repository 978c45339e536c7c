"""The ready sequences: each is sound, runs, says where it comes from and what to expect, and stays what it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rydberg_qmem as rq
from rydberg_qmem.gallery import entries, folder, load, names
from rydberg_qmem.language.files import parse_yaml

FROZEN = Path(__file__).parent / "data" / "gallery"
"""The JSON of each sequence but for its description, as `frozen` writes it: a change here is a change of meaning."""
FEW = 4
DRAWN = [name for name in names() if "drawn" in load(name).tags]
"""Sequences that draw random numbers in the program: no expectation value is exact."""
EXACT = [name for name in names() if name not in DRAWN]


def rounds_of(program: rq.Program) -> int | None:
    return FEW if program.inputs else None


def frozen(name: str) -> str:
    return load(name).model_copy(update={"about": ""}).to_json(indent=2) + "\n"


def test_there_are_ready_sequences_of_the_names_of_their_files() -> None:
    assert {"rabi", "blockade", "cz_gate", "two_port_memristor", "photonic_memristor"} <= set(names())
    assert [load(name).name for name in names()] == names()


@pytest.mark.parametrize("name", names())
def test_it_checks_without_problems(name: str) -> None:
    assert rq.check(load(name)) == []


@pytest.mark.parametrize("name", EXACT)
def test_it_runs_exactly_for_a_few_rounds(name: str) -> None:
    program = load(name)
    record = rq.run(program, shots=None, rounds=rounds_of(program))

    assert "shot" not in record.dims
    assert record.data_vars
    for variable in record.data_vars.values():
        assert np.isfinite(variable.values).all(), variable.name


@pytest.mark.parametrize("name", DRAWN)
def test_it_runs_with_shots_only_as_it_draws_numbers(name: str) -> None:
    record = rq.run(load(name), shots=20, seed=1, emulator="ideal")

    assert record.sizes["shot"] == 20
    with pytest.raises(rq.RunError, match="draws random numbers, so the program needs shots"):
        rq.run(load(name), shots=None, emulator="ideal")


@pytest.mark.parametrize("name", EXACT)
def test_its_shots_scatter_around_its_exact_means(name: str) -> None:
    program, shots = load(name), 2000
    exact = rq.run(program, shots=None, rounds=rounds_of(program))
    record = rq.run(program, shots=shots, seed=3, rounds=rounds_of(program))

    for key, bits in record.data_vars.items():
        if bits.dtype == np.int8 and "ensemble" not in program.tags:
            p = exact[key].values
            spread = np.sqrt(np.clip(p * (1 - p), 1e-9, None) / shots)
            assert (np.abs(bits.mean("shot").values - p) < 6 * spread + 1e-6).all(), key


@pytest.mark.parametrize("name", names())
def test_it_says_where_it_comes_from_and_what_to_expect(name: str) -> None:
    about = load(name).about

    assert "Expected" in about
    assert any(word in about for word in ("closed form", "derived", "Source:"))
    assert load(name).tags


@pytest.mark.parametrize("name", names())
def test_its_file_begins_with_schema_and_format(name: str) -> None:
    first, second = (folder() / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[:2]

    assert first == "# yaml-language-server: $schema=../rydberg_qmem/schema/program-v1.schema.json"
    assert second == "format: rydberg_qmem-program/1"
    assert (folder() / first.partition("=")[2]).resolve().is_file()


@pytest.mark.parametrize("name", names())
def test_its_json_stays_what_it_was(name: str) -> None:
    text = (FROZEN / f"{name}.json").read_text(encoding="utf-8")

    assert frozen(name) == text
    assert rq.Program.from_json(text) == load(name).model_copy(update={"about": ""})


def test_every_sequence_is_frozen_and_nothing_else() -> None:
    assert sorted(path.stem for path in FROZEN.glob("*.json")) == names()


@pytest.mark.parametrize("name", names())
def test_its_file_loses_nothing_when_it_is_written_again(name: str) -> None:
    text = (folder() / f"{name}.yaml").read_text(encoding="utf-8")
    data: Any = parse_yaml(text, name)[0]

    assert rq.Program.from_dict(data).to_yaml() == load(name).to_yaml()
    assert json.loads(load(name).to_json())["about"] == data["about"]


def test_a_search_finds_names_tags_and_descriptions() -> None:
    assert [entry.name for entry in entries("no such thing")] == []
    assert "rabi" in [entry.name for entry in entries("RABI")]
    assert {"two_port_memristor", "photonic_memristor"} <= {entry.name for entry in entries("memristor")}
    assert "cz_gate" in [entry.name for entry in entries("bell pair")]
    assert len(entries()) == len(names())


def test_an_entry_has_a_summary_of_one_sentence() -> None:
    for entry in entries():
        assert entry.summary.endswith(".")
        assert "\n" not in entry.summary
        assert 20 < len(entry.summary) < 250, entry.name


def test_a_wrong_name_is_met_with_a_near_one() -> None:
    with pytest.raises(rq.InputError, match="no sequence of that name, and no such file; did you mean 'rabi'"):
        load("rabbi")


def test_a_path_and_a_program_are_loaded_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(load("rabi").to_yaml())

    assert load(path) == load(str(path)) == load(load("rabi"))
    with pytest.raises(rq.InputError, match="no such file"):
        load(tmp_path / "other.yaml")


@pytest.mark.parametrize("name", ["../sequences/rabi", "sub/rabi", "", ".", "..", "rabi\0"])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    with pytest.raises(rq.InputError):
        load(name)


@pytest.mark.slow
def test_the_page_of_the_gallery_is_what_its_command_writes_and_has_its_pictures() -> None:
    from rydberg_qmem.gallery.catalogue import text

    docs = Path(__file__).parents[1] / "docs"
    pictures = {f"{name}_{kind}.png" for name in names() for kind in ("program", "result")}

    assert (docs / "gallery.md").read_text(encoding="utf-8") == text()
    assert {path.name for path in (docs / "_static" / "gallery").iterdir()} == pictures


def test_a_sequence_is_drawn_as_a_loop_a_path_a_state_or_outcomes(tmp_path: Path) -> None:
    import matplotlib.pyplot as plt
    from matplotlib.image import imread

    from rydberg_qmem.gallery.result import draw, result

    draw(load("rabi"), tmp_path)

    assert all(imread(tmp_path / f"rabi_{kind}.png")[..., :3].std() > 0 for kind in ("program", "result"))
    assert result(load("classical_memristor")).get_xlabel() == "memory V when the round begins"
    assert [tick.get_text() for tick in result(load("tilted_exchange")).get_xticklabels()][:2] == [
        "m.first",
        "m.second",
    ]
    assert [tick.get_text() for tick in result(load("blockade")).get_yticklabels()][:2] == ["m.left", "m.right"]
    assert result(load("guo_memristor")).get_xlabel() == "V / V0"
    assert result(load("cz_gate")).get_title() == "moduli of rho"
    plt.close("all")


def test_a_tag_selects_and_a_wrong_one_is_met_with_a_near_one() -> None:
    from typer.testing import CliRunner

    from rydberg_qmem.cli import app

    found = CliRunner().invoke(app, ["list", "--tag", "memristor"]).stdout.splitlines()[1:]
    wrong = CliRunner().invoke(app, ["list", "--tag", "memrister"])

    assert [line.split()[0] for line in found] == [name for name in names() if "memristor" in load(name).tags]
    assert wrong.exit_code == 2
    assert "--tag: must be a tag of a ready sequence; did you mean 'memristor'? ('memrister')" in wrong.stderr
