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
# # Coupled memristors and entanglement
#
# Two memristors that exchange excitations become entangled, and their loops change. This page asks how the two go
# together:
#
# 1. **two coupled** memristors, undamped: concurrence and voltage against their closed forms,
# 2. **concurrence against hysteresis**, cycle by cycle. Which measure of the loop you take decides what you see,
# 3. **three coupled**: a line and a triangle,
# 4. **six in a line**, with feedback of their own.
#
# Exercises with answers follow.

# %%
# %matplotlib inline
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import rydberg_qmem as rq
from rydberg_qmem import programs
from rydberg_qmem.analysis import closed_forms, entanglement, geometry, memristivity

# %% [markdown]
# ## 1. Two coupled memristors
#
# The device is of the superconducting type (Salmilehto and others 2017; coupled: Kumar and others, PRA **104**,
# 062605, 2021), truncated to one excitation. An oscillator of frequency $\omega=1$ loses energy at the rate
# $\gamma(t)=\gamma_0\,[1-\sin(\sin t)]$. Its voltage is $V\propto\langle Y\rangle$, its current
# $I\propto\gamma(t)\,V$. Two of them exchange excitations at the rate $k$.
#
# `programs.coupled` returns the program: two system atoms, two ancillas that are reset and used again. Systems exchange
# by gates; each loss is a beam splitter into a fresh ancilla that nobody reads. `probe` keeps the joint state of the
# systems.

# %%
program = programs.coupled(2, rate=0.1, damping=0.0, steps=64, step=0.5)
ax = rq.plots.program(programs.coupled(2))

# %% [markdown]
# States without branches are what we want (nothing is read), so run with `state="density_matrix"`.
# `record.qmem.density_matrix` gives the probed state as an array of qubits. Without damping the laws are
#
# $$ C(t) = |\sin kt|, \qquad V_j(t) = V_0\cos(kt)\,\sin(t+\theta): $$
#
# entanglement is largest exactly when the voltage of each cell has died.


# %%
def states(program: rq.Program) -> np.ndarray:
    """Return the joint state of the systems at the start of each round, (round, d, d)."""
    record = rq.run(program, shots=None, emulator="ideal", state="density_matrix")
    return record.qmem.density_matrix("rho")


def voltage(rho: np.ndarray, step: float, cell: int = 0) -> np.ndarray:
    """Return V / V0 of a cell: the probed frame rotates with the oscillator, so turn it back."""
    one = entanglement.reduced(rho, [cell])
    return 2 * (one[:, 0, 1] * np.exp(1j * step * np.arange(len(rho)))).imag


step, k, theta = 0.5, 0.1, 0.3  # of the program above
rho = states(program)
t = step * np.arange(len(rho))
C, V = entanglement.concurrence(rho), voltage(rho, step)

with rq.plots.paper(7.0, 2.4):
    figure, (left, right) = plt.subplots(1, 2)
    fine = np.linspace(0, t[-1], 800)
    left.plot(k * fine, np.abs(np.sin(k * fine)), color="black", ls="--", lw=0.9, label=r"$|\sin kt|$")
    left.plot(k * t, C, "o", label="program")
    left.set(xlabel="$kt$", ylabel="concurrence $C$")
    left.legend(loc="lower center")
    right.plot(k * fine, np.cos(k * fine) * np.sin(fine + theta), color="black", ls="--", lw=0.9, label="law")
    right.plot(k * t, V, "o", label="program")
    right.set(xlabel="$kt$", ylabel="$V / V_0$", ylim=(-1.1, 1.6))
    right.legend(loc="upper center", ncols=2)

print(f"concurrence: largest distance from the law {np.abs(C - np.abs(np.sin(k * t))).max():.0e}")
print(f"voltage:     largest distance from the law {np.abs(V - np.cos(k * t) * np.sin(t + theta)).max():.0e}")

# %% [markdown]
# ## 2. Concurrence against hysteresis
#
# Now slow coupling, so that one cycle is one loop, and `analysis.memristivity`: it cuts the series at every second
# zero of the voltage, and gives the `area` and the *form factor* $F=4\pi A/P^2$ of each loop. $F$ is what the
# literature calls memristivity. (It is 1 for a circle, 0 for a line.)

# %%
slow, step, steps = 0.02, 0.25, 360
cases = {"coupled, undamped": (slow, 0.0), "coupled, damped": (slow, 0.02), "damped, not coupled": (0.0, 0.02)}
found = {}
for name, (rate, damping) in cases.items():
    rho = states(programs.coupled(2, rate=rate, damping=damping, steps=steps, step=step))
    t = step * np.arange(steps)
    V = voltage(rho, step)
    current = (1 - np.sin(np.sin(t))) / 2 * V
    loops = memristivity(xr.Dataset({"V": ("round", V), "I": ("round", current)}), drive="V", response="I")
    C = entanglement.concurrence(rho)
    cuts = geometry.zero_crossings(V)[::2]
    per_cycle = [C[start:stop].mean() for start, stop in pairwise(cuts)]
    found[name] = loops.assign(concurrence=("cycle", per_cycle[: loops.sizes["cycle"]]))

free = memristivity(
    xr.Dataset({"V": ("round", np.sin(t + theta)), "I": ("round", (1 - np.sin(np.sin(t))) / 2 * np.sin(t + theta))}),
    drive="V",
    response="I",
)
whole = free.area[0].item()

with rq.plots.paper(7.0, 2.5):
    figure, axes = plt.subplots(1, 3)
    for (name, loops), marker in zip(found.items(), "os^", strict=True):
        axes[0].plot(loops.cycle, loops.concurrence, marker, ms=3.5, label=name)
        axes[1].plot(loops.concurrence, loops.area, marker, ms=3.5)
        axes[2].plot(loops.concurrence, loops.form_factor, marker, ms=3.5)
    c = np.linspace(0, 1, 200)
    axes[1].plot(c, whole * (1 - c**2), color="black", ls="--", lw=0.9, label=r"$A_0\,(1-C^2)$")
    axes[0].set(xlabel="cycle", ylabel="mean concurrence", ylim=(-0.03, 1.45), yticks=[0, 0.5, 1])
    axes[1].set(xlabel="mean concurrence", ylabel="loop area")
    axes[2].set(xlabel="mean concurrence", ylabel="form factor", ylim=(0, 0.3))
    axes[0].legend(loc="upper left")
    axes[1].legend(loc="upper right")

undamped, damped, alone = found.values()
large = undamped.concurrence < 0.95
off = np.abs(undamped.area - whole * (1 - undamped.concurrence**2)).max().item() / whole
spread = np.ptp(undamped.form_factor.values[large]).item()
print(f"undamped: area is A0 (1 - C^2) to {off:.1%} of A0, while C goes up to {undamped.concurrence.max().item():.3f}")
print(f"undamped: form factor {undamped.form_factor[0].item():.3f}, moves by {spread:.3f} while C goes up to 0.95")
turned = np.flatnonzero(np.sign(undamped.signed_area) != np.sign(undamped.signed_area[0]))
print(f"undamped: concurrence is largest in cycle {undamped.concurrence.values.argmax()};", end=" ")
print(f"from cycle {turned[0]} on loops are run through the other way")
print(f"damped:   form factor {damped.form_factor[0].item():.3f} to {damped.form_factor[-1].item():.3f}", end="; ")
print(f"without coupling {alone.form_factor[0].item():.3f} to {alone.form_factor[-1].item():.3f}")

# %% [markdown]
# What it says:
#
# - Undamped, the *area* falls as the entanglement grows: $A=A_0(1-C^2)$, since both voltage and current shrink with
#   $\cos kt=\sqrt{1-C^2}$.
# - The *form factor* does not: it does not know how large a loop is, and a loop that shrinks as a whole keeps its
#   shape. (The last points scatter: of a loop that has shrunk to nothing, the shape is a matter of single rounds.)
# - With coupling *and* damping the form factor grows from cycle to cycle, while the concurrence rises and falls
#   again. So it is no function of the concurrence. The control says that damping alone does not move it.
#
# So "entanglement and memristivity are inverse" is true here for the area, not for the form factor. The abstract of
# Kumar and others (2021), as we recall it, says that entanglement is largest when the hysteresis curve is smallest,
# and that the curve is run through the other way from there on. Without damping both are so here: `signed_area`
# changes its sign with the voltage's amplitude $\cos kt$.
#
# ## 3. Three coupled
#
# A line and a triangle of three. The *tripartite negativity* $N_3$ is the geometric mean of the three negativities of
# one cell against the other two. Laws without damping: $N_3=\frac12\sqrt{1-\cos^4kt}$ for the triangle,
# $N_\mathrm{end}=\frac12\sqrt{1-r^2}$, $N_\mathrm{middle}=\frac12\sqrt{1-r^4}$ with $r=\frac12(1+\cos\sqrt2kt)$ for
# the line.

# %%
k, step, steps = 0.1, 0.4, 80
kt = k * step * np.arange(steps)
end, middle = closed_forms.line_negativity(kt)
three_laws = {"line": np.cbrt(end**2 * middle), "triangle": closed_forms.triangle_negativity(kt)}

with rq.plots.paper(7.0, 2.6):
    figure, axes = plt.subplots(1, 2, sharey=True)
    for ax, (topology, law) in zip(axes, three_laws.items(), strict=True):
        for damping in (0.0, 0.02):
            rho = states(programs.coupled(3, topology=topology, rate=k, damping=damping, steps=steps, step=step))
            ax.plot(kt, entanglement.tripartite_negativity(rho), label=rf"$N_3$, $\gamma_0={damping:g}$")
            if damping == 0:
                off = np.abs(entanglement.tripartite_negativity(rho) - law).max()
                print(f"{topology}: N3 largest distance from its law {off:.0e}, largest N3 {law.max():.3f}")
        ax.plot(kt, 2 * np.abs(entanglement.reduced(rho, [0])[:, 0, 1]), label="$|V|/V_0$, damped")
        ax.plot(kt, law, color="black", ls="--", lw=0.9, label="law")
        ax.set(xlabel="$kt$", title=topology)
    axes[1].legend(loc="upper right", fontsize=6.5)

# %% [markdown]
# The small distance from the laws is the Trotter error: three exchanges that do not commute are played one after the
# other. It falls as the square of the step.
#
# ## 4. Six in a line
#
# `programs.network` builds photonic-type memristors with feedback of their own, coupled by partial exchange between
# beam splitter and reading. Here six, each driven a little ahead of its left neighbour.

# %%
units, period, window, phase = 6, 6, 2, 0.5
line = programs.network(units, strength=0.3, period=period, window=window, phase=phase)
ax = rq.plots.register(line, rabi=2 * np.pi * 10)

# %%
strengths = np.array([0.0, 0.15, 0.3, 0.45, 0.6])
rounds = np.arange(2 * period)
drive = np.sin(np.pi * rounds[:, None] / period + np.arange(units) * phase / 2) ** 2
last = slice(period, 2 * period)
areas, negativities, kept = [], [], []
for strength in strengths:
    net = programs.network(units, strength=float(strength), period=period, window=window, phase=phase)
    record = rq.run(net, shots=None, emulator="ideal")
    reflectivity = np.stack([record[f"R{cell}"].values for cell in range(units)], axis=1)
    kept.append(np.abs(record.reflected.values - reflectivity * drive).max())
    areas.append([geometry.unsigned_area(drive[last, cell], record.out.values[last, cell]) for cell in range(units)])
    negativities.append(entanglement.negativity(record.qmem.density_matrix("rho")[last]).mean())
areas = np.array(areas)
law = closed_forms.discrete_loop_area(period, window).item()

with rq.plots.paper(7.0, 2.5):
    figure, axes = plt.subplots(1, 3)
    image = axes[0].imshow(areas, cmap="viridis", aspect="auto", origin="lower", vmin=0)
    figure.colorbar(image, ax=axes[0], label="loop area")
    axes[0].set(xlabel="cell", ylabel="coupling (rad)", yticks=range(len(strengths)), yticklabels=strengths)
    axes[1].plot(strengths, areas.mean(axis=1), "o-", label="mean of six")
    axes[1].plot(strengths, areas[:, 0], "s-", label="cell 0")
    axes[1].plot(strengths, areas[:, -1], "^-", label=f"cell {units - 1}")
    axes[1].axhline(law, color="black", ls="--", lw=0.9, label="law, not coupled")
    axes[1].set(xlabel="coupling (rad)", ylabel="loop area", ylim=(0, None))
    axes[1].legend(loc="lower left")
    axes[2].plot(strengths, negativities, "o-")
    axes[2].set(xlabel="coupling (rad)", ylabel="negativity of cells 0 and 1")

print(f"no coupling: largest distance of the six areas from the law {np.abs(areas[0] - law).max():.0e}")
print(f"reflected = R n_in in every cell, at every coupling: to {max(kept):.0e}")
print(f"negativity of the first pair: {negativities[0]:.0e} without coupling, {max(negativities):.3f} at most")

# %% [markdown]
# The exchange carries photons from cell to cell after each cell has fed its own memory. So the memories do not notice
# ($R\,n_\mathrm{in}$ stays exact), and the loops of what comes out do. The pair 0, 1 is entangled a little: the other
# cells share it, and six cells make a mixed pair.
#
# A word of caution: these are two consequences of one coupling. That the loops change does not *show* that there is
# entanglement. Exchange would also move photons between cells whose states are not entangled. Only the state itself
# (a probe, or tomography: exercise 1) shows it.
#
# ## Exercises
#
# **1.** A laboratory has no probe. Read the concurrence of the pair of step 1 at $kt=0.8$ from measured outcomes:
# nine settings, 500 shots each (`programs.tomography`, `analysis.tomography`).
#
# **2.** Check that the distance from the law in step 3 is a Trotter error: halve the step.
#
# **3.** Which cells of step 4 change their loop most, and which way? Reverse the order in which the cells are driven,
# and look again.
#
# ### Answer 1

# %%
from rydberg_qmem.analysis import tomography

pair = programs.coupled(2, rate=0.1, damping=0.0, steps=16, step=0.5)
measured = pair.with_(
    parameters={**pair.parameters, "setting": 0},
    body=(*pair.body, *programs.tomography(["s0", "s1"])),
)
record = rq.run(measured, sweep={"setting": range(9)}, shots=500, seed=5, emulator="ideal", state="density_matrix")
read = tomography(record, key="tomo", measures={"concurrence": entanglement.concurrence}, bootstrap=30)
value, error, bias = (read[name].item() for name in ("concurrence", "concurrence_error", "concurrence_bias"))
print(f"law |sin kt| at kt = 0.8: {np.abs(np.sin(0.8)):.4f}")
points, shots = (record.sizes[dim] for dim in ("point", "shot"))
print(f"from {points} x {shots} shots: {value:.4f} ± {error:.4f} (bias by noise {bias:+.4f})")

# %% [markdown]
# ### Answer 2


# %%
def distance(step: float, steps: int) -> float:
    rho = states(programs.coupled(3, topology="triangle", rate=0.1, damping=0.0, steps=steps, step=step))
    law = closed_forms.triangle_negativity(0.1 * step * np.arange(steps))
    return float(np.abs(entanglement.tripartite_negativity(rho) - law).max())


coarse, half = distance(0.8, 20), distance(0.4, 40)
print(f"step 0.8: {coarse:.1e}, step 0.4: {half:.1e}, ratio {coarse / half:.2f} (second order: 4)")

# %% [markdown]
# ### Answer 3

# %%
back = programs.network(units, strength=float(strengths[-1]), period=period, window=window, phase=-phase)
record = rq.run(back, shots=None, emulator="ideal")
backwards = np.sin(np.pi * rounds[:, None] / period - np.arange(units) * phase / 2) ** 2
reverse = np.array(
    [geometry.unsigned_area(backwards[last, cell], record.out.values[last, cell]) for cell in range(units)]
)
print(f"change of the loop area at coupling {strengths[-1]:g}:")
print("cell    " + "".join(f"{cell:>7}" for cell in range(units)))
print("forward " + "".join(f"{part:>+7.0%}" for part in areas[-1] / law - 1))
print("reversed" + "".join(f"{part:>+7.0%}" for part in reverse / law - 1))

# %% [markdown]
# The ends change most, in opposite directions. An inner cell has a neighbour that is ahead and one that is behind,
# whose effects partly cancel; an end has only one of them. With the order of the drive reversed the ends swap roles.
# Not exactly: the exchanges of a round are played from left to right, one after the other, so the line has a
# direction of its own.
