# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Measurement, reset, feedforward
#
# Tutorial 1 used a measurement, a reset and a branch in the middle of a program. This page says what each of them
# does to the *state*, and shows the traps:
#
# 1. why you cannot get there by **chaining Pulser runs** (it looks easy, and it loses pulse area),
# 2. what a **measurement** does to an atom that is entangled with another,
# 3. why a **reset** is neither a measurement nor a post-selection,
# 4. **feedforward**: teleportation, with and without its corrections,
# 5. feedback from a **single shot** and from an **ensemble** of shots: two different machines.
#
# Exercises with answers follow.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np

# %% [markdown]
# ## 1. The trap: chaining plain Pulser runs
#
# A Pulser sequence ends with its measurement, and it knows no reset:
# %%
import pulser
from pulser.backend import StateResult
from pulser_simulation import QutipBackendV2, QutipConfig

import rydberg_qmem as rq
from rydberg_qmem.analysis import entanglement

omega = 2 * np.pi  # rad/µs: one full turn per microsecond


def plain_block(duration_ns: int) -> pulser.Sequence:
    sequence = pulser.Sequence(pulser.Register({"q": (0, 0)}), pulser.MockDevice)
    sequence.declare_channel("light", "rydberg_global")
    sequence.add(pulser.Pulse.ConstantPulse(duration_ns, omega, 0, 0), "light")
    return sequence


measured = plain_block(100)
measured.measure("ground-rydberg")
try:
    measured.add(pulser.Pulse.ConstantPulse(100, omega, 0, 0), "light")
except RuntimeError as error:
    print("pulse after a measurement:", error)
print("reset:", "there is one" if hasattr(measured, "reset") else "no such method")

# %% [markdown]
# So one cuts the program into blocks, runs each, and hands the final state to the next. Between the runs one could
# measure by hand. Let us do it *without* measuring anything: 50 blocks of 100 ns at a constant amplitude are the same
# as one pulse of 5 µs. The probability of $r$ must be $\sin^2(\Omega t/2)$.


# %%
def chained(blocks: int, duration_ns: int) -> np.ndarray:
    """Return the amplitudes (block, level r g) after each block of a chain of plain Pulser runs."""
    states, last = [], {}
    for _ in range(blocks):
        config = QutipConfig(observables=[StateResult()], **last)
        final = QutipBackendV2(plain_block(duration_ns), config=config).run().final_state
        last = {"initial_state": final}
        states.append(final.to_qobj().full().ravel())
    return np.array(states)


blocks, block_ns = 50, 100
plain = chained(blocks, block_ns)
once = chained(1, blocks * block_ns)

# %% [markdown]
# And the same in this package. Every measurement cuts a program into segments. So here a far second atom is measured
# after each block: nothing happens to `q`, but there is a cut.

# %%
cut = rq.Program.from_yaml("""
format: rydberg_qmem-program/1
name: fifty_blocks
device: MockDevice
register: {atoms: {q: [0, 0], far: [1000, 0]}}
parameters: {omega: 2 * pi, blocks: 50, duration_ns: 100}
body:
  - repeat:
      times: blocks
      body:
        - pulse: {channel: rydberg_local, atoms: q, amplitude: {constant: {duration_ns: duration_ns, value: omega}}}
        - measure: {atoms: far, key: cut}
        - probe: {atoms: q, occupation: true, key: r}
""")
ours = rq.run(cut, shots=None)
ax = rq.plots.program(cut)

# %%
times = block_ns * np.arange(1, blocks + 1) / 1000  # µs
law = np.sin(omega * times / 2) ** 2
turned = np.unwrap(2 * np.angle(plain[:, 1].real + 1j * np.abs(plain[:, 0]) * np.sign(-plain[:, 0].imag)))
lost_ns = 1000 * (times - turned / omega)
per_block = lost_ns[-1] / blocks

with rq.plots.paper(7.0, 2.4):
    figure, (left, right) = plt.subplots(1, 2)
    left.plot(times, np.abs(plain[:, 0]) ** 2 - law, "o", label="plain Pulser runs, chained")
    left.plot(times, ours.r.values.ravel() - law, "s", ms=2.5, label="rydberg_qmem, 50 segments")
    left.axhline(0, color="black", lw=0.9, ls="--", zorder=0)
    left.set(xlabel="time (µs)", ylabel=r"$P_r - \sin^2(\Omega t/2)$", ylim=(-0.06, 0.11))
    left.legend(loc="upper left")
    right.plot(np.arange(1, blocks + 1), lost_ns, "o", label="plain Pulser runs, chained")
    right.plot(
        [0, blocks], [0, per_block * blocks], color="black", lw=0.9, ls="--", label=f"{per_block:.2f} ns per block"
    )
    right.set(xlabel="blocks", ylabel="lost pulse length (ns)")
    right.legend(loc="upper left")

print(f"plain, chained:        P_r off by up to {np.abs(np.abs(plain[:, 0]) ** 2 - law).max():.3f}")
print(f"plain, one 5 µs pulse: P_r off by {abs(np.abs(once[0, 0]) ** 2 - law[-1]):.1e} at its end")
print(f"this package:          P_r off by up to {np.abs(ours.r.values.ravel() - law).max():.1e}")

# %% [markdown]
# Every block lost the same bit of pulse. Where does it go? Pulser gives one sample per nanosecond and adds a zero at
# the end. Its QuTiP backend puts a *cubic spline* through them. The spline must fall to zero within the last
# nanosecond, and swings over before it does. Its area is a closed form of the samples:

# %%
from scipy.interpolate import CubicSpline

samples = np.r_[np.full(block_ns, omega), 0.0]
spline = CubicSpline(np.arange(block_ns + 1), samples)
fine = np.linspace(block_ns - 8, block_ns, 400)

with rq.plots.paper():
    figure, ax = plt.subplots()
    held = np.r_[samples[-9:-1], samples[-2]]
    ax.step(np.arange(block_ns - 8, block_ns + 1), held, where="post", color="0.5", label="what was asked for")
    ax.plot(fine, spline(fine), label="what is integrated")
    ax.plot(np.arange(block_ns - 8, block_ns + 1), samples[-9:], "o", color="black", label="samples and zero")
    ax.fill_between(fine, spline(fine), omega, color="C1", alpha=0.3, lw=0)
    ax.set(xlabel="time in the block (ns)", ylabel=r"$\Omega$ (rad/µs)", ylim=(0, 8.8))
    ax.legend(loc="lower left")

print(f"the spline's area is short by {block_ns - spline.integrate(0, block_ns) / omega:.4f} ns")
print(f"the chained runs lost         {per_block:.4f} ns per block")

# %% [markdown]
# In a single long sequence that hardly matters. In a program that is cut a hundred times it does: the error grows
# with every cut, and it looks like physics. (It is known to Pulser: issue 153 of `pasqal-io/Pulser`.) Pulses that
# begin and end at zero, such as `blackman`, do not suffer. This package integrates the samples as what they are,
# piecewise constant, with `emulator="exact"`. And with `emulator="qutip"`, which runs Pulser's own backend as an
# independent check, it surrounds every segment with dark time and takes the dark time out again.
#
# ## 2. Measuring one half of a pair
#
# Two atoms in the Bell state $(|gg\rangle+|hh\rangle)/\sqrt2$. Measure `a` alone. `b` has not been touched, but it is
# no longer the same. A `probe` shows the Bloch vector of `b`; it is the mean over all shots, so split it by what was
# measured: `when` lets a block run in some shots only.

# %%
PAIR = """
format: rydberg_qmem-program/1
name: bell_pair
register: {atoms: {a: [0, 0], b: [5, 0]}}
body:
  - rotate: {atom: a, angle: pi / 2}
  - cnot: {control: a, target: b}
"""
PROBE = "{probe: {atoms: b, pauli: [X, Y, Z], purity: true, key: b}}"


def pair(*blocks: str) -> rq.Program:
    return rq.Program.from_yaml(PAIR + "".join(f"  - {block}\n" for block in blocks))


def bloch(program: rq.Program) -> np.ndarray:
    return rq.run(program, shots=None, emulator="ideal").b_pauli.values.ravel()


MEASURE = "{measure: {atoms: a, key: m}}"
cases = {
    "nothing done": bloch(pair(PROBE)),
    "a measured, outcomes not looked at": bloch(pair(MEASURE, PROBE)),
    "a measured, shots with 0": bloch(pair(MEASURE, f"{{when: {{if: m == 0, then: [{PROBE}]}}}}")),
    "a measured, shots with 1": bloch(pair(MEASURE, f"{{when: {{if: m == 1, then: [{PROBE}]}}}}")),
    "a reset": bloch(pair("{reset: {atoms: a}}", PROBE)),
}
for name, vector in cases.items():
    x, y, z = vector.round(6) + 0.0
    print(f"b, {name + ':':36} <X> {x:+.3f}  <Y> {y:+.3f}  <Z> {z:+.3f}  length {np.linalg.norm(vector):.3f}")

# %% [markdown]
# The first two lines and the last are equal. They must be: what happens to `a` alone cannot be seen at `b`, by
# whatever means. Knowing the *outcome* makes the difference, and the outcome has to be sent.
#
# ## 3. A reset is a true reset
#
# `reset` traces the atom out and puts a fresh $g$ in its place. It does not measure, and it keeps all shots. There
# are two ways to get this wrong:
#
# - *post-selection*: keep the shots where `a` was found in $g$. Then `b` is found in $g$ always.
# - *resetting the label only*: `a` is said to be in $g$, the pair stays entangled.

# %%
both = "{probe: {atoms: [a, b], density_matrix: true, key: rho}}"
reset = rq.run(pair("{reset: {atoms: a}}", both), shots=None, emulator="ideal")
selected = rq.run(pair(MEASURE, f"{{when: {{if: m == 0, then: [{both}]}}}}"), shots=None, emulator="ideal")
untouched = rq.run(pair(both), shots=None, emulator="ideal")


labels = ["gg", "gh", "hg", "hh"]
with rq.plots.paper(7.0, 2.3):
    figure, axes = plt.subplots(1, 3)
    named = {"the pair": untouched, "after reset of a": reset, "post-selected on a in g": selected}
    for ax, (name, record) in zip(axes, named.items(), strict=True):
        rho = record.qmem.density_matrix("rho").real
        image = ax.imshow(rho, cmap="Blues", vmin=0, vmax=1)
        for (row, column), value in np.ndenumerate(rho):
            if abs(value) > 1e-9:
                ink = "white" if value > 0.6 else "black"
                ax.text(column, row, f"{value:.2g}", ha="center", va="center", color=ink)
        ax.set(xticks=range(4), yticks=range(4), xticklabels=labels, yticklabels=labels, title=name)
    figure.colorbar(image, ax=axes, label=r"$\mathrm{Re}\,\rho$ (atoms a, b)", shrink=0.9)

for name, record in named.items():
    rho = record.qmem.density_matrix("rho")
    print(f"{name + ':':26} purity {entanglement.purity(rho):.3f}, concurrence {entanglement.concurrence(rho):.3f}")

# %% [markdown]
# After the reset: `a` in $g$, `b` maximally mixed (half $g$, half $h$, purity 1/2), and nothing shared. That is
# the closed form $|g\rangle\langle g|\otimes 1/2$:

# %%
reset_rho = reset.qmem.density_matrix("rho")
expected = np.kron(np.diag([1, 0]), np.eye(2) / 2)
print(f"largest distance from |g><g| x 1/2: {np.abs(reset_rho - expected).max():.0e}")
record = rq.run(pair("{reset: {atoms: a}}", "{measure: {atoms: [a, b], key: m}}"), shots=4000, seed=1, emulator="ideal")
ones = record.m.mean("shot")
error = np.sqrt(0.25 / record.sizes["shot"])
print(f"with shots: a is 1 in {ones.sel(m_atom='a').item():.0%}, b in {ones.sel(m_atom='b').item():.3f} ± {error:.3f}")

# %% [markdown]
# ## 4. Feedforward: teleportation
#
# The outcome has to be sent, and acted on. Teleportation is the shortest program that fails without that: measure
# Alice's two atoms, send two bits, correct Bob's atom.

# %%
teleportation = rq.load("teleportation")
ax = rq.plots.program(teleportation)

# %% [markdown]
# The control beside it: the same program without the two `when` blocks. A program is a value, so the control is made
# from it by leaving them out. Bob's atom must then be maximally mixed: fidelity 1/2, whatever was sent.

# %%
uncorrected = rq.map_blocks(teleportation, lambda block: () if isinstance(block, rq.When) else block)
thetas = np.linspace(0, np.pi, 13)
PHI = 0.4


def fidelity(program: rq.Program, **options) -> np.ndarray:
    """Return <psi| rho |psi> of Bob's atom with the state that was to be sent."""
    record = rq.run(program, parameters={"phi": PHI}, sweep={"theta": thetas}, shots=None, **options)
    psi = np.stack([np.cos(thetas / 2), np.sin(thetas / 2) * np.exp(1j * PHI)], axis=-1)
    return np.einsum("pi,pij,pj->p", psi.conj(), record.qmem.density_matrix("rho"), psi).real


corrected, control = (fidelity(program, emulator="ideal") for program in (teleportation, uncorrected))
by_pulses = fidelity(teleportation)
with rq.plots.paper():
    figure, ax = plt.subplots()
    ax.plot(thetas / np.pi, corrected, "o", mfc="none", ms=6, label="corrected, ideal gates")
    ax.plot(thetas / np.pi, by_pulses, ".", label="corrected, pulse by pulse")
    ax.plot(thetas / np.pi, control, "s", label="without the corrections")
    ax.axhline(2 / 3, color="black", lw=0.9, ls="--")
    ax.text(1, 0.675, "best without entanglement: 2/3 on average", ha="right", va="bottom", fontsize=7)
    ax.set(xlabel=r"angle of the state sent, $\theta/\pi$", ylabel="fidelity", ylim=(0.4, 1.05))
    ax.legend(loc="center left", bbox_to_anchor=(0, 0.72))

print(f"corrected, ideal gates: fidelity 1 to {np.abs(corrected - 1).max():.0e}")
print(f"corrected, pulse by pulse: fidelity {by_pulses.min():.5f} to {by_pulses.max():.5f}")
print(f"not corrected: 1/2 to {np.abs(control - 0.5).max():.0e}")

# %% [markdown]
# What is not exact pulse by pulse are the CZ gates: finite blockade, by default 1e-4 of average infidelity each. (The
# bound 2/3 holds for the mean over all states; it is the textbook value for measure-and-prepare.)
#
# A bit must be measured before it is used. That is checked before anything runs:

# %%
try:
    rq.run(pair("{when: {if: m == 1, then: [{rotate: {atom: b, angle: pi}}]}}", MEASURE), shots=10)
except rq.ProgramError as error:
    print(error)

# %% [markdown]
# ## 5. One shot, or the mean of many?
#
# Feedback can use the bit of *this* shot, or, as in the photonic memristor experiment, the mean over many runs of the
# same round. `ensemble_mean` is the latter: all shots of a cohort (1000) run a round together. The two are different
# machines as soon as something behind them is not linear.
#
# Here an atom clicks with probability $p$. Then another rotation follows, by $\pi$ times what was seen. A rotation by
# $\varphi$ excites with $\sin^2(\varphi/2)$, so the chances are
# $$ P_\mathrm{single} = p\,\sin^2(\pi/2) = p, \qquad P_\mathrm{ensemble} = \sin^2(\pi p/2). $$

# %%
FEEDBACK = """
format: rydberg_qmem-program/1
name: one_or_many
register: {atoms: {q: [0, 0]}}
parameters: {p: 0.25}
memory: {seen: {initial: 0}}
body:
  - rotate: {atom: q, angle: 2 * asin(sqrt(p))}
  - measure: {atoms: q, key: click}
  - reset: {atoms: q}
  - set: {seen: click}
  - rotate: {atom: q, angle: pi * seen}
  - measure: {atoms: q, key: out}
"""
single = rq.Program.from_yaml(FEEDBACK)
ensemble = rq.Program.from_yaml(FEEDBACK.replace("seen: click}", "seen: ensemble_mean(click)}"))
p = np.linspace(0, 1, 11)
dense = np.linspace(0, 1, 200)
cohorts, size = 4, 1000

with rq.plots.paper(7.0, 2.5):
    figure, (left, right) = plt.subplots(1, 2)
    for program, name, curve, marker in (
        (single, "single shot", lambda p: p, "o"),
        (ensemble, "ensemble", lambda p: np.sin(np.pi * p / 2) ** 2, "s"),
    ):
        exact = rq.run(program, sweep={"p": p}, shots=None, emulator="ideal")
        shots = rq.run(program, shots=cohorts * size, seed=2, emulator="ideal")
        [line] = left.plot(dense, curve(dense), lw=0.9)
        left.plot(p, exact.out, marker, color=line.get_color(), label=name)
        right.plot(shots.seen_final if "seen_final" in shots else shots.seen, ".", ms=2, label=name)
        print(f"{name + ':':12} largest distance from its law {np.abs(exact.out - curve(p)).max().item():.0e}")
    left.set(xlabel="chance of a click, $p$", ylabel="chance of 1 in out")
    left.legend()
    right.set(xlabel="shot", ylabel="what the memory holds", ylim=(-0.05, 1.05))
    right.legend(loc="center right", markerscale=4)

# %% [markdown]
# On the right: in single-shot mode the memory of a shot is 0 or 1. In ensemble mode all shots of a cohort hold the
# same number, close to $p$, and each cohort its own: the scatter from cohort to cohort is shot noise,
# $\sqrt{p(1-p)/1000}$. With `shots=None` the mean is the exact one.
#
# Which one is meant matters for what a result says. An ensemble needs all its copies at the same time, or the
# experiment repeated for every round. A single shot is a *device*: it remembers what it has seen itself.
#
# ## Exercises
#
# **1.** Give the chained plain blocks of step 1 a dark nanosecond at each end (`sequence.delay(1, "light")`), ten
# blocks are enough. Does that mend the loss?
#
# **2.** Build a reset from a measurement and a `when` (*active reset*), and use it on half of the Bell pair. Where
# does it differ from `reset`?
#
# **3.** Measure an atom in $(|g\rangle+|h\rangle)/\sqrt2$ more and more weakly (`weak_measure`, strength $\epsilon$)
# and do not look at the outcome. What is left of $\langle X\rangle$?
#
# ### Answer 1


# %%
def padded_block(duration_ns: int, dark_ns: int) -> pulser.Sequence:
    sequence = pulser.Sequence(pulser.Register({"q": (0, 0)}), pulser.MockDevice)
    sequence.declare_channel("light", "rydberg_global")
    sequence.delay(dark_ns, "light")
    sequence.add(pulser.Pulse.ConstantPulse(duration_ns, omega, 0, 0), "light")
    sequence.delay(dark_ns, "light")
    return sequence


last = {}
for _ in range(10):
    config = QutipConfig(observables=[StateResult()], **last)
    final = QutipBackendV2(padded_block(block_ns, 1), config=config).run().final_state
    last = {"initial_state": final}
r, g = final.to_qobj().full().ravel()
padded_loss = abs(10 * block_ns - 1000 * (2 * np.pi - 2 * np.arctan2(abs(r), abs(g))) / omega) / 10
print(f"lost per block: {per_block:.3f} ns without dark time, {padded_loss:.4f} ns with 1 ns at each end")

# %% [markdown]
# Nearly, not quite: the spline now loses at one edge what it gains at the other, as the dark nanosecond is as short
# as the spline's swing. A real device allows no pulse or delay that short, and during dark time interactions and
# detunings go on.
#
# ### Answer 2

# %%
flip = "{when: {if: m == 1, then: [{rotate: {atom: a, axis: x, angle: pi}}]}}"
active = bloch(pair(MEASURE, flip, PROBE))
seen = bloch(pair(MEASURE, flip, f"{{when: {{if: m == 0, then: [{PROBE}]}}}}"))
lengths = np.linalg.norm(active), np.linalg.norm(seen)
print(f"b after active reset of a: length {lengths[0]:.3f} on average, {lengths[1]:.3f} where m is 0")
checked = rq.run(pair(MEASURE, flip, "{measure: {atoms: a, key: again}}"), shots=1000, seed=3, emulator="ideal")
print(f"a is 1 after it in {checked.again.sum().item()} of {checked.sizes['shot']} shots")

# %% [markdown]
# On average they agree. But an active reset leaves a record: whoever reads `m` knows the state of `b`. And it is only
# as good as the reading; a misread atom stays in $h$.
#
# ### Answer 3

# %%
strength = np.linspace(0, 1, 11)
about = {"angle": np.pi / 2}
weak = rq.run("weak_measurement", parameters=about, sweep={"strength": strength}, shots=None, emulator="ideal")
left_over = weak.bloch.sel(bloch_axis="X").values.ravel()

with rq.plots.paper():
    figure, ax = plt.subplots()
    fine = np.linspace(0, 1, 200)
    ax.plot(fine, np.sqrt(1 - fine**2), color="black", lw=0.9, ls="--", label=r"$\sqrt{1-\epsilon^2}$")
    ax.plot(strength, left_over, "o", label="program")
    ax.set(xlabel=r"strength $\epsilon$", ylabel=r"$\langle X\rangle$ left")
    ax.legend()
print(f"largest distance from the law: {np.abs(left_over - np.sqrt(1 - strength**2)).max():.0e}")

# %% [markdown]
# What one learns is paid for in coherence, whether or not one looks. [Tutorial
# 4](04_what_a_quantum_memristor_is.ipynb) makes a memory of it.
