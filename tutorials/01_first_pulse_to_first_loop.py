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
# # From a first pulse to a first hysteresis loop
#
# You know quantum mechanics and a little Python. At the end of this page you will have run a *quantum
# memristor* on two neutral atoms: a device whose response depends on what it has seen before. You will know how
# large its hysteresis loop must be, and check that it is.
#
# The way there has six steps, and each step adds one idea:
#
# 1. a **program** with one pulse,
# 2. a second **atom**, and the blockade,
# 3. a **measurement in the middle**, a reset and a branch,
# 4. **memory**: what was measured steers the next pulse,
# 5. the **memristor**, which is all of this in a few lines,
# 6. the **law** of its loop against frequency.
#
# Step 7 says what of this is published, what is derived, and what a machine can do today. Exercises with
# answers follow.
#
# Units are those of Pulser: angles in rad, amplitudes and detunings in rad/µs; times and lengths carry their
# unit in the name (`duration_ns`, `spacing_um`).

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np

import rydberg_qmem as rq

# %% [markdown]
# ## 1. One pulse
#
# A program says where the atoms are, on which device, and what happens to them. It can be written as text:

# %%
TEXT = """
format: rydberg_qmem-program/1
name: first_pulse
device: MockDevice
register: {atoms: {q: [0, 0]}}
parameters: {angle: pi / 2}
body:
  - pulse: {channel: rydberg_global, amplitude: {blackman: {duration_ns: 200, area: angle}}}
  - measure: {atoms: q, key: m}
"""
written = rq.Program.from_yaml(TEXT)

# %% [markdown]
# One atom `q` at the origin, on Pulser's `MockDevice` (no hardware limits). Two blocks: a smooth resonant pulse
# between the ground state $g$ and the Rydberg state $r$ with a given *area* $\int\Omega\,dt$, and a measurement
# whose outcome is kept under the **key** `m`. Bit 1 means $r$, as in Pulser. (Braket and Bloqade have it the
# other way round.) `angle` is a **parameter**: a named number that a run can set or sweep.
#
# The same program in Python:

# %%
built = rq.Program(
    name="first_pulse",
    device="MockDevice",
    register=rq.Register(atoms={"q": (0, 0)}),
    parameters={"angle": "pi / 2"},
    body=(
        rq.Pulse(channel="rydberg_global", amplitude={"blackman": {"duration_ns": 200, "area": "angle"}}),
        rq.Measure(atoms="q", key="m"),
    ),
)
print(f"equal: {written == built}; one fingerprint: {written.fingerprint() == built.fingerprint()}")

# %% [markdown]
# A program is a *value*: frozen, hashable, and equal to itself in YAML, JSON and Python. A mistake in it is
# refused before anything runs, with its place (line, column) and the rule:

# %%
try:
    rq.run(rq.Program.from_yaml(TEXT.replace("rydberg_global", "rydberg_golbal")))
except rq.ProgramError as error:
    print(error)

# %% [markdown]
# `rq.run` runs it. Without `shots` it draws 1000 of them; `shots=None` draws none and returns exact expectation
# values. `sweep` repeats the run along a parameter. In both cases the emulator integrates the Schrödinger
# equation with the samples of the compiled Pulser sequence.

# %%
angles = np.linspace(0, 4 * np.pi, 33)
exact = rq.run(written, sweep={"angle": angles}, shots=None)
sampled = rq.run(written, sweep={"angle": angles}, shots=200, seed=1)

mean = sampled.m.mean("shot")
error = np.sqrt(exact.m * (1 - exact.m) / sampled.sizes["shot"])
law = np.sin(angles / 2) ** 2

with rq.plots.paper():
    figure, ax = plt.subplots()
    fine = np.linspace(0, angles[-1], 400)
    ax.plot(fine / np.pi, np.sin(fine / 2) ** 2, color="black", lw=0.9, ls="--", label=r"$\sin^2(\theta/2)$")
    ax.plot(angles / np.pi, exact.m, "o", mfc="none", ms=4.5, label="exact")
    ax.errorbar(angles / np.pi, mean, error, fmt=".", label=f"{sampled.sizes['shot']} shots")
    ax.set(xlabel=r"pulse area $\theta / \pi$", ylabel="probability of $r$", ylim=(-0.05, 1.05))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)

random = (law > 0.01) & (law < 0.99)
z = ((mean - law) / error)[random]
print(f"exact run, largest distance from the law: {np.abs(exact.m - law).max().item():.1e}")
print(f"sampled run, distance from the law: {np.sqrt((z**2).mean()).item():.2f} standard errors (root mean square)")

# %% [markdown]
# ## 2. Two atoms: the blockade
#
# Two atoms in $r$ at the distance $d$ shift each other by $U = C_6/d^6$. Where $U\gg\Omega$ only one of them
# can be excited: the pair swings between $|gg\rangle$ and $(|gr\rangle+|rg\rangle)/\sqrt2$, and does so faster
# than one atom by $\sqrt2$. A Python function is the natural way to write "the same program at another
# distance":


# %%
def pair(spacing_um: float) -> rq.Program:
    return rq.Program(
        name="pair",
        device="DigitalAnalogDevice",
        register=rq.Register(atoms={"left": (0, 0), "right": (spacing_um, 0)}),
        parameters={"omega": "2 * pi", "duration_ns": 500},
        body=(
            rq.Pulse(
                channel="rydberg_global",
                amplitude={"constant": {"duration_ns": "duration_ns", "value": "omega"}},
            ),
            rq.Probe(atoms="all", correlations=True, key="n"),
            rq.Measure(atoms="all", key="m"),
        ),
    )


# %% [markdown]
# A `probe` looks at the state without touching it, which only an emulator can do; here it records $\langle
# n_i\,n_j\rangle$, the probability that both atoms are in $r$.

# %%
from pulser import DigitalAnalogDevice
from scipy.optimize import curve_fit

durations = np.arange(16, 1417, 40)
times = durations / 1000  # µs
near, far = (rq.run(pair(spacing), sweep={"duration_ns": durations}, shots=None) for spacing in (5, 25))


def rabi(t, frequency, height):
    return height * np.sin(frequency * t / 2) ** 2


(slow, _), (fast, _) = (
    curve_fit(rabi, times, run.m.sum("m_atom"), p0=(guess, 1))[0]
    for run, guess in ((far, 2 * np.pi), (near, 3 * np.pi))
)
both = near.n.sel(n_atom="left", n_atom_2="right").max().item()
omega = 2 * np.pi
interaction = omega * (DigitalAnalogDevice.rydberg_blockade_radius(omega) / 5) ** 6

with rq.plots.paper():
    figure, ax = plt.subplots()
    t = np.linspace(0, times[-1], 400)
    ax.plot(t, rabi(t, omega, 2), color="black", lw=0.9, ls="--")
    ax.plot(t, rabi(t, np.sqrt(2) * omega, 1), color="black", lw=0.9, ls="--", label="law")
    ax.plot(times, far.m.sum("m_atom"), "o", ms=3.5, label="25 µm apart")
    ax.plot(times, near.m.sum("m_atom"), "s", ms=3.5, label="5 µm apart")
    ax.set(xlabel="pulse duration (µs)", ylabel="mean number of atoms in $r$")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)

print(f"blockade radius: {DigitalAnalogDevice.rydberg_blockade_radius(omega):.2f} µm")
print(f"frequency ratio: {fast / slow:.4f}, square root of two: {np.sqrt(2):.4f}")
print(f"both atoms in r: at most {both:.1e}; (omega / U)^2 = {(omega / interaction) ** 2:.1e}")

# %% [markdown]
# ## 3. Measuring in the middle
#
# In Pulser a measurement ends the sequence and takes the whole register. Here it is a block like any other, and
# two more become possible: `reset` puts an atom back to $g$, `when` chooses what to do from what was measured.
#
# `rotate` is a *gate*: $R_y(\theta)$ between $g$ and the hyperfine state $h$, compiled to a Raman pulse for the
# device at hand. From here on the qubit is $\{g,h\}$, and bit 1 means $h$.

# %%
MIDDLE = """
format: rydberg_qmem-program/1
name: in_the_middle
register: {atoms: {q: [0, 0]}}
parameters: {angle: 2 * pi / 3}
body:
  - rotate: {atom: q, angle: angle}
  - measure: {atoms: q, key: first}
  - measure: {atoms: q, key: again}
  - when: {if: first == 1, then: [{rotate: {atom: q, axis: x, angle: pi}}]}
  - measure: {atoms: q, key: flipped}
  - rotate: {atom: q, angle: angle}
  - reset: {atoms: q}
  - measure: {atoms: q, key: emptied}
"""
middle = rq.Program.from_yaml(MIDDLE)
ax = rq.plots.program(middle)

# %%
record = rq.run(middle, shots=1000, seed=3)
record

# %% [markdown]
# This is the **record**: an xarray Dataset with a variable for each key and labelled dimensions. It carries the
# program, the seed and the versions in its attributes, so that the file explains itself.
#
# Read the picture below from top to bottom, a column per shot, dark for 1. The first outcome is random. The
# second repeats it: the state is projected. The third is always 0, since a $\pi$ pulse was played on exactly
# those shots that gave 1. The last is 0 too: a reset forgets whatever the atom was in.

# %%
keys = ["first", "again", "flipped", "emptied"]
with rq.plots.paper(height_in=1.3):
    figure, ax = plt.subplots()
    bits = record[keys].isel(shot=slice(40)).to_array("key")
    edges = np.arange(41) - 0.5
    ax.pcolormesh(edges, np.arange(5), bits, cmap="Blues", vmin=-0.1, vmax=1.2, edgecolor="white", lw=0.5)
    ax.set(xlabel="shot", yticks=np.arange(4) + 0.5, yticklabels=keys)
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)

p = np.sin(np.pi / 3) ** 2
print(f"mean of first: {record['first'].mean().item():.3f}; sin^2(angle / 2) = {p:.3f}")
print(f"standard error of that mean: {np.sqrt(p * (1 - p) / record.sizes['shot']):.3f}")
print(f"again == first in {(record.again == record['first']).mean().item():.0%} of the shots")
print(f"ones in flipped: {record.flipped.sum().item()}, in emptied: {record.emptied.sum().item()}")

# %% [markdown]
# ## 4. Memory: what was measured steers what comes next
#
# `memory` holds classical numbers, one set per shot. A plain variable is written by `set`. A **window** is a
# ring buffer of the last few values: `push` adds one, the oldest drops out, and `mean(seen)` is their mean.
#
# `repeat over` an **input** plays the body once per value, a **round**. In each round the atom below is excited
# with probability $u$, measured and reset; then it is excited anew with the probability $R$ that the memory
# holds. So the outcome `out` says what the memory believes.

# %%
MEMORY = """
format: rydberg_qmem-program/1
name: moving_average
register: {atoms: {q: [0, 0]}}
parameters: {window: 8}
inputs: {u: {default: "where(k < 15, 0.1, where(k < 35, 0.9, 0.1))", rounds: 55}}
memory:
  R: {initial: 0.5}
  seen: {window: window, initial: 0.5}
body:
  - repeat:
      over: u
      body:
        - rotate: {atom: q, angle: 2 * asin(sqrt(u))}
        - measure: {atoms: q, key: n}
        - reset: {atoms: q}
        - rotate: {atom: q, angle: 2 * asin(sqrt(R))}
        - measure: {atoms: q, key: out}
        - reset: {atoms: q}
        - push: {seen: n}
        - set: {R: mean(seen)}
"""
memory = rq.Program.from_yaml(MEMORY)
windows = [2, 12]
exact = rq.run(memory, sweep={"window": windows}, shots=None)
sampled = rq.run(memory, sweep={"window": windows}, shots=500, seed=4)

with rq.plots.paper():
    figure, ax = plt.subplots()
    ax.step(exact["round"], exact.u.isel(point=0), where="mid", color="0.6", label="input $u$")
    for point, window in enumerate(windows):
        [line] = ax.plot(exact["round"], exact.R.isel(point=point), label=f"exact $R$, window {window}")
        ax.plot(sampled["round"], sampled.out.isel(point=point).mean("shot"), ".", color=line.get_color())
    shot = sampled.R.isel(point=1, shot=0)
    look = {"color": line.get_color(), "lw": 0.6, "alpha": 0.6}
    ax.step(shot["round"], shot, where="mid", label=f"one shot, window {windows[1]}", **look)
    ax.set(xlabel="round", ylabel="probability", ylim=(-0.03, 1.03))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)

for point, window in enumerate(windows):
    behind = exact.u.isel(point=point).rolling(round=window).mean().shift(round=1)
    off = np.abs(exact.R.isel(point=point) - behind).max().item()
    print(f"window {window}: R is the mean of the last {window} inputs, to {off:.0e} (once it has filled)")
z = (sampled.out.mean("shot") - exact.out) / np.sqrt(exact.out * (1 - exact.out) / sampled.sizes["shot"])
print(f"mean of `out` (dots), distance from the exact R: {np.sqrt((z**2).mean()).item():.2f} standard errors (rms)")

# %% [markdown]
# Nobody told the atom the input: each shot found it out from its own clicks, one bit per round. A short window
# follows quickly and is coarse, a long one lags. **The lag is the memory**, and a device with a lag has a
# hysteresis loop.
#
# A word on the cost. Shots that share their quantum state and all memory still to be read are run as one
# *branch*, so hundreds of shots cost little more than one; with `shots=None` every branch is followed, weighted
# by its probability.
#
# ## 5. A quantum memristor
#
# A memristor is a resistor whose resistance depends on the current that has passed through it. Its photonic
# relative is a beam splitter that lets the part $1-R$ of the light pass,
#
# $$ n_\mathrm{out} = (1-R)\,n_\mathrm{in}, $$
#
# with a reflectivity $R$ that follows the mean of $n_\mathrm{in}$ over a window of past time. On atoms, $g$
# plays the vacuum and $h$ the photon. It is one of the ready sequences (`rq.gallery.names()` lists them):

# %%
memristor = rq.load("two_port_memristor")
print((rq.gallery.folder() / "two_port_memristor.yaml").read_text(encoding="utf-8"))

# %%
ax = rq.plots.program(memristor)

# %% [markdown]
# Atom `s` is prepared with one photon of probability $n_\mathrm{in}$; `beam_splitter` moves it to atom `a` with
# probability $R$, coherently (two blockade CZ gates and rotations on the pulse level). Both atoms are measured
# and reset. A click on either is a photon that came in, a click on `s` one that went out. The rest is the
# window of step 4.
#
# Run it twice: with shots, every gate played as its pulses; and exactly, with gates as ideal unitaries.

# %%
record = rq.run(memristor, shots=1000, seed=7, emulator="exact")
ideal = rq.run(memristor, shots=None, emulator="ideal")
record

# %% [markdown]
# First against time. The reflectivity (averaged over shots) trails behind the input, and so the pulse of light
# that comes out is lopsided: what comes early in the period meets a low $R$ and passes, what comes late is
# reflected. Lines are the exact run, dots the means of the shots.

# %%
from rydberg_qmem.analysis import closed_forms

period, window = 24, 9
with rq.plots.paper():
    figure, ax = plt.subplots()
    ax.plot(record["round"], record.n_in, color="0.6", label=r"input $n_\mathrm{in}$")
    for name, line, dots in (
        ("reflectivity $R$", ideal.R, record.R),
        (r"output $n_\mathrm{out}$", ideal.clicks.sel(clicks_atom="s"), record.clicks.sel(clicks_atom="s")),
    ):
        [drawn] = ax.plot(ideal["round"], line, label=name)
        ax.plot(record["round"], dots.mean("shot"), ".", color=drawn.get_color())
    ax.axvspan(0, window, color="0.93", lw=0, zorder=0)
    ax.text(window / 2, 0.98, "window\nfills", ha="center", va="top", fontsize=7, color="0.4")
    ax.set(xlabel="round", ylabel="mean per round", ylim=(-0.02, 1.02), xlim=(0, 2 * period - 1))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)

# %% [markdown]
# Then the output against the input: the hysteresis loop, over the last period. It is *pinched* at the origin,
# since nothing goes out where nothing comes in. The ring marks the first round of the period, arrows the sense.
# The law for $K$ rounds a period and a window of $W$ rounds is derived in closed form (`analysis.laws`):
#
# $$ R_k = \tfrac12\left[1 - D\cos\!\left(\tfrac{2\pi k}{K} - \tfrac{\pi(W+1)}{K}\right)\right],\qquad
#    D = \frac{\sin(\pi W/K)}{W\sin(\pi/K)}. $$

# %%
phase = np.linspace(0, period, 400)
law_in = np.sin(np.pi * phase / period) ** 2
law_out = (1 - closed_forms.discrete_reflectivity(phase, period, window)) * law_in

ax = rq.plots.hysteresis(
    record, drive="n_in", response="clicks.s", law=(law_in, law_out), label=f"{record.sizes['shot']} shots, pulses"
)
ax.set(xlabel=r"input $n_\mathrm{in}$", ylabel=r"output $n_\mathrm{out}$")

expected = float(closed_forms.discrete_loop_area(period, window))
loop = rq.analysis.hysteresis(record, drive="n_in", response="clicks.s")
loop_ideal = rq.analysis.hysteresis(ideal, drive="n_in", response="clicks.s")
area, area_error = loop.area.item(), loop.area_error.item()

print(f"law:             area {expected:.6f}")
print(f"ideal gates:     area {loop_ideal.area.item():.6f}, off by {abs(loop_ideal.area.item() - expected):.0e}")
print(f"pulses, shots:   area {area:.4f} ± {area_error:.4f}, {(area - expected) / area_error:+.1f} standard errors off")
print(f"at zero input:   {loop.pinch.item():.3f} of the largest output (pinched)")
print(f"sense:           {loop.direction.item():+d} (-1 is clockwise), self-crossings {loop.crossings.item()}")

# %% [markdown]
# The error of the area comes from resampling the shots (bootstrap). Is it honest, and is a deviation of this
# size chance? One run cannot tell, many can: repeat with other seeds.

# %%
runs = [rq.run(memristor, shots=1000, seed=seed, emulator="ideal") for seed in range(100, 120)]
repeats = [rq.analysis.hysteresis(run, drive="n_in", response="clicks.s") for run in runs]
z = np.array([(repeat.area.item() - expected) / repeat.area_error.item() for repeat in repeats])
print(f"mean of {len(z)} deviations: {z.mean():+.2f} ± {1 / np.sqrt(len(z)):.2f} standard errors (no bias: 0)")
print(f"their scatter: {z.std(ddof=1):.2f} ± {1 / np.sqrt(2 * len(z)):.2f} standard errors (honest: 1)")

# %% [markdown]
# A word of caution: `area` counts every lobe as positive, and noise can fold a thin loop into many lobes. By how
# much that adds is estimated from the shots and taken off (`area_bias`); `signed_area` has no such bias. (Exercise 2
# shows what is left where the true area is 0; the loop above is too wide to suffer.)
#
# What do the pulses themselves cost? Run them without sampling and compare with the ideal gates. The blockade
# CZ is built for an average infidelity that the program can set (`cz: {infidelity: …}`):

# %%
pulses = rq.run(memristor, shots=None)
loop_pulses = rq.analysis.hysteresis(pulses, drive="n_in", response="clicks.s")
print(f"bias of the area by noise (shots): {loop.area_bias.item():+.4f}")
print(f"pulses without sampling: area {loop_pulses.area.item():.6f}")
print(f"so finite blockade changes the area by {loop_pulses.area.item() / expected - 1:+.2%}")

# %% [markdown]
# ## 6. The area against frequency
#
# A memristor is told from other lossy things by how its loop depends on the frequency of the drive. Let the
# window last $T$ and the drive have the period $T_\mathrm{osc}$. In the limit of many rounds,
#
# $$ A = \frac{\pi}{8}\,\frac{\sin^2 x}{x}, \qquad x = \pi\,\frac{T}{T_\mathrm{osc}} . $$
#
# Slow drive ($x\to0$): the memory follows at once, and there is no loop. Fast drive: the memory averages over
# periods and stands still, and there is no loop either. In between lies a largest loop; wherever the window
# holds a whole number of periods the loop closes to a line.
#
# In the limit only the ratio $T/T_\mathrm{osc}$ counts, so sweep the window, for three lengths of the period.
# `sweep` runs all combinations; `analysis.hysteresis` measures every point; `qmem.unstack` lays the points out
# as a grid.

# %%
swept = rq.run(
    memristor,
    sweep={"window": range(1, 13), "period": [12, 24, 48]},
    shots=None,
    emulator="ideal",
)
loops = rq.analysis.hysteresis(swept, drive="n_in", response="clicks.s")
areas = loops.qmem.unstack().area

with rq.plots.paper():
    figure, ax = plt.subplots()
    ratio = np.linspace(0, 1.05, 400)
    limit = closed_forms.photonic_loop_area(np.pi * ratio)
    ax.plot(ratio, limit, color="black", ls="--", lw=0.9, label="limit of many rounds")
    for marker, rounds in zip("os^", areas.period.values, strict=True):
        ws = np.linspace(1, areas.window.max().item(), 200)
        [curve] = ax.plot(ws / rounds, closed_forms.discrete_loop_area(rounds, ws), lw=0.7, alpha=0.6)
        look = {"color": curve.get_color(), "ms": 3.5, "label": f"{rounds:.0f} rounds per period"}
        ax.plot(areas.window / rounds, areas.sel(period=rounds), marker, **look)
    ax.errorbar(window / period, area, area_error, fmt="*", color="black", ms=8, label="step 5, shots")
    ax.set(xlabel=r"drive frequency $T/T_\mathrm{osc}$", ylabel="loop area $A$")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)

x = np.pi * np.linspace(0.01, 1, 100_000)
top = np.argmax(closed_forms.photonic_loop_area(x))
off = np.abs(loops.area - closed_forms.discrete_loop_area(loops.period, loops.window)).max().item()
print(f"all {loops.sizes['point']} loops, largest distance from the law of K rounds and W: {off:.0e}")
for rounds in areas.period.values:
    away = np.abs(areas.sel(period=rounds) - closed_forms.photonic_loop_area(np.pi * areas.window / rounds))
    print(f"{rounds:.0f} rounds per period, largest distance from the limit: {away.max().item():.3f}")
print(f"largest loop in the limit: {closed_forms.photonic_loop_area(x[top]):.4f} at T / T_osc = {x[top] / np.pi:.3f}")

# %% [markdown]
# The points lie on the law of $K$ rounds to rounding error, and approach the limit as rounds become finer.
# Coarse rounds lie to the left of it since the window ends with the round *before* the present one: on average
# it looks back by $(W+1)/2$ rounds, not $W/2$.
#
# ## 7. What is published, what is derived, what a machine can do
#
# - **Published**: the response $n_\mathrm{out}=(1-R)\,n_\mathrm{in}$ and the feedback over a sliding window
#   belong to the photonic quantum memristor of Spagnolo et al., *Nature Photonics* **16**, 318 (2022). There
#   the feedback uses click *rates*, means over many runs of a round; the ready sequence `photonic_memristor`
#   does the same with `ensemble_mean`.
# - **Derived for this project**, and checked against simulation: the closed form of the loop and its area, for
#   continuous time and for rounds, and the two-port estimate, which lets every *single* shot feed back its own
#   clicks. We have not compared with the measured data of the photonic experiment. We found no published
#   quantum memristor on neutral atoms.
# - **What is quantum**: the input is a superposition and the beam splitter is coherent. But this page looks at
#   populations only, and measures the output in every round: coins in the place of the atoms would give the
#   same loop. The difference shows in what leaves the beam splitter before it is measured. The coherence of the
#   input is divided like an amplitude, $\langle X\rangle_\mathrm{out}=\sqrt{1-R}\,\langle
#   X\rangle_\mathrm{in}$, and the two outputs are entangled:

# %%
R, angle = 0.3, np.pi / 2
split = rq.run("beam_splitter", parameters={"reflectivity": R, "angle": angle}, shots=None, emulator="ideal")
x = split.modes_pauli.sel(modes_axis="X")
length = np.sqrt((split.modes_pauli.sel(modes_atom="s") ** 2).sum())
print(f"<X> in: {np.sin(angle):.4f}; out: {x.sel(modes_atom='s').item():.4f}, law {np.sqrt(1 - R) * np.sin(angle):.4f}")
print(f"<X> on the reflected side: {x.sel(modes_atom='a').item():.4f}, law {np.sqrt(R) * np.sin(angle):.4f}")
print(f"Bloch vector of the output: length {length.item():.4f}; below 1 in a pure state of two, so they are entangled")

# %% [markdown]
# - **A machine today**: the pulses of steps 1 and 2 are what Pulser's devices play. From step 3 on the programs
#   are for **emulators**: in Pulser a measurement ends the sequence, and probes exist nowhere else.
#   Laboratories do measure in the middle of a program, but reading the atoms and reacting takes far longer than
#   the pulses:

# %%
CYCLE_US = 1000  # readout and feedforward take "less than 1 ms" in Bluvstein et al., Nature 626, 58 (2024)
per_round = record.time_us.diff("round").mean().item()
rounds, shots = record.sizes["round"], record.sizes["shot"]
one_shot_ms = rounds * (per_round + CYCLE_US) / 1000
print(f"pulses of one round:              {per_round:.2f} µs")
print(f"one shot, {CYCLE_US} µs a measurement:  {one_shot_ms:.0f} ms for {rounds} rounds")
print(f"{shots} shots:                       {shots * one_shot_ms / 1000:.0f} s, without reloading atoms")

# %% [markdown]
# What this page leaves out: measurements and resets that take time, err or lose the atom, and states that
# decay.
#
# ## Exercises
#
# **1.** Detune the pulse of step 1 and find the generalised Rabi formula
# $P_r=\frac{\Omega^2}{\Omega^2+\delta^2}\sin^2\!\big(\tfrac12\sqrt{\Omega^2+\delta^2}\,t\big)$.
#
# **2.** Make the window as long as the period. The loop must close to the line
# $n_\mathrm{out}=n_\mathrm{in}/2$. Does it, with shots? Compare `area` with `signed_area`.
#
# **3.** The photonic experiment feeds back from the reflected port alone: clicks divided by $R$ estimate the
# input. Do this in each single shot: push `clicks.a / max(R, 0.05)`. Why does it fail?
#
# ### Answer 1

# %%
DETUNED = """
format: rydberg_qmem-program/1
name: detuned_pulse
device: MockDevice
register: {atoms: {q: [0, 0]}}
parameters: {omega: 2 * pi, delta: 0, duration_ns: 500}
body:
  - pulse:
      channel: rydberg_global
      amplitude: {constant: {duration_ns: duration_ns, value: omega}}
      detuning: delta
  - measure: {atoms: q, key: m}
"""
delta = np.linspace(-25, 25, 51)
detuned = rq.run(rq.Program.from_yaml(DETUNED), sweep={"delta": delta}, shots=None)
root = np.sqrt(omega**2 + delta**2)
formula = (omega / root) ** 2 * np.sin(root * 0.5 / 2) ** 2
print(f"largest distance from the formula: {np.abs(detuned.m - formula).max().item():.1e}")

# %% [markdown]
# ### Answer 2

# %%
closed = rq.run(memristor, parameters={"window": period}, shots=1000, seed=8, emulator="ideal")
line = rq.analysis.hysteresis(closed, drive="n_in", response="clicks.s")
print(f"signed area {line.signed_area.item():+.4f} ± {line.signed_area_error.item():.4f}")
print(f"area        {line.area.item():+.4f} ± {line.area_error.item():.4f}")
print(f"slope       {line.slope.item():+.4f}, R^2 of the straight line {line.line_r2.item():.4f}")

# %% [markdown]
# The signed area is zero within its error, the slope one half. `area` is not zero: shot noise scatters the
# points to both sides of the line, and every small lobe counts. A part of that bias is taken off; what cannot be
# below zero and is zero in truth stays a little too large. For loops near closing, trust the signed area.
#
# ### Answer 3
#
# A program and its text are the same thing, so change the text. (The bundled program counts the photons of both
# ports, and takes the last count again where an atom was lost, -1.)

# %%
counts = "where(min(clicks) < 0, seen[0], sum(clicks))"
text = memristor.to_yaml().replace(counts, "clicks.a / max(R, 0.05)")
failed = rq.run(rq.Program.from_yaml(text), shots=1000, seed=9, emulator="ideal")
shift = (failed.R.mean("shot") - ideal.R).isel(round=slice(period, None))

ax = rq.plots.hysteresis(record, drive="n_in", response="clicks.s", label="both ports")
rq.plots.hysteresis(
    failed, drive="n_in", response="clicks.s", label="reflected port alone", law=(law_in, law_out), ax=ax
)
ax.set(xlabel=r"input $n_\mathrm{in}$", ylabel=r"output $n_\mathrm{out}$")
stuck = (failed.R_final == 0).mean().item()
print(f"mean R is off by up to {np.abs(shift).max().item():.2f}; at the end R is 0 in {stuck:.0%} of the shots")

# %% [markdown]
# The estimate is right on average for a *given* $R$. But one bit divided by a small $R$ is either 0 or far too
# large. Once a whole window has passed without a click at `a`, $R$ is 0, nothing is reflected any more, and so
# there will never be another click: the shot is stuck at full transmission. A click *rate* over many runs
# (`photonic_memristor`) can be divided by $R$; a single shot needs both ports.
#
# **Where to go from here**: `rq.gallery.names()` lists more ready sequences; read one, change a line, run it.
