import pytest
import xarray as xr

from rydberg_qmem import plots
from rydberg_qmem.errors import InputError

COMPARED = xr.Dataset(
    {"mse": (("model", "task"), [[1e-3, 3e-3], [1e-2, 2e-2]], {"long_name": "mean squared error"})},
    {"model": ["memristor", "feedback frozen"]},
    {"title": "narma"},
)


def test_each_model_stands_at_its_mean() -> None:
    ax = plots.comparison(COMPARED, measure="mse")

    marks = [line for line in ax.get_lines() if line.get_marker() in ("s", "o")]
    assert [float(line.get_xdata()[0]) for line in marks] == pytest.approx([2e-3, 1.5e-2])  # type: ignore[arg-type,index]  # arrays
    assert [label.get_text() for label in ax.get_yticklabels()] == ["memristor", "feedback frozen"]
    assert (ax.get_xlabel(), ax.get_title(), ax.get_xscale()) == ("mean squared error", "narma", "log")


def test_a_dataset_without_the_measure_is_refused() -> None:
    with pytest.raises(InputError, match="compared must hold 'nmse' along model and task"):
        plots.comparison(COMPARED)
