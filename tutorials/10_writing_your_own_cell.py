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
# # Writing your own cell, and contributing it
#
# A *cell* is a function that returns blocks. That is all. This page writes a new one, from the idea to what a pull
# request must hold:
#
# 1. the **idea**, and its closed form first,
# 2. the cell as **functions that return blocks**,
# 3. its **test** against the closed form, and a mutant that the test must catch,
# 4. the **loop**, its law, and its fingerprints,
# 5. **many** cells of the new kind in one program,
# 6. the cell by **pulses**, and from single shots,
# 7. its **YAML**, and how to **contribute** it.
#
# Exercises with answers follow.

# %%
# %matplotlib inline
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import rydberg_qmem as rq
from rydberg_qmem.analysis import fingerprints, hysteresis
from rydberg_qmem.language.blocks import AnyBlock, Exchange

# %% [markdown]
# ## 1. The idea, and its law
#
# [Tutorial 4](04_what_a_quantum_memristor_is.ipynb) found that the photonic-type memristor has loops that close at
# whole ratios of window and period, since its window is sharp. We want a cell without those zeros. Two changes:
#
# - a **leaky** memory, $R\leftarrow R+(n-R)/\tau$: the past fades, nothing is dropped at once,
# - instead of the beam splitter's gate a partial **exchange** of the two atoms:
#   $|hg\rangle\to\cos\theta\,|hg\rangle-i\sin\theta\,|gh\rangle$, so that $R=\sin^2\theta$.
#
# Write the law down *before* the code. The drive is $n_k=\frac12(1-\cos\varphi_k)$, $\varphi_k=2\pi k/K$. The memory
# is a linear filter, and answers each harmonic with the factor
#
# $$ H = \frac{\frac1\tau e^{-iw}}{1-(1-\frac1\tau)\,e^{-iw}},\qquad w=\frac{2\pi}{K}, $$
#
# so $R_k=\frac12\left(1-\mathrm{Re}\,[H e^{i\varphi_k}]\right)$ once it has settled. The loop $(n,\,(1-R)\,n)$ is a
# polygon, and only the part of $R$ that lags, $b=-\mathrm{Im}\,H$, opens it:
#
# $$ A = \frac{K\sin(2\pi/K)}{16}\,|b| . $$


# %%
def response(period, tau):
    """Return H of the leaky memory: the harmonic of R over that of the drive."""
    turn = np.exp(-2j * np.pi / np.asarray(period))
    return turn / tau / (1 - (1 - 1 / np.asarray(tau)) * turn)


def settled_reflectivity(k, period, tau):
    """Return R in round k, once the start is forgotten."""
    return 0.5 * (1 - (response(period, tau) * np.exp(2j * np.pi * np.asarray(k) / period)).real)


def leaky_area(period, tau):
    """Return the area of the polygon (n, (1 - R) n)."""
    return period * np.sin(2 * np.pi / period) / 16 * np.abs(response(period, tau).imag)


# %% [markdown]
# Does the algebra hold? Ask NumPy, without any atom:

# %%
K, tau = 12, 3.0
n = np.sin(np.pi * np.arange(40 * K) / K) ** 2
R = [0.5]
for value in n[:-1]:
    R.append(R[-1] + (value - R[-1]) / tau)
R = np.array(R)[-K:]
x, y = n[-K:], (1 - R) * n[-K:]
area = 0.5 * abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
off = np.abs(R - settled_reflectivity(np.arange(K), K, tau)).max()
print(f"R:    recursion against law, largest distance {off:.0e}")
print(f"area: recursion {area:.6f}, law {leaky_area(K, tau):.6f}")

# %% [markdown]
# ## 2. The cell: functions that return blocks
#
# One function for what happens to the atoms, one for what happens to the memory. They take names and expressions, and
# know nothing of the program around them. An expression is text, such as `"asin(sqrt(R0))"`; it is checked when the
# program is.


# %%
def exchange_cell(system: str, ancilla: str, *, photon: str, reflectivity: str, key: str) -> tuple[AnyBlock, ...]:
    """Return a photon of chance `photon`, its part `reflectivity` exchanged into a fresh ancilla, and both read.

    Clicks under `key`: <n_ancilla> = R <n_in>, <n_system> = (1 - R) <n_in>. Both atoms are in g afterwards.
    """
    return (
        rq.Rotate(atom=system, angle=f"2 * asin(sqrt({photon}))"),
        Exchange(atoms=(system, ancilla), angle=f"asin(sqrt({reflectivity}))"),
        rq.Measure(atoms=(ancilla, system), key=key),
        rq.Reset(atoms=(ancilla, system)),
    )


def leaky_memory(memory: str, *, clicks: str, tau: str) -> tuple[AnyBlock, ...]:
    """Return R <- R + (n - R) / tau, with n the photons seen at both ports, mean over the shots."""
    return (rq.Set(values={memory: f"clip({memory} + (ensemble_mean({clicks}) - {memory}) / {tau}, 0, 1)"}),)


def leaky_memristor(period: int = 12, tau: float = 3.0) -> rq.Program:
    """Return the memristor of one such cell."""
    return rq.Program(
        name="leaky_memristor",
        about="Exchange memristor with a leaky memory. Expected (derived): n_out = (1 - R) n_in, no zeros of the area.",
        tags=("memristor", "ensemble"),
        register=rq.Register(atoms={"s": (0, 0), "a": (5, 0)}),
        parameters={"period": period, "tau": tau},
        inputs={"n_in": rq.Input(default="sin(pi * k / period) ** 2", rounds="6 * period")},
        memory={"R": rq.Memory(initial=0.5)},
        body=(
            rq.Repeat(
                over="n_in",
                body=(
                    *exchange_cell("s", "a", photon="n_in", reflectivity="R", key="clicks"),
                    *leaky_memory("R", clicks="clicks.a + clicks.s", tau="tau"),
                ),
            ),
        ),
    )


cell = leaky_memristor()
ax = rq.plots.program(cell)

# %% [markdown]
# Why the `clip`? With ideal gates there is one photon at most. But nothing in the *program* says so: both ports might
# click. Leave the clip out, and the check refuses the program before anything runs. It names the outcomes that would
# take $R$ beyond 1:

# %%
unclipped = cell.to_yaml().replace("clip(R +", "(R +").replace(", 0, 1)", ")")
try:
    rq.run(rq.Program.from_yaml(unclipped), shots=None)
except rq.ProgramError as error:
    print(error)

# %% [markdown]
# ## 3. Its test
#
# Test the cell alone first, where everything is known. For an input $\sqrt{1-n}\,|g\rangle+\sqrt n\,|h\rangle$:
# populations $Rn$ and $(1-R)n$; what is left of the coherence is $\sqrt{1-R}$; and the exchanged part has the phase
# $-i$, so it shows in $\langle Y\rangle$ of the ancilla and not in $\langle X\rangle$. The blocks before the
# measurement are the first two; put a probe behind them.


# %%
def alone(blocks: tuple[AnyBlock, ...], R: np.ndarray, n: float):
    """Run the first two blocks of a cell and look at both atoms, for each R."""
    program = rq.Program(
        name="alone",
        register=rq.Register(atoms={"s": (0, 0), "a": (5, 0)}),
        parameters={"R": 0.5, "n": n},
        body=(*blocks[:2], rq.Probe(atoms=("s", "a"), pauli=("X", "Y", "Z"), key="bloch")),
    )
    return rq.run(program, sweep={"R": R}, shots=None, emulator="ideal").bloch


def check_law(make) -> None:
    R, n = np.linspace(0, 1, 9), 0.3
    bloch = alone(make("s", "a", photon="n", reflectivity="R", key="clicks"), R, n)

    x_in = 2 * np.sqrt(n * (1 - n))
    wanted = {
        ("s", "Z"): 1 - 2 * (1 - R) * n,
        ("a", "Z"): 1 - 2 * R * n,
        ("s", "X"): np.sqrt(1 - R) * x_in,
        ("a", "X"): 0 * R,
    }
    for (atom, axis), law in wanted.items():
        np.testing.assert_allclose(bloch.sel(bloch_atom=atom, bloch_axis=axis), law, atol=1e-9)
    np.testing.assert_allclose(np.abs(bloch.sel(bloch_atom="a", bloch_axis="Y")), np.sqrt(R) * x_in, atol=1e-9)


check_law(exchange_cell)
print("the cell passes")

# %% [markdown]
# A test that cannot fail is worth nothing. So break the cell on purpose, and see the test fail. Here the square root
# is missing:


# %%
def mutant(system: str, ancilla: str, **names: str) -> tuple[AnyBlock, ...]:
    blocks = exchange_cell(system, ancilla, **names)
    wrong = Exchange(atoms=(system, ancilla), angle=f"asin({names['reflectivity']})")
    return (blocks[0], wrong, *blocks[2:])


try:
    check_law(mutant)
    print("the mutant passes: the test is useless")
except AssertionError as error:
    print("the mutant fails, as it must:", next(line for line in str(error).splitlines() if "Mismatch" in line))

# %% [markdown]
# ## 4. The loop, its law, its fingerprints

# %%
taus = np.array([1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0])
swept = rq.run(cell, sweep={"tau": taus}, shots=None, emulator="ideal")
loops = hysteresis(swept, drive="n_in", response="clicks.s", period=K)

with rq.plots.paper(7.0, 2.6):
    figure, (left, right) = plt.subplots(1, 2)
    k = np.linspace(0, K, 300)
    fine = np.sin(np.pi * k / K) ** 2
    law = fine, (1 - settled_reflectivity(k, K, 3.0)) * fine
    rq.plots.hysteresis(swept.isel(point=3), drive="n_in", response="clicks.s", law=law, label=r"$\tau=3$", ax=left)
    left.set(xlabel=r"$n_\mathrm{in}$", ylabel=r"$n_\mathrm{out}$")
    dense = np.linspace(1, 15, 200)
    right.plot(2 * np.pi * dense / K, leaky_area(K, dense), color="black", ls="--", lw=0.9, label="law")
    right.plot(2 * np.pi * taus / K, loops.area, "o", label="program")
    right.set(xlabel=r"$\omega\tau$", ylabel="loop area", ylim=(0, None))
    right.legend()

settled = np.abs(loops.area - leaky_area(K, taus))
forgotten = (1 - 1 / taus) ** (5 * K)
print(f"area: largest distance from the law {settled.max().item():.0e}")
print(f"of the start, the slowest memory still holds {forgotten.max():.1e} in the last period")

# %% [markdown]
# A leaky memory has no zeros: above its largest loop the area falls, and falls. So the fingerprint that the sharp
# window fails over a wide range can hold here:

# %%
frequency = swept.assign_coords(omega_tau=("point", 2 * np.pi * taus / K))
marks = fingerprints(frequency, drive="n_in", response="clicks.s", frequency="omega_tau", period=K)
for mark in ("pinched", "shrinks", "straightens"):
    print(f"{mark:12} {'yes' if marks[mark] else 'no'}")
print(f"at the highest frequency 1 - R^2 of the straight line is {marks.bent.item():.3f} (at most {marks.tolerance})")

# %% [markdown]
# The first two hold. The third is a matter of how far one sweeps: the loop is a line in the limit only, and says by
# how much it is bent at the last frequency.

# %% [markdown]
# ## 5. Many cells
#
# Functions that return blocks are called in a loop. Three cells with different time constants, driven by the same
# input:

# %%
constants = {0: 1.5, 1: 4.0, 2: 12.0}
blocks = []
for number, constant in constants.items():
    s, a, R, key = f"s{number}", f"a{number}", f"R{number}", f"m{number}"
    blocks += exchange_cell(s, a, photon="n_in", reflectivity=R, key=key)
    blocks += leaky_memory(R, clicks=f"{key}.{a} + {key}.{s}", tau=repr(constant))
atoms = {f"{kind}{number}": (x, 40 * number) for number in constants for kind, x in (("s", 0), ("a", 5))}
bank = rq.Program(
    name="leaky_bank",
    device="MockDevice",
    register=rq.Register(atoms=atoms),
    parameters={"period": K},
    inputs=cell.inputs,
    memory={f"R{number}": rq.Memory(initial=0.5) for number in constants},
    body=(rq.Repeat(over="n_in", body=tuple(blocks)),),
)
record = rq.run(bank, shots=None, emulator="ideal")

with rq.plots.paper():
    figure, ax = plt.subplots()
    ax.plot(record["round"], record.n_in, color="0.7", label="input")
    for number, constant in constants.items():
        ax.plot(record["round"], record[f"R{number}"], label=rf"$R$, $\tau={constant:g}$")
    ax.set(xlabel="round", ylabel="mean", xlim=(0, 4 * K), ylim=(-0.02, 1.25))
    ax.legend(ncols=2, loc="upper center")

for number, constant in constants.items():
    one = hysteresis(record, drive="n_in", response=f"m{number}.s{number}", period=K)
    print(f"tau {constant:4g}: area {one.area.item():.6f}, law {leaky_area(K, constant):.6f}")

# %% [markdown]
# ## 6. By pulses, and from single shots
#
# So far gates were ideal unitaries. `emulator="exact"` (the default) plays them as pulses on the device. And without
# `ensemble_mean` each shot feeds back its own clicks. Then $R$ differs from shot to shot; but the update is linear
# and $n$ does not depend on $R$, so the mean follows the same law.

# %%
text = cell.to_yaml().replace("ensemble_mean(clicks.a + clicks.s)", "clicks.a + clicks.s")
single = rq.Program.from_yaml(text)
few = {"parameters": {"tau": tau}, "rounds": 3 * K}
expected = leaky_area(K, tau)
sampled = rq.run(single, shots=2000, seed=6, emulator="ideal", **few)
by_shots = hysteresis(sampled, drive="n_in", response="clicks.s", period=K)
value, error = by_shots.area.item(), by_shots.area_error.item()
print(f"law                        {expected:.5f}")
print(f"single shots, ideal gates  {value:.5f} ± {error:.5f} ({(value - expected) / error:+.1f} standard errors)")

print("\nby pulses, exact:")
for infidelity in (1e-3, 1e-4, 1e-5):
    text = cell.to_yaml().replace("angle: asin(sqrt(R))", f"infidelity: {infidelity:g}, angle: asin(sqrt(R))")
    record = rq.run(rq.Program.from_yaml(text), shots=None, **few)
    loop = hysteresis(record, drive="n_in", response="clicks.s", period=K)
    round_us = record.time_us.diff("round").mean().item()
    off = loop.area.item() / expected - 1
    print(f"  CZ infidelity {infidelity:g}: area {loop.area.item():.5f} ({off:+.2%}), {round_us:5.2f} µs a round")

# %% [markdown]
# Look at the last lines: a gate of infidelity 1e-4 (the default) changes the area by far more than 1e-4. Errors of a
# finite blockade are *coherent*: they add as amplitudes, and shift populations by about the square root of the
# infidelity. Better gates take longer. So never argue from a gate's fidelity to the error of a result; run the
# pulses.
#
# ## 7. As a file, and into the project
#
# A program is a value: in Python or YAML, it is the same.

# %%
folder = Path(tempfile.mkdtemp())
path = folder / "leaky_memristor.yaml"
path.write_text(cell.to_yaml(), encoding="utf-8")
print(path.read_text(encoding="utf-8"))
print("the same program:", rq.load(path) == cell)

# %%
done = subprocess.run(
    [sys.executable, "-m", "rydberg_qmem", "check", path.name], cwd=folder, capture_output=True, text=True, check=True
)
print("$ rqm check leaky_memristor.yaml")
print(done.stdout + done.stderr)

# %% [markdown]
# To contribute it (the whole text is `CONTRIBUTING.md`):
#
# 1. **Set up**: clone, `pip install -e ".[all,dev]"`.
# 2. **Place**: a function that returns blocks goes to `rydberg_qmem/programs/cells.py`; a program whose size varies
#    to `rydberg_qmem/programs/`; a ready sequence is one file `sequences/NAME.yaml`, whose `about` says what to expect,
#    and on whose word: *found*, *from memory*, or *derived*.
# 3. **Law**: closed forms go to `analysis/closed_forms/`, with an example that runs.
# 4. **Test**: its name is a sentence; it compares with the law; one mutant was seen to fail. From shots: fixed seed,
#    tolerance derived from the number of shots.
# 5. **Frozen file**: a ready sequence has its JSON beside the others in `tests/data/gallery`.
# 6. **Try it**: `rqm check`, `rqm draw`, `rqm run NAME` must work.
# 7. **Gate**: `.ci/run`. A line in `CHANGELOG.md`.
#
# A new *kind of block* is only needed where the compiler must know something new. Most cells, as this one, are
# functions of blocks that exist.
#
# ## Exercises
#
# **1.** For which $\omega\tau$ is the loop largest, in the limit of many rounds? Compare with the sharp window's
# largest.
#
# **2.** Test another mutant: an exchange by $-\theta$. Does the test above catch it? Should it?
#
# **3.** How long is one round of the cell by pulses, and which part of it is the exchange? (`time_us` of the record.)
#
# ### Answer 1
#
# In the limit $H=1/(1+i\omega\tau)$, so $b=\omega\tau/(1+\omega^2\tau^2)$: largest at $\omega\tau=1$, where
# $A=\frac\pi8\cdot\frac12$.

# %%
from rydberg_qmem.analysis import closed_forms

many = 4096
constants = np.linspace(0.2, 4, 2000) * many / (2 * np.pi)
areas = leaky_area(many, constants)
best = areas.argmax()
window = closed_forms.photonic_loop_area(np.linspace(0.01, np.pi, 10000)).max()
print(f"leaky: {areas[best]:.4f} at omega tau = {2 * np.pi * constants[best] / many:.3f}; pi / 16 = {np.pi / 16:.4f}")
print(f"sharp window: {window:.4f}")

# %% [markdown]
# The price of a memory that fades: a smaller loop.
#
# ### Answer 2


# %%
def backwards(system: str, ancilla: str, **names: str) -> tuple[AnyBlock, ...]:
    blocks = exchange_cell(system, ancilla, **names)
    turned = Exchange(atoms=(system, ancilla), angle=f"-asin(sqrt({names['reflectivity']}))")
    return (blocks[0], turned, *blocks[2:])


check_law(backwards)
signs = {}
for name, make in (("forwards", exchange_cell), ("backwards", backwards)):
    bloch = alone(make("s", "a", photon="n", reflectivity="R", key="clicks"), np.array([0.5]), 0.3)
    signs[name] = bloch.sel(bloch_atom="a", bloch_axis="Y").item()
print("the test passes; <Y> of the ancilla:", ", ".join(f"{name} {value:+.3f}" for name, value in signs.items()))

# %% [markdown]
# It does not catch it, since the test takes $|\langle Y\rangle|$. For clicks the sign is nothing; for a second cell
# behind the ancilla it is. So the test should name the sign. That is how mutants improve tests.
#
# ### Answer 3

# %%
timed = rq.run(cell, shots=None, rounds=2, parameters={"tau": tau})
loop = cell.body[0]
shorter = loop.with_(body=[block for block in loop.body if block.kind != "exchange"])
without = cell.with_(body=[shorter])
plain = rq.run(without, shots=None, rounds=2, parameters={"tau": tau})
whole, rest = (float(r.time_us.diff("round").mean()) for r in (timed, plain))
print(f"one round: {whole:.2f} µs; without the exchange {rest:.2f} µs")
