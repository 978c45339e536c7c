"""A program is one value: equal in YAML, JSON and Python, frozen, and marked by its fingerprint."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pulser
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import rydberg_qmem as rq
from rydberg_qmem.language.files import parse_yaml
from rydberg_qmem.language.library import folder, names
from tests.strategies import programs

VALID = jsonschema.Draft202012Validator(rq.schema())
SCHEMA = Path(rq.__file__).parent / "schema" / "program-v1.schema.json"
BODY = [{"rotate": {"atom": "s", "angle": "theta"}}, {"measure": {"atoms": ["s", "a"], "key": "m"}}]
FEW = settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def program(**more: Any) -> rq.Program:
    given = {"name": "p", "register": {"atoms": {"s": [0, 0], "a": [5, 0]}}, "parameters": {"theta": 1}, "body": BODY}
    return rq.Program(**{**given, **more})


# --- one value ---


@given(programs())
@FEW
def test_programs_are_the_same_in_yaml_json_and_python(drawn: rq.Program) -> None:
    for again in (
        rq.Program.from_yaml(drawn.to_yaml()),
        rq.Program.from_json(drawn.to_json()),
        rq.Program.from_json(drawn.to_json(indent=2)),
        rq.Program.from_dict(drawn.to_dict()),
        rq.Program.from_dict(json.loads(json.dumps(drawn.model_dump(mode="json", by_alias=True)))),
        pickle.loads(pickle.dumps(drawn)),
    ):
        assert again == drawn
        assert hash(again) == hash(drawn)
        assert again.fingerprint() == drawn.fingerprint()


@given(programs())
@FEW
def test_writing_twice_gives_the_same_text(drawn: rq.Program) -> None:
    assert rq.Program.from_yaml(drawn.to_yaml()).to_yaml() == drawn.to_yaml()
    assert rq.Program.from_json(drawn.to_json()).to_json() == drawn.to_json()


@given(programs(), programs())
@FEW
def test_programs_that_differ_have_different_fingerprints(one: rq.Program, two: rq.Program) -> None:
    assert (one == two) == (one.fingerprint() == two.fingerprint())


def test_blocks_may_be_objects_or_mappings() -> None:
    built = program(body=(rq.Rotate(atom="s", angle=rq.Expression("theta")), rq.Measure(atoms=("s", "a"), key="m")))

    assert built == program()
    assert built.fingerprint() == program().fingerprint()


def test_a_file_is_read_by_its_ending(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(program().to_yaml())
    (tmp_path / "p.json").write_text(program().to_json())

    assert rq.Program.from_file(tmp_path / "p.yaml") == rq.Program.from_file(tmp_path / "p.json") == program()


def test_whole_numbers_and_floats_of_one_value_are_one() -> None:
    one, two = (program(parameters={"theta": value}) for value in (1, 1.0))

    assert one == two
    assert one.fingerprint() == two.fingerprint()


def test_the_order_of_names_does_not_matter() -> None:
    one = program(parameters={"theta": 1, "b": 2}, memory={"x": {}, "y": {}})
    two = program(parameters={"b": 2, "theta": 1}, memory={"y": {}, "x": {}})

    assert one == two
    assert hash(one) == hash(two)
    assert one.fingerprint() == two.fingerprint()


def test_the_order_of_atoms_does() -> None:
    one, two = (
        program(register={"atoms": atoms}) for atoms in ({"s": [0, 0], "a": [5, 0]}, {"a": [5, 0], "s": [0, 0]})
    )

    assert one != two
    assert one.fingerprint() != two.fingerprint()


def test_the_order_of_blocks_does() -> None:
    assert program(body=BODY[::-1]).fingerprint() != program().fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "q"}, {"device": "MockDevice"}, {"parameters": {"theta": 1.0000001}}, {"about": "x"},
        {"register": {"atoms": {"s": [0, 0], "a": [5, 1e-9]}}}, {"memory": {"x": {}}}, {"tags": ["x"]},
        {"body": BODY[:1]},
    ],
)  # fmt: skip
def test_any_change_changes_the_fingerprint(change: dict[str, Any]) -> None:
    assert program(**change).fingerprint() != program().fingerprint()


def test_where_a_program_was_read_from_is_no_part_of_it() -> None:
    read = rq.Program.from_yaml(program().to_yaml(), file="p.yaml")

    assert read.source is not None
    assert program().source is None
    assert read == program()


def test_defaults_are_left_out_of_files() -> None:
    text = program().to_yaml()

    assert text.startswith("format: rydberg_qmem-program/1\nname: p\n")
    assert "protocol" not in text
    assert "memory" not in text


def test_the_format_may_be_left_out_but_must_not_be_another() -> None:
    data = program().to_dict()

    assert rq.Program.from_dict({k: v for k, v in data.items() if k != "format"}) == program()
    with pytest.raises(rq.ProgramError, match="format: must be 'rydberg_qmem-program/1'"):
        rq.Program.from_dict(data | {"format": "rydberg_qmem-program/2"})


# --- frozen ---


def test_a_program_cannot_change() -> None:
    made = program(memory={"w": {"window": 3}})

    with pytest.raises(ValidationError, match="frozen"):
        made.name = "q"  # type: ignore[misc]  # frozen is the test
    with pytest.raises(ValidationError, match="frozen"):
        made.body[0].atom = "a"  # type: ignore[misc,union-attr]  # frozen is the test
    with pytest.raises(ValidationError, match="frozen"):
        made.memory["w"].window = None  # type: ignore[misc]  # frozen is the test


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.parameters.update(theta=2),
        lambda p: p.parameters.pop("theta"),
        lambda p: p.parameters.clear(),
        lambda p: p.parameters.setdefault("x", 1),
        lambda p: p.parameters.__setitem__("theta", 2),
        lambda p: p.parameters.__delitem__("theta"),
        lambda p: p.parameters.__ior__({"theta": 2}),
        lambda p: p.parameters.popitem(),
        lambda p: p.register.atoms.update(s=(1, 1)),
        lambda p: p.register.positions.update(s=(1, 1)),
    ],
)
def test_its_mappings_cannot_change(change: Any) -> None:
    made = program()

    with pytest.raises(TypeError, match="a program is a value: change a copy of it"):
        change(made)
    assert made == program()


def test_it_can_be_a_key() -> None:
    assert {program(): 1}[program()] == 1
    assert len({program(), program(), program(name="q")}) == 2


def test_a_copy_may_differ() -> None:
    changed = program().model_copy(update={"name": "q"})

    assert changed == program(name="q")
    assert program().name == "p"


# --- what it is made from ---


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(rq.ProgramError, match=r"^boddy: is not known here; did you mean 'body'"):
        program(boddy=[])


@pytest.mark.parametrize("name", ["1p", "", "a b", "x" * 65, "é", "_p"])
def test_names_are_short_and_plain(name: str) -> None:
    with pytest.raises(rq.ProgramError, match="name: "):
        rq.Program.from_dict(program().to_dict() | {"name": name})


def test_a_device_of_pulsers_is_kept_by_name() -> None:
    assert program(device=pulser.MockDevice) == program(device="MockDevice")
    assert program(device=pulser.DigitalAnalogDevice) == program()


def test_a_device_of_ones_own_goes_into_the_file() -> None:
    own = pulser.devices.VirtualDevice(
        name="mine", dimensions=2, rydberg_level=60, channel_objects=(pulser.channels.Raman.Local(None, None),)
    )
    made = program(device=own)

    assert made.device_name == "mine"
    assert rq.Program.from_yaml(made.to_yaml()) == made
    assert rq.check(made) == []


def test_it_shows_itself_in_one_line() -> None:
    assert repr(program()) == f"Program('p', 2 atoms on DigitalAnalogDevice, {program().fingerprint()[:8]})"
    assert "1 atom on" in repr(program(register={"atoms": {"s": [0, 0]}}))


def found(plain: Any) -> list[str]:
    """Return what is wrong with a program's plain data."""
    try:
        return [str(problem) for problem in rq.check(rq.Program.from_dict(plain))]
    except rq.ProgramError as error:
        return [str(problem) for problem in error.problems] or [""]


@given(st.data())
@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_damaged_data_raise_nothing_but_the_own_error(data: Any) -> None:
    """Put something else in the place of a random part of a program's plain data."""
    plain = data.draw(programs()).to_dict()
    here: Any = plain
    while True:
        steps = list(here) if isinstance(here, dict) else list(range(len(here)))
        step = data.draw(st.sampled_from(steps))
        if not isinstance(here[step], dict | list) or not here[step] or data.draw(st.booleans()):
            break
        here = here[step]
    here[step] = data.draw(st.sampled_from([None, [], {}, "", "x", -1, 1e300, True, [[1]], {"pulse": 1}, "$a", "1 +"]))

    assert all(text for text in found(plain))


# --- the schema of files ---


def test_the_schema_file_is_that_of_the_models() -> None:
    text = SCHEMA.read_text(encoding="utf-8")

    assert json.loads(text) == rq.schema()
    assert text == json.dumps(json.loads(text), indent=2) + "\n"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(rq.schema())


@pytest.mark.parametrize("name", names())
def test_every_ready_sequence_keeps_to_the_schema(name: str) -> None:
    data, _ = parse_yaml((folder() / f"{name}.yaml").read_text(encoding="utf-8"), name)

    VALID.validate(data)
    VALID.validate(rq.load(name).to_dict())


@given(programs())
@FEW
def test_random_programs_keep_to_the_schema(drawn: rq.Program) -> None:
    VALID.validate(json.loads(drawn.to_json()))


@pytest.mark.parametrize(
    "change",
    [
        {"body": [{"rotat": {"atom": "s", "angle": 1}}]},
        {"body": [{"rotate": {"atom": "s", "angel": 1}}]},
        {"body": [{"measure": {"atoms": "s"}}]},
        {"boddy": []},
        {"parameters": {"theta": [1]}},
    ],
)
def test_the_schema_refuses_what_the_models_refuse(change: dict[str, Any]) -> None:
    data = program().to_dict() | change

    assert not VALID.is_valid(data)
    with pytest.raises(rq.ProgramError):
        rq.Program.from_dict(data)
