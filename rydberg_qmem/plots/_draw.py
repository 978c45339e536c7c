"""Draw a program or a register, whichever is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from rydberg_qmem import arguments
from rydberg_qmem.language.program import Program
from rydberg_qmem.language.registers import Register
from rydberg_qmem.plots._program import program as circuit
from rydberg_qmem.plots._pulses import pulses
from rydberg_qmem.plots._register import register

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(what: Program | Register, view: Literal["pulses", "circuit"] = "pulses", **options: Any) -> Axes:
    """Draw a program's pulses in laboratory time, its circuit, or a register, and return matplotlib's axes.

    Nothing is shown: notebooks show the figure, `ax.figure.savefig` keeps it.

    Args:
        what: The program, or the register.
        view: Of a program: "pulses" (default), or "circuit".
        options: Of `plots.pulses` (ax, width_in, parameters, inputs, rounds), `plots.program` (ax, parameters, rounds)
            or `plots.register` (ax, rabi, device, roles).

    Raises InputError for another view, or for something that is neither a program nor a register; ProgramError for a
    program that does not pass `check`, where it is drawn in laboratory time.

    >>> import rydberg_qmem as rq
    >>> ax = rq.draw(rq.load("rabi"), "circuit")
    >>> ax.get_xlabel()
    'program order, not to scale'
    """
    if isinstance(what, Register):
        return register(what, **options)
    if not isinstance(what, Program):
        raise arguments.refuse("what", "a program or a register", what)
    arguments.one_of("pulses", "circuit")("view", view)
    return (pulses if view == "pulses" else circuit)(what, **options)
