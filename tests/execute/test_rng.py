from __future__ import annotations

import numpy as np

from rydberg_qmem.engine.rng import COHORT, MEASURING, PROGRAM, Draws, Place, RowSource

HERE = Place(step=3, visit=7)
EVERY = np.arange(COHORT)


def drawn(seed: int = 5, point: int = 0, cohort: int = 0, stream: int = MEASURING, place: Place = HERE) -> float:
    return float(Draws(seed, point, (cohort,), COHORT).uniform(EVERY, stream, place)[0, 0])


def test_a_place_has_the_same_numbers_whoever_asks_and_whatever_was_drawn_before() -> None:
    draws = Draws(5, 0, (0,), COHORT)
    first = draws.uniform(EVERY, MEASURING, HERE)
    draws.uniform(EVERY, MEASURING, Place(4, 7), columns=3)

    np.testing.assert_array_equal(draws.uniform(EVERY, MEASURING, HERE), first)
    assert float(first[0, 0]) == drawn()


def test_every_seed_point_cohort_stream_step_and_visit_has_its_own_numbers() -> None:
    places = [Place(step, visit) for step in (0, 1) for visit in (0, 1)]
    numbers = {
        drawn(s, p, c, k, place) for s in (1, 2) for p in (0, 1) for c in (0, 1) for k in (MEASURING, PROGRAM)
        for place in places
    }  # fmt: skip

    assert len(numbers) == 64


def test_cohorts_drawn_together_have_the_numbers_of_cohorts_drawn_apart() -> None:
    together = Draws(5, 0, (2, 3), COHORT).uniform(np.arange(2 * COHORT), MEASURING, HERE)
    apart = [Draws(5, 0, (cohort,), COHORT).uniform(EVERY, MEASURING, HERE) for cohort in (2, 3)]

    np.testing.assert_array_equal(together, np.concatenate(apart))


def test_a_shot_has_the_same_number_whichever_shots_are_asked_for() -> None:
    every = Draws(5, 0, (0,), COHORT).normal(EVERY, PROGRAM, HERE)
    some = Draws(5, 0, (0,), COHORT).normal(np.array([4, 17]), PROGRAM, HERE)

    np.testing.assert_array_equal(some, every[[4, 17]])


def test_drawing_reads_and_changes_no_global_state() -> None:
    np.random.seed(1)  # noqa: NPY002  # the global state is what must not change
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002

    drawn()

    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002


def test_two_numbers_of_one_expression_are_two() -> None:
    draws = Draws(seed=1, point=0, cohorts=(0,), size=1000)
    source = RowSource(draws, np.arange(1000), Place(3, 2))

    apart = source.uniform() - source.uniform()

    assert abs(np.mean(apart**2) - 1 / 6) < 5 * np.sqrt(7 / 180 / 1000)
