"""A stored record as xarray sees it: each array read when it is asked for, and told if it is damaged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from rydberg_qmem.store import chunks
from rydberg_qmem.store.metadata import ArrayMeta

if TYPE_CHECKING:
    import xarray as xr

HIDDEN = ("coordinates", "_FillValue", "sealed")
"""Attributes that say how an array is stored, not what it is."""


class StoredArray(BackendArray):
    """An array in a folder."""

    def __init__(self, folder: Path, meta: ArrayMeta) -> None:
        self.folder, self.meta = folder, meta
        self.shape, self.dtype = meta.shape, meta.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Return a part; StoreError, with the path, if it is damaged."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._part)

    def _part(self, key: tuple[Any, ...]) -> Any:
        box: list[slice] = []
        after: list[int | slice] = []
        for wanted, size in zip(key, self.shape, strict=True):
            if isinstance(wanted, slice):
                steps = range(size)[wanted]
                low, high = (min(steps[0], steps[-1]), max(steps[0], steps[-1]) + 1) if len(steps) else (0, 0)
                box.append(slice(low, high))
                after.append(slice(None, None, steps.step))
            else:
                place = int(wanted) % size
                box.append(slice(place, place + 1))
                after.append(0)
        return chunks.read(self.folder, self.meta, tuple(box))[tuple(after)]


class RecordEntrypoint(BackendEntrypoint):
    """How xarray opens a record whose metadata are checked already."""

    description = "Records of rydberg_qmem"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "arrays", "attrs")

    def open_dataset(  # type: ignore[override]  # a backend names what it takes
        self,
        filename_or_obj: Any,
        *,
        drop_variables: Any = None,
        arrays: Mapping[str, ArrayMeta],
        attrs: Mapping[str, Any],
    ) -> xr.Dataset:
        """Return the record that lies in a folder, its arrays not read."""
        import xarray as xr

        made = {name: _variable(Path(filename_or_obj) / name, meta) for name, meta in arrays.items()}
        told = " ".join(str(one.get("coordinates", "")) for one in (attrs, *(m.attrs for m in arrays.values())))
        known = {name for name, meta in arrays.items() if meta.dims == (name,)} | (set(told.split()) & set(made))
        data = {name: variable for name, variable in made.items() if name not in known}
        kept = {name: value for name, value in attrs.items() if name not in HIDDEN}
        return xr.Dataset(data, {name: made[name] for name in known}, kept)


def _variable(folder: Path, meta: ArrayMeta) -> xr.Variable:
    import xarray as xr

    attrs = {name: value for name, value in meta.attrs.items() if name not in HIDDEN}
    return xr.Variable(meta.dims, indexing.LazilyIndexedArray(StoredArray(folder, meta)), attrs)
