"""From a record to numbers: xarray Datasets in, xarray Datasets out, with errors; no emulator needed.

Importing it registers the accessor `record.qmem`.
"""

from rydberg_qmem.analysis import closed_forms, entanglement, geometry, mitigation
from rydberg_qmem.analysis.accessor import program_json as program_json
from rydberg_qmem.analysis.accessor import register as register
from rydberg_qmem.analysis.accessor import unstack
from rydberg_qmem.analysis.expectation import expectation, group
from rydberg_qmem.analysis.fingerprints import fingerprints
from rydberg_qmem.analysis.hysteresis import hysteresis, loop
from rydberg_qmem.analysis.memristivity import memristivity
from rydberg_qmem.analysis.outcome_mean import outcome_mean
from rydberg_qmem.analysis.probed_states import density_matrix
from rydberg_qmem.analysis.retention import memory_time, mutual_information
from rydberg_qmem.analysis.standard_error import standard_error
from rydberg_qmem.analysis.tomography import tomography

__all__ = [
    "closed_forms",
    "density_matrix",
    "expectation",
    "group",
    "entanglement",
    "fingerprints",
    "geometry",
    "hysteresis",
    "loop",
    "memory_time",
    "memristivity",
    "mitigation",
    "mutual_information",
    "outcome_mean",
    "standard_error",
    "tomography",
    "unstack",
]

register()
