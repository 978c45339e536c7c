"""Examples that need an extra are looked at where it is installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("openqasm3") and find_spec("antlr4") else ["rydberg_qmem/interop/openqasm/_loading.py"]
