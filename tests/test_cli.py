"""The command line: exit codes, what goes to stdout and stderr, and a run from program to figures."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from typer.testing import CliRunner

import rydberg_qmem as rq
from rydberg_qmem.analysis import closed_forms
from rydberg_qmem.cli import app

MAIN = [sys.executable, "-c", "from rydberg_qmem.cli import main; main()"]
LOOP = ["--drive", "n_in", "--response", "clicks.s"]
GOOD = """\
format: rydberg_qmem-program/1
name: coin
register: {atoms: {q: [0, 0]}}
parameters: {angle: pi / 2}
body:
  - rotate: {atom: q, angle: angle}
  - measure: {atoms: q, key: m}
"""
BAD = GOOD.replace("measure:", "mesure:").replace("angle: angle", "angle: 2 *")
WRONG = GOOD.replace("atoms: q,", "atoms: p,").replace("angle: angle", "angle: angel")


@pytest.fixture(autouse=True)
def no_window() -> Iterator[None]:
    plt.switch_backend("agg")
    yield
    plt.close("all")


PAIRS = """\
format: rydberg_qmem-program/1
name: pairs
device: MockDevice
register: {atoms: {q0: [0, 0], q1: [8, 0], q2: [60, 0], q3: [68, 0]}}
body:
  - pulse: {channel: rydberg_global, amplitude: 5, duration_ns: 300}
  - measure: {atoms: all, key: m, basis: ground-rydberg}
"""


def rqm(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(*arguments: str | Path) -> str:
    """Return stderr of a command that must refuse its input: exit code 2, nothing said on stdout, no traceback."""
    result = rqm(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return str(result.stderr)


@pytest.fixture
def coin(tmp_path: Path) -> Path:
    path = tmp_path / "coin.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored run of the memristor, made by the command line."""
    place = tmp_path_factory.mktemp("made") / "runs" / "m.zarr"
    result = rqm("run", "two_port_memristor", "--shots", "40", "--seed", "7", "--set", "window=3", "-o", place)
    assert result.exit_code == 0, result.output
    return place


# Looking at programs


@pytest.mark.parametrize("command", ["run", "estimate"])
def test_accuracy_is_that_of_the_run(command: str, tmp_path: Path) -> None:
    where: list[str | Path] = ["-o", tmp_path / "p.zarr"] if command == "run" else []
    path = tmp_path / "pairs.yaml"
    path.write_text(PAIRS)

    assert "accuracy" in refused(command, path, "--accuracy", "2")
    result = rqm(command, path, "--shots", "10", "--accuracy", "1e-4", *where)

    assert result.exit_code == 0, result.output
    if command == "run":
        made = rq.open_record(tmp_path / "p.zarr")
        assert made.attrs["accuracy"] == 1e-4
        assert 0 < made.attrs["infidelity"] <= 1e-4
    else:  # apart, two pairs; else one group of four
        assert "q0 q1:" in result.stdout
        assert "q0 q1 q2 q3:" in rqm(command, path, "--shots", "10").stdout


def test_help_needs_neither_numpy_nor_pydantic_nor_pulser() -> None:
    heavy = "{'numpy', 'pydantic', 'pulser', 'xarray', 'matplotlib', 'rich.console'} & set(sys.modules)"
    code = (
        f"import sys; from rydberg_qmem.cli import app; app(['--help'], standalone_mode=False); sys.exit(str({heavy}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert shown.stderr.strip() == "set()"
    for command in ("list", "show", "check", "draw", "run", "info", "analyse", "schema"):
        assert re.search(rf"^  {command} ", shown.stdout, re.MULTILINE)


def test_the_version_is_that_of_the_package() -> None:
    assert rqm("--version").stdout.strip() == f"rqm {rq.__version__}"


def test_list_shows_every_ready_sequence_in_one_line_each() -> None:
    lines = rqm("list").stdout.splitlines()

    assert [line.split()[0] for line in lines] == ["name", *rq.gallery.names()]


def test_list_keeps_what_has_the_tag_or_text() -> None:
    found = rqm("list", "ensemble").stdout

    assert "photonic_memristor" in found
    assert "rabi" not in found


def test_list_says_on_stderr_that_nothing_has_the_text() -> None:
    result = rqm("list", "memrister")

    assert result.exit_code == 0
    assert "no ready sequence has 'memrister'; did you mean 'memristor'?" in result.stderr


def test_show_nests_the_blocks_of_a_repeat() -> None:
    tree = rqm("show", "two_port_memristor").stdout

    lines = [" ".join(line.split()) for line in tree.splitlines()]
    assert "repeat for each n_in (counter k) 48 × 4.74 µs = 227.52 µs" in lines
    assert "rotate atom s, angle 2 * asin(sqrt(n_in)) 0.1 µs" in lines
    assert "body 227.52 µs" in lines
    assert (
        "      push seen <- where(min(clicks) < 0, seen[0], sum(clicks))\n      set R <- clip(mean(seen), 0, 1)\n"
        in tree
    )
    assert "    s at 0, 0\n    a at 5, 0\n" in tree


def test_show_tells_every_kind_of_block(tmp_path: Path) -> None:
    path = tmp_path / "kinds.json"
    path.write_text(
        json.dumps(
            {
                "format": "rydberg_qmem-program/1",
                "name": "kinds",
                "register": {"atoms": {"q": [0, 0], "p": [5, 0]}},
                "inputs": {"u": {"default": [0, 1]}},
                "body": [
                    {
                        "pulse": {
                            "channel": "c",
                            "amplitude": {"composite": [{"ramp": {"duration_ns": 8, "start": 0, "stop": 1}}]},
                        }
                    },
                    {"for_each": {"atom": "all", "body": [{"rotate": {"atom": "$atom", "angle": 1}}]}},
                    {"repeat": {"times": 3, "name": "lap", "body": [{"cz": {"control": "q", "target": "p"}}]}},
                    {"when": {"if": "m == 1", "then": [{"reset": {"atoms": "q"}}], "otherwise": [{"align": {}}]}},
                ],
            }
        )
    )

    shown, _, problems = rqm("show", path).stdout.partition("  body\n")[2].partition("  problems\n")
    assert "must be a channel of" in problems
    assert shown.splitlines() == [
        "    pulse channel c, amplitude composite(waveforms [ramp(duration_ns 8, start 0, stop 1)])",
        "    for_each $atom in all",
        "      rotate atom $atom, angle 1",
        "    repeat 3 times as lap (counter k)",
        "      cz control q, target p",
        "    when m == 1",
        "      reset atoms [q]",
        "    otherwise",
        "      align",
    ]


def test_check_says_ok_in_one_line(coin: Path) -> None:
    result = rqm("check", coin, "--set", "angle=pi")

    assert result.exit_code == 0
    assert result.stdout == f"ok: coin, 1 atom on DigitalAnalogDevice, {rq.load(coin).fingerprint()[:12]}\n"
    assert result.stderr == ""


FED_BACK = """
name: fed_back
register: {atoms: {a: [0, 0]}}
memory: {x: {initial: 1}}
body:
  - pulse: {channel: rydberg_global, amplitude: {constant: {duration_ns: 100, value: x}}}
  - measure: {atoms: a, key: m}
  - set: {x: NEW}
  - pulse: {channel: rydberg_global, amplitude: {constant: {duration_ns: 100, value: x}}}
"""


def test_check_refuses_outcomes_that_break_a_limit_and_notes_what_it_cannot_prove(coin: Path) -> None:
    coin.write_text(FED_BACK.replace("NEW", "20 * m"))
    assert "body[3].pulse.amplitude: must peak at or below 15.708 rad/µs" in (said := refused("check", coin))
    assert "but reaches 20 rad/µs when m = 1" in said

    coin.write_text(FED_BACK.replace("NEW", "abs(normal())"))
    result = rqm("check", coin)
    assert result.exit_code == 0
    ok, note = result.stdout.splitlines()
    assert ok.startswith("ok: fed_back")
    assert note.startswith(f"note: {coin}:9:")
    assert "not proved before the run, which checks each value" in note


@pytest.mark.parametrize("command", ["check", "show", "run"])
def test_a_broken_file_is_told_with_line_and_column_of_every_problem(command: str, coin: Path) -> None:
    coin.write_text(BAD)

    said = refused(command, coin)

    assert f"{coin}:6:" in said
    assert f"{coin}:7:5: body[1]: is not a known block; did you mean 'measure'? ('mesure')" in said


def test_check_finds_what_only_the_whole_program_shows(coin: Path) -> None:
    coin.write_text(WRONG)

    first, second = refused("check", coin).splitlines()

    assert first.startswith(f"{coin}:6:")
    assert "did you mean 'angle'?" in first
    assert second.startswith(f"{coin}:7:")
    assert "must be an atom of the register" in second


def test_an_unknown_sequence_is_told_with_the_nearest_name() -> None:
    assert "did you mean 'two_port_memristor'?" in refused("show", "two_port_memristo")


def test_a_missing_argument_is_bad_input() -> None:
    assert "Missing option '-o'" in refused("draw", "rabi")


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_draw_makes_the_folder_and_the_picture(ending: str, tmp_path: Path) -> None:
    place = tmp_path / "new" / f"rabi.{ending}"

    assert rqm("draw", "rabi", "-o", place).exit_code == 0
    assert place.read_bytes()[:5] in (b"\x89PNG\r", b"%PDF-", b"<?xml")


@pytest.mark.parametrize("view", ["circuit", "register"])
def test_draw_has_other_views(view: str, tmp_path: Path) -> None:
    assert rqm("draw", "rabi", "--view", view, "-o", tmp_path / "rabi.svg").exit_code == 0
    assert "--view: must be pulses, circuit, register; did you mean 'circuit'?" in refused(
        "draw", "rabi", "--view", "circuits", "-o", tmp_path / "rabi.svg"
    )


def test_draw_refuses_an_ending_it_does_not_know(tmp_path: Path) -> None:
    said = refused("draw", "rabi", "-o", tmp_path / "rabi.gif")

    assert "--output: must end in .png, .pdf, .svg" in said
    assert list(tmp_path.iterdir()) == []


def test_the_schema_goes_to_stdout_or_a_file(tmp_path: Path) -> None:
    place = tmp_path / "new" / "schema.json"

    assert json.loads(rqm("schema").stdout) == rq.schema()
    assert rqm("schema", "-o", place).exit_code == 0
    assert json.loads(place.read_text()) == rq.schema()


# Running


def test_the_record_of_a_run_is_that_of_the_library(store: Path) -> None:
    made = rq.run(rq.load("two_port_memristor"), shots=40, seed=7, parameters={"window": 3})

    assert rq.open_record(store).load().equals(made)


def test_inputs_rounds_and_emulator_are_handed_on(tmp_path: Path) -> None:
    place = tmp_path / "m.zarr"
    given = ["--input", "n_in=(k % 2) / 2", "--rounds", "6", "--exact", "--emulator", "ideal"]

    result = rqm("run", "two_port_memristor", *given, "-o", place)

    record = rq.open_record(place)
    assert result.exit_code == 0
    assert record.n_in.values.tolist() == [0, 0.5, 0, 0.5, 0, 0.5]
    assert (record.attrs["shots"], record.attrs["emulator"]) == ("exact", "ideal")


def test_a_run_says_its_size_its_file_and_its_time(tmp_path: Path) -> None:
    store = tmp_path / "m.zarr"

    said = rqm("run", "two_port_memristor", "--shots", "5", "--seed", "1", "-o", store).stdout

    assert re.search(r"^two_port_memristor: 5 shots, seed 1, emulator exact, \d+\.\d\d s$", said, re.MULTILINE)
    assert "dims: shot 5, round 48, clicks_atom 2" in said
    assert f"file: {store}" in said


def test_a_record_is_replaced_when_asked(tmp_path: Path) -> None:
    options: list[str | Path] = [
        "two_port_memristor",
        "--emulator",
        "ideal",
        "-o",
        tmp_path / "m.zarr",
        "--overwrite",
        "--shots",
    ]

    codes = [rqm("run", *options, shots).exit_code for shots in ("2", "3")]

    assert codes == [0, 0]
    assert rq.open_record(tmp_path / "m.zarr").sizes["shot"] == 3


def test_a_record_that_is_there_is_not_overwritten_unasked(store: Path) -> None:
    before = rq.open_record(store).attrs["created_at"]

    assert "holds another run, so it is not continued" in refused(
        "run", "two_port_memristor", "--shots", "2", "-o", store
    )
    assert rq.open_record(store).attrs["created_at"] == before


def test_a_plot_shows_input_against_the_last_atom_and_its_area(tmp_path: Path) -> None:
    place = tmp_path / "new" / "loop.png"

    said = rqm("run", "two_port_memristor", "--exact", "--emulator", "ideal", "--plot", place).stdout

    assert place.stat().st_size > 10_000
    assert "loop area: 0.294922 (clicks.s against n_in)" in said


def test_a_sampled_plot_gives_the_area_with_its_error(tmp_path: Path) -> None:
    options: list[str | Path] = [
        "--shots",
        "200",
        "--seed",
        "3",
        "--emulator",
        "ideal",
        "--plot",
        tmp_path / "loop.svg",
    ]

    said = rqm("run", "two_port_memristor", *options).stdout

    found = re.search(r"loop area: (\S+) ± (\S+) ", said)
    assert found is not None
    assert abs(float(found[1]) - 0.294922) < 5 * float(found[2]) < 0.1


def test_a_sweep_is_plotted_point_by_point_each_over_its_own_rounds(tmp_path: Path) -> None:
    sweep = ["--sweep", "window,period=3:12,3:24,9:24"]
    said = rqm(
        "run", "two_port_memristor", *sweep, "--exact", "--emulator", "ideal", "--plot", tmp_path / "l.png"
    ).stdout

    assert "dims: point 3, round 48, clicks_atom 2" in said
    for window, period in ((3, 12), (3, 24), (9, 24)):
        area = float(closed_forms.discrete_loop_area(period, window))
        assert f"loop area at window = {window}, period = {period}: {area:.6g} " in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--shots", "5", "--exact"], "--shots and --exact exclude each other"),
        (["--shots", "0"], "shots: must be at least 1"),
        (["--seed", "-1"], "seed: must be a whole number from 0 to 2**128 - 1 (-1)"),
        (["--workers", "0"], "workers: must be a whole number from 1 to 10000 (0)"),
        (["--emulator", "exakt"], "no emulator 'exakt'; did you mean 'exact'?"),
        (["--emulator-option", "gpu=true"], "emulator 'exact' has no option 'gpu'; it has none"),
        (
            ["--emulator", "emu_mps", "--emulator-option", "max_bond=8"],
            "emulator 'emu_mps' has no option 'max_bond'; did you mean 'max_bond_dim'?",
        ),
        (["--emulator", "emu_sv", "--emulator-option", "gpu=1"], "gpu: must be True or False"),
        (["--set", "window"], "--set: must be NAME=VALUE ('window')"),
        (["--set", "windw=3"], "has no parameter 'windw'; did you mean 'window'?"),
        (["--set", "window=3 +"], "--set window: is not an expression"),
        (["--set", "window=n"], "--set window: must be known before the run"),
        (["--set", "window=3", "--set", "window=4"], "--set: window is given twice"),
        (["--set", "window=3", "--sweep", "window=3,4"], "--sweep: window is set by --set too"),
        (["--sweep", "window=3,,4"], "--sweep window: must not be empty"),
        (["--sweep", "windw=3"], "no parameter 'windw'; did you mean 'window'?"),
        (["--input", "n_in=sin("], "--input n_in: is not an expression"),
        (["--input", "n_on=k"], "has no input 'n_on'; did you mean 'n_in'?"),
        (["--rounds", "0"], "must be a whole number from 1"),
        (["--plot", "m.gif"], "--plot: must end in .png, .pdf, .svg (m.gif)"),
        (["--plot", "m.png", "--drive", "n"], "--drive: must be a series of the record"),
        (["--plot", "m.png", "--response", "clicks"], "--response: must be a series of the record"),
        (["--plot", "m.png", "--sweep", "window=1,2,3,4,5,6,7,8,9"], "--plot: shows at most 8 points of a sweep (9)"),
    ],
)
def test_bad_options_are_refused_before_the_run(
    options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert message in refused("run", "two_port_memristor", *options)
    assert list(tmp_path.iterdir()) == []


def test_rounds_without_an_input_are_refused(coin: Path) -> None:
    assert "--rounds: program 'coin' has no input" in refused("run", coin, "--rounds", "3")


def test_a_plot_of_a_program_without_rounds_is_refused(coin: Path) -> None:
    assert "--plot: the program has no repeat" in refused("run", coin, "--plot", coin.with_suffix(".png"))


def test_a_plot_whose_axes_are_not_clear_asks_for_them(coin: Path) -> None:
    coin.write_text(GOOD + "  - repeat: {times: 4, body: [{measure: {atoms: q, key: n}}]}\n")

    said = refused("run", coin, "--plot", coin.with_suffix(".png"))

    assert "--plot: give --drive and --response; the record will hold n, time_us" in said


# Records


def test_info_says_what_a_record_holds(store: Path) -> None:
    said = rqm("info", store).stdout
    fingerprint = rq.load("two_port_memristor").fingerprint()

    for line in (
        r"title +two_port_memristor",
        rf"program +{fingerprint}",
        r"shots +40",
        r"seed +7",
        r"emulator +exact",
        r"parameters +period 24, window 3",
        r"versions +rydberg_qmem \S+, pulser \S+.*",
        r"  clicks +int8 +shot 40, round 48, clicks_atom 2 .*outcome of measuring a, s",
    ):
        assert re.search(f"^{line}$", said, re.MULTILINE), line


@pytest.mark.parametrize("command", [["info"], ["analyse", *LOOP]])
def test_a_missing_record_is_bad_input(command: list[str], tmp_path: Path) -> None:
    assert "no record there (no such folder)" in refused(*command, tmp_path / "none.zarr")


def test_analyse_gives_the_figures_of_the_library_as_json(store: Path) -> None:
    figures = rq.analysis.hysteresis(rq.open_record(store), drive="n_in", response="clicks.s", period=12)

    told = json.loads(rqm("analyse", store, *LOOP, "--period", "12", "--json").stdout)

    assert told["area"] == float(figures.area)
    assert told["area_error"] == float(figures.area_error) > 0
    assert told["direction"] == int(figures.direction)


def test_analyse_gives_a_table_with_errors(store: Path) -> None:
    said = rqm("analyse", store, *LOOP).stdout

    assert re.search(r"^area +0\.\d+ ± 0\.\d+ +enclosed area", said, re.MULTILINE)
    assert re.search(r"^direction +-1 ", said, re.MULTILINE)


def test_analyse_lists_the_points_of_a_sweep(tmp_path: Path) -> None:
    place = tmp_path / "s.zarr"
    rqm("run", "two_port_memristor", "--sweep", "window=3,9", "--exact", "--emulator", "ideal", "-o", place)

    told = json.loads(rqm("analyse", place, *LOOP, "--json").stdout)
    table = rqm("analyse", place, *LOOP).stdout

    assert told["window"] == [3, 9]
    assert told["area"] == pytest.approx([0.189705, 0.294922], abs=1e-6)
    assert table.index("window = 3:") < table.index("window = 9:")


def test_analyse_says_what_tells_the_errors_of_shots_that_share_their_feedback(tmp_path: Path) -> None:
    place = tmp_path / "shared.zarr"
    settings = ("--shots", "50", "--seed", "1", "--emulator", "ideal", "--set", "period=12", "--set", "window=3")
    loop = ("--drive", "n_in", "--response", "clicks.s", "--period", "12")
    rqm("run", "photonic_memristor", *settings, "-o", place)
    two = rqm("analyse", place, *loop)
    four = rqm("analyse", place, *loop[:-1], "6")  # the drive does not repeat itself in half its period
    rqm("run", "photonic_memristor", *settings, "--rounds", "48", "-o", tmp_path / "longer.zarr")
    told = rqm("analyse", tmp_path / "longer.zarr", *loop)

    for none in (two, four):
        assert re.search(r"^area +0\.\d+ ± \? ", none.stdout, re.MULTILINE)
        assert "one cohort tells none before three cycles of a periodic drive" in none.stderr
    assert re.search(r"^area +0\.\d+ ± 0\.\d+ ", told.stdout, re.MULTILINE)
    assert "the scatter of 3 settled cycles tells errors roughly" in told.stderr


def test_what_is_not_finite_is_null_in_json(tmp_path: Path) -> None:
    place = tmp_path / "one.zarr"
    rqm("run", "two_port_memristor", "--shots", "1", "--seed", "1", "--emulator", "ideal", "-o", place)

    told = json.loads(rqm("analyse", place, *LOOP, "--json").stdout)

    assert told["area"] > 0
    assert told["area_error"] is None


def test_an_unknown_variable_is_told_with_the_nearest_name(store: Path) -> None:
    assert "did you mean 'clicks'?" in refused("analyse", store, "--drive", "n_in", "--response", "click")


# Errors


@pytest.mark.parametrize("arguments", [("--debug", "show", "nothing"), ("show", "nothing", "--debug")])
def test_debug_shows_the_traceback_and_keeps_the_exit_code(arguments: tuple[str, ...]) -> None:
    result = rqm(*arguments)

    assert result.exit_code == 2
    assert "Traceback (most recent call last)" in result.stderr
    assert "InputError: nothing: no sequence of that name" in result.stderr


def test_an_unexpected_error_is_one_line_and_exit_code_1(coin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rydberg_qmem.verification.check", lambda *_, **__: 1 / 0)

    result = rqm("check", coin)

    assert result.exit_code == 1
    assert result.stderr == "internal error: ZeroDivisionError: division by zero; run with --debug\n"


def test_a_failed_run_is_exit_code_1(coin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "rydberg_qmem.verification._check.limits", lambda *_, **__: []
    )  # which would tell before the run
    coin.write_text(GOOD.replace("body:", "memory: {x: {initial: 0}}\nbody:").replace("angle: angle", "angle: 1 / x"))

    result = rqm("run", coin, "--shots", "3")

    assert result.exit_code == 1
    assert "body[0].rotate" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_interrupt_is_exit_code_130_and_leaves_no_record(tmp_path: Path) -> None:
    place = tmp_path / "new" / "m.zarr"
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "  # some shells ignore it
    options = ["two_port_memristor", "--rounds", "100000", "-o", str(place)]
    command = [sys.executable, "-c", listening + MAIN[-1], "run", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            while not place.parent.exists() and process.poll() is None:
                time.sleep(0.02)
            time.sleep(0.5)  # numpy's extension modules swallow an interrupt that comes while they are imported
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()

    assert (process.returncode, said) == (130, "interrupted\n")
    assert list(place.parent.iterdir()) == []


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    shown = subprocess.run([*MAIN, "schema"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)

    assert (shown.returncode, shown.stderr) == (0, "")


def test_gates_are_calibrated_for_a_device_and_a_distance_without_a_program() -> None:
    here = rqm("calibrate", "--device", "DigitalAnalogDevice", "--distance", "5")
    assert here.exit_code == 0, here.output

    fields = {line.split("  ")[0]: re.split(r"\s{2,}", line) for line in here.stdout.splitlines()}
    assert fields["gate"][1:] == ["ns", "process infidelity", "numbers"]
    assert fields["cz, time_optimal"][1] == "500"
    assert 0 <= float(fields["cz, time_optimal"][2]) < 1e-6 < float(fields["cz"][2]) < 2e-4
    assert "detuning/rabi" in fields["cz, levine"][3]
    assert "exchange by π/2, XY: not here: an exchange by 1.571" in here.stdout
    assert "cphase by π, analog: not here: the analog form needs" in here.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give a program, or --distance"),
        (["--device", "MockDevice"], "give a program, or --distance"),
        (["--distance", "5", "--set", "a=1"], "without --set"),
        (["rabi", "--distance", "5"], "for a call without a program"),
        (["rabi", "--device", "MockDevice"], "for a call without a program"),
        (["--distance", "nan"], "must be positive and finite"),
        (["--distance", "1"], "1 µm"),
        (["--distance", "5", "--device", "DigitalAnalogDevise"], "DigitalAnalogDevice"),
    ],
)
def test_calibrate_refuses_what_names_no_gates(arguments: list[str], said: str) -> None:
    assert said in refused("calibrate", *arguments)
