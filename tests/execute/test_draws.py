from __future__ import annotations

import numpy as np

from rydberg_qmem.execute.draws import COHORT, MEASURING, PROGRAM, Draws, generator


def first(*place: int) -> float:
    return float(generator(*place).random())


def test_a_stream_is_the_same_whoever_asks_for_it() -> None:
    assert first(7, 0, 3, MEASURING) == first(7, 0, 3, MEASURING)


def test_every_seed_point_cohort_and_stream_has_its_own_numbers() -> None:
    places = [(s, p, c, k) for s in (1, 2) for p in (0, 1) for c in (0, 1) for k in (MEASURING, PROGRAM)]

    assert len({first(*place) for place in places}) == len(places)


def test_cohorts_drawn_together_have_the_numbers_of_cohorts_drawn_apart() -> None:
    together = Draws(5, 0, (2, 3), COHORT).uniform(np.arange(2 * COHORT), MEASURING)
    apart = [Draws(5, 0, (cohort,), COHORT).uniform(np.arange(COHORT), MEASURING) for cohort in (2, 3)]

    np.testing.assert_array_equal(together, np.concatenate(apart))


def test_a_shot_has_the_same_number_whichever_shots_are_asked_for() -> None:
    every = Draws(5, 0, (0,), COHORT).normal(np.arange(COHORT), PROGRAM)
    some = Draws(5, 0, (0,), COHORT).normal(np.array([4, 17]), PROGRAM)

    np.testing.assert_array_equal(some, every[[4, 17]])


def test_drawing_reads_and_changes_no_global_state() -> None:
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002

    Draws(5, 0, (0,), COHORT).uniform(np.arange(10), MEASURING)

    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002
