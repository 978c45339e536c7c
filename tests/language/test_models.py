"""Models: short signatures, docstrings that say every field, errors told all at once, no deprecated names."""

from __future__ import annotations

import inspect

import pytest

import rydberg_qmem as rq
from rydberg_qmem.language.blocks import KINDS
from rydberg_qmem.language.models import Model
from rydberg_qmem.language.problems import MODELS

PUBLIC = sorted(name for name in MODELS if not name.startswith("_") and name not in ("Model", "Tagged"))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_field_of_a_model_is_said_in_its_docstring(name: str) -> None:
    model = MODELS[name]
    section = (inspect.getdoc(model) or "").partition("Args:")[2]

    assert all(f"    {field}: " in section for field in model.model_fields)
    assert all(info.description for info in model.model_fields.values())


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_signature_of_a_block_fits_a_screen(kind: str) -> None:
    signature = inspect.signature(KINDS[kind])

    assert len(str(signature)) < 240
    assert list(signature.parameters) == list(KINDS[kind].model_fields)


def test_a_signature_shows_defaults() -> None:
    assert str(inspect.signature(rq.Repeat)) == "(*, times=None, over=None, body, counter='k', name=None)"


def test_tab_offers_no_deprecated_method_of_pydantic() -> None:
    program = rq.load("rabi")

    assert not {"dict", "json", "copy", "parse_obj", "schema", "construct", "validate"} & set(dir(program))
    assert {"with_", "to_yaml", "draw", "body"} <= set(dir(program))


def test_a_constructor_tells_the_problems_of_all_parts_at_once() -> None:
    """pydantic must go on to build parts without the call that reports: this fails when its way of doing so changes."""
    with pytest.raises(rq.ProgramError) as told:
        rq.Repeat(times="(", body=[{"measure": {"atoms": [], "key": "m"}}, {"rotate": {"atom": "q", "angle": "1 +"}}])

    places = {problem.place for problem in told.value.problems}
    assert {"repeat.times", "repeat.body[0].measure.atoms", "repeat.body[1].rotate.angle"} <= places


def test_a_model_is_known_by_its_name_from_when_it_is_defined() -> None:
    class Spare(Model):
        """A model of a test."""

    assert MODELS.pop("Spare") is Spare
