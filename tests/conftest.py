"""Hypothesis without clocks or chance: the same examples on every machine, however slow; BLAS with one thread."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Let BLAS use one thread: the reference's matrices are small, and threads wait longer than they work."""
    import numpy  # noqa: F401  # so that its BLAS is there to be told
    import scipy.linalg  # noqa: F401  # and SciPy's own

    with threadpool_limits(1, user_api="blas"):
        yield
