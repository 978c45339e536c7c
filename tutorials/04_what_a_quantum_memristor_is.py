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
# # What a quantum memristor is
#
# Tutorial 1 ran a quantum memristor. This page says what makes it one, and what makes it quantum:
#
# 1. the **classical memristor**, and three fingerprints that tell it from other devices,
# 2. the **photonic-type quantum memristor**, its loops and the **law of their area**, with its zeros,
# 3. do the fingerprints hold for it? (Not all, and the reason is known.)
# 4. **coherence**: what a classical device with the same loop cannot do,
# 5. the **price of memory**: what the device learns, it takes from the coherence.
#
# Exercises with answers follow. Every curve stands beside its closed form. The laws are derived for this project,
# unless a source is named.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import rydberg_qmem as rq
from rydberg_qmem.analysis import closed_forms, fingerprints, hysteresis

# %% [markdown]
# ## 1. A classical memristor
#
# A memristor is a resistor with a state: $I = G(\mu)\,V$, where $\mu$ changes with what has passed,
# $\dot\mu=f(\mu,V)$ (Chua 1971). The simplest one counts the flux $\phi=\int V\,dt$ and has $G=a+b\,\phi$. It is a
# ready sequence. Its one atom is never touched: a program may just calculate.

# %%
classical = rq.load("classical_memristor")
print(rq.gallery.folder().joinpath("classical_memristor.yaml").read_text(encoding="utf-8").split("tags:")[1])

# %% [markdown]
# Drive it with $V=V_0\sin\omega t$ at five frequencies. Beside it two devices that are *not* memristors, written down
# as plain arrays (the analysis takes any record):
#
# - a **varistor**, $I=V^3$: bent, but without memory,
# - a **low-pass filter**, $I$ follows $V$ with a lag: it has memory, but it also stores energy.

# %%
omegas = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
memristor = rq.run(classical, sweep={"omega": omegas}, shots=None)

V = memristor.V
phase = np.arcsin(1) * 4 * (np.arange(V.sizes["round"])) / V.sizes["round"]
lag = np.arctan(memristor.omega)
varistor = xr.Dataset({"V": V, "I": V**3})
filtered = xr.Dataset({"V": V, "I": np.cos(lag) * np.sin(xr.DataArray(phase, dims="round") - lag)})
devices = {"memristor": memristor, "varistor": varistor, "low-pass filter": filtered}

with rq.plots.paper(7.0, 2.4):
    figure, axes = plt.subplots(1, 3)
    for ax, (name, record) in zip(axes, devices.items(), strict=True):
        for point in (0, 2, 4):
            loop = record.isel(point=point)
            x, y = (np.append(values, values[0]) for values in (loop.V.values, loop.I.values))
            ax.plot(x, y, label=rf"$\omega={loop.omega.item():g}$")
        ax.set(xlabel="$V$", title=name)
    axes[0].set_ylabel("$I$")
    axes[0].legend()

# %% [markdown]
# `analysis.fingerprints` reads three marks off a sweep of the frequency:
#
# 1. **pinched**: no drive, no response, at every frequency,
# 2. **shrinks**: above some frequency the loop's area falls with the frequency,
# 3. **straightens**: at the highest frequency the loop is a line.

# %%
marks = ("pinched", "shrinks", "straightens", "memristor")
found = {
    name: fingerprints(record, drive="V", response="I", frequency="omega", tolerance=0.05)
    for name, record in devices.items()
}
print(f"{'':18}" + "".join(f"{mark:>13}" for mark in marks))
for name, marked in found.items():
    print(f"{name:18}" + "".join(f"{'yes' if marked[mark] else 'no':>13}" for mark in marks))

area = found["memristor"].area
law = 2 * closed_forms.flux_controlled_lobe(b=0.5, amplitude=1.0, omega=omegas)
print(f"\narea over the law 4 b V0^3 / 3 omega: {(area / law).min().item():.4f} to {(area / law).max().item():.4f}")
print(f"area goes as omega to the power {found['memristor'].exponent.item():.3f}; law: -1")

# %% [markdown]
# The area is a little below the law since 96 rounds make a polygon; the part that is missing is the same for all
# frequencies.
#
# ## 2. The photonic-type quantum memristor
#
# A beam splitter with the reflectivity $R$ lets $n_\mathrm{out}=(1-R)\,n_\mathrm{in}$ pass. $R$ is the mean of
# $n_\mathrm{in}$ over the last $W$ rounds. (Response and sliding window: Spagnolo and others, *Nature Photonics*
# **16**, 318, 2022.) In `photonic_memristor` the mean is an ensemble's: the click rate at the reflected port, over
# $R$.

# %%
photonic = rq.load("photonic_memristor")
ax = rq.plots.program(photonic)

# %% [markdown]
# The loops for windows that are short, fitting, and as long as the period. Dashed is the law.

# %%
period = 12
windows = [1, 4, 12]
loops = rq.run(photonic, parameters={"period": period}, sweep={"window": windows}, shots=None, emulator="ideal")

with rq.plots.paper(7.0, 2.5):
    figure, axes = plt.subplots(1, 3, sharey=True)
    t = np.linspace(0, period, 300)
    n_in = np.sin(np.pi * t / period) ** 2
    for ax, point, window in zip(axes, range(3), windows, strict=True):
        n_out = (1 - closed_forms.discrete_reflectivity(t, period, window)) * n_in
        rq.plots.hysteresis(loops.isel(point=point), drive="n_in", response="clicks.s", law=(n_in, n_out), ax=ax)
        ax.get_legend().remove()
        ax.set(xlabel=r"input $n_\mathrm{in}$", ylabel="", title=rf"$W/K = {window}/{period}$", ylim=(-0.03, 1))
    axes[0].set_ylabel(r"output $n_\mathrm{out}$")

# %% [markdown]
# With a window of one period $R$ stands still at 1/2: the loop closes to the line $n_\mathrm{out}=n_\mathrm{in}/2$.
# It does so again at every whole number of periods, and opens in between:
#
# $$ A = \frac{\pi}{8}\,\frac{\sin^2 x}{x},\qquad x=\pi\,\frac{T}{T_\mathrm{osc}}. $$
#
# This is the limit of many rounds; `closed_forms.discrete_loop_area` is exact for $K$ rounds a period. The window must
# fill before the loop is read, hence `rounds`.

# %%
swept = np.r_[1:15, 16:31:2]
setting = {"parameters": {"period": period}, "shots": None, "emulator": "ideal"}
every = rq.run(photonic, sweep={"window": swept}, rounds=4 * period, **setting)
measured = hysteresis(every, drive="n_in", response="clicks.s", period=period)
exact_law = closed_forms.discrete_loop_area(period, swept)

with rq.plots.paper():
    figure, ax = plt.subplots()
    ratio = np.linspace(1e-3, 2.6, 500)
    limit = closed_forms.photonic_loop_area(np.pi * ratio)
    ax.plot(ratio, limit, color="black", ls="--", lw=0.9, label="limit of many rounds")
    fine = np.linspace(1, 31, 600)
    ax.plot(fine / period, closed_forms.discrete_loop_area(period, fine), lw=0.8, label=f"law of {period} rounds")
    ax.plot(swept / period, measured.area, "o", label="program")
    ax.plot(ratio, 1 / (8 * ratio), color="0.6", lw=0.8, ls=":", label=r"envelope $T_\mathrm{osc}/8T$")
    ax.set(xlabel=r"$T/T_\mathrm{osc}$", ylabel="loop area $A$", ylim=(-0.01, 0.4))
    ax.legend()

zeros = measured.area.sel(point=np.flatnonzero(swept % period == 0)).values
print(f"largest distance from the law of {period} rounds: {np.abs(measured.area - exact_law).max().item():.0e}")
print("area where the window holds whole periods:", ", ".join(f"{value:.0e}" for value in zeros))

# %% [markdown]
# ## 3. Do the fingerprints hold?

# %%
frequency = every.assign_coords(frequency=("point", swept / period))
below_one = frequency.isel(point=np.flatnonzero(swept < period))
for name, record in (("up to the first zero", below_one), (f"up to {swept[-1] / period:g} periods", frequency)):
    marked = fingerprints(record, drive="n_in", response="clicks.s", frequency="frequency", period=period)
    print(f"{name:22}" + ", ".join(f"{mark}: {'yes' if marked[mark] else 'no'}" for mark in marks))

# %% [markdown]
# Up to the first zero it bears all three. Over the whole range the second fails, and rightly: the area does not fall
# steadily, it has zeros and lobes, whose envelope falls as $1/f$. With 12 rounds, which look back by $(W+1)/2$ on
# average, the first zero lies at $W=11$, just before the ratio 1. The zeros come from the sharp window, which forgets
# everything after $T$. So "the area falls with the frequency" is no test that a photonic-type memristor must pass.
# And a loop that vanishes at *low* frequency too is not what Chua's textbook device does. A page that claims "all
# fingerprints hold" should say over which range.
#
# ## 4. What is quantum about it
#
# Populations alone are not. Put coins in the place of the atoms, and the loop above is the same. The difference is in
# what leaves the beam splitter *before it is measured*. The input $\sqrt{1-n}\,|g\rangle+\sqrt n\,|h\rangle$ has the
# coherence $\langle X\rangle_\mathrm{in}=2\sqrt{n(1-n)}=|\sin\varphi|$, and a beam splitter divides it as an
# amplitude:
#
# $$ \langle X\rangle_\mathrm{out}=\sqrt{1-R}\;\langle X\rangle_\mathrm{in}. $$
#
# So the coherence has a hysteresis loop of its own. To see it, put a probe before the measurement. The control: the
# same device behind a *dephased* input, which is measured before it enters.

# %%
text = photonic.to_yaml()
print(text[text.index("body:") :])

# %%
LOOK = "- probe: {atoms: s, pauli: [X], key: coherence}\n        - measure:"
DEPHASE = "- measure: {atoms: s, key: coin}\n        - beam_splitter:"
quantum = rq.Program.from_yaml(text.replace("- measure:", LOOK, 1))
coins = rq.Program.from_yaml(text.replace("- measure:", LOOK, 1).replace("- beam_splitter:", DEPHASE, 1))

K, W = 24, 9
setting = {"parameters": {"period": K, "window": W}, "shots": None, "emulator": "ideal"}
kept, dephased = rq.run(quantum, **setting), rq.run(coins, **setting)
last = slice(K, 2 * K)
k = np.arange(K)
x_in = np.abs(np.sin(2 * np.pi * k / K))
x_law = np.sqrt(1 - closed_forms.discrete_reflectivity(k, K, W)) * x_in


def coherence(record):
    return record.coherence.isel(round=last).values.ravel()


with rq.plots.paper(7.0, 2.6):
    figure, (left, right) = plt.subplots(1, 2)
    for record, marker, name in ((kept, "o", "superposition"), (dephased, "x", "coins")):
        rounds = record.isel(round=last)
        left.plot(rounds.n_in, rounds.clicks.sel(clicks_atom="s"), marker, label=name)
        right.plot(x_in, coherence(record), marker, label=name)
    right.plot(np.append(x_in, x_in[0]), np.append(x_law, x_law[0]), color="black", ls="--", lw=0.9, label="law")
    left.set(xlabel=r"$n_\mathrm{in}$", ylabel=r"$n_\mathrm{out}$", title="populations: no difference")
    right.set(xlabel=r"$\langle X\rangle_\mathrm{in}$", ylabel=r"$\langle X\rangle_\mathrm{out}$", title="coherence")
    left.legend()
    right.legend()

gap = np.abs(kept.clicks - dephased.clicks).max().item()
print(f"populations, superposition against coins: largest difference {gap:.0e}")
print(f"coherence, superposition: largest distance from the law {np.abs(coherence(kept) - x_law).max():.0e}")
print(f"coherence, coins: at most {np.abs(coherence(dephased)).max():.0e}")

# %% [markdown]
# A loop in populations shows memory, not quantumness. A claim of "quantum" needs the right-hand picture, or
# entanglement ([tutorial 6](06_coupled_memristors_and_entanglement.ipynb)).
#
# ## 5. The price of memory
#
# Here the ensemble pays: many copies are measured at the reflected port, and the transmitted atom keeps its
# coherence. Can *one* device, in one shot, remember and keep the coherence of its output? It must learn about its
# input, and that disturbs. `weak_tap_memristor` measures the input with strength $\epsilon$ before the beam splitter:
#
# - the coherence that is left is $\sqrt{1-\epsilon^2}$ of what it was,
# - the estimate of one round is $(1-m/\epsilon)/2$ with $m=\pm1$: right on average, and the noisier the weaker. $R$
#   must stay between 0 and 1, is clipped there, and so is biased.

# %%
strengths = np.array([0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0])
K, W = 12, 5
text = rq.load("weak_tap_memristor").to_yaml()
text = (
    text.replace("memory: {", "memory: {amplitude: {initial: sqrt(0.5)}, ", 1)
    + "        - set: {amplitude: sqrt(1 - R)}\n"
)
tap = rq.Program.from_yaml(text)
tapped = rq.run(
    tap,
    parameters={"period": K, "window": W},
    sweep={"strength": strengths},
    shots=None,
    emulator="ideal",
    state="density_matrix",
)

# %% [markdown]
# The added memory variable `amplitude` holds $\sqrt{1-R}$ of each shot, for the law must average the amplitude, not
# $R$: $\langle X\rangle_\mathrm{out} = \sqrt{1-\epsilon^2}\,\langle\sqrt{1-R}\rangle\,\langle X\rangle_\mathrm{in}$.

# %%
k = np.arange(K)
period_two = tapped.isel(round=slice(K, 2 * K))
sine = np.abs(np.sin(2 * np.pi * k / K))
x_out = period_two.out_pauli.sel(out_axis="X").isel(out_atom=0)
x_law = np.sqrt(1 - strengths[:, None] ** 2) * period_two.amplitude * sine
bias = np.abs(period_two.R - closed_forms.discrete_reflectivity(k, K, W)).max("round")
quarter = K // 4  # where the input's coherence is 1
left_over = (x_out / period_two.amplitude).isel(round=quarter)

with rq.plots.paper(7.0, 2.6):
    figure, (left, right) = plt.subplots(1, 2)
    for point in (0, 4, 6):
        [dots] = left.plot(k, x_out.isel(point=point), "o", label=rf"$\epsilon={strengths[point]:g}$")
        left.plot(k, x_law.isel(point=point), color=dots.get_color(), lw=0.8)
    left.set(xlabel="round of the period", ylabel=r"$\langle X\rangle_\mathrm{out}$", ylim=(-0.05, 1))
    left.legend(loc="upper right")
    right.plot(np.sqrt(1 - strengths**2), bias, "o-")
    for strength, kept_part, error in zip(strengths, np.sqrt(1 - strengths**2), bias.values, strict=True):
        right.annotate(f"{strength:g}", (kept_part, error), (-4, 4), textcoords="offset points", ha="right", fontsize=7)
    right.set(xlabel=r"coherence kept, $\sqrt{1-\epsilon^2}$", ylabel="largest bias of $R$", xlim=(-0.08, 1.02))

print(f"coherence: largest distance from the law {np.abs(x_out - x_law).max().item():.0e}")
print(f"{'strength':>9}{'kept':>8}{'law':>8}{'bias of R':>11}")
for strength, kept_part, error in zip(strengths, left_over.values, bias.values, strict=True):
    print(f"{strength:9.2f}{kept_part:8.3f}{np.sqrt(1 - strength**2):8.3f}{error:11.3f}")

# %% [markdown]
# The numbers beside the dots are strengths. There is no free corner: a device that keeps nearly all of its coherence
# believes nearly nothing of what it sees. (The *bias* depends on the window: a longer one averages the noise before
# it is clipped. The law of the coherence does not.)
#
# ## What is published, what is derived
#
# - **Published**: the classical memristor and its fingerprints (Chua 1971; the fingerprints are textbook); the
#   response and window of the photonic memristor (Spagnolo and others 2022).
# - **Derived for this project** and checked here: all closed forms, the weak tap and its trade-off.
# - **Machines**: all this runs on emulators. We found no published quantum memristor on neutral atoms.
#
# ## Exercises
#
# **1.** Compute the *form factor* $4\pi A/P^2$ of the loops of step 2 ($P$ is the length of the loop; a circle has 1,
# a line 0). Where is it largest? Compare with the continuous loop, `closed_forms.photonic_loop`.
#
# **2.** Freeze the memory: leave out every `set` and `push`. What is left of the loop?
#
# **3.** `two_port_memristor` feeds back the clicks of the single shot, `photonic_memristor` the ensemble's. Do they
# have the same loop? Test it with 1000 shots each.
#
# ### Answer 1

# %%
phase = np.linspace(0, 2 * np.pi, 4000, endpoint=False)


def form_factor(x: float) -> float:
    n_in, n_out = closed_forms.photonic_loop(phase, x)
    length = np.hypot(np.diff(n_in, append=n_in[0]), np.diff(n_out, append=n_out[0])).sum()
    return float(4 * np.pi * closed_forms.photonic_loop_area(x) / length**2)


ratio = np.linspace(0.01, 2.6, 260)
curve = np.array([form_factor(np.pi * r) for r in ratio])
with rq.plots.paper():
    figure, ax = plt.subplots()
    ax.plot(ratio, curve, color="black", ls="--", lw=0.9, label="limit of many rounds")
    ax.plot(swept / period, measured.form_factor, "o", label=f"program, {period} rounds")
    ax.set(xlabel=r"$T/T_\mathrm{osc}$", ylabel="form factor")
    ax.legend()
best = int(measured.form_factor.values.argmax())
print(f"largest form factor: {measured.form_factor[best].item():.3f} at T / T_osc = {swept[best] / period:.3f}")
print(f"in the limit:        {curve.max():.3f} at T / T_osc = {ratio[curve.argmax()]:.3f}")

# %% [markdown]
# ### Answer 2

# %%
from rydberg_qmem.learning import frozen

still = rq.run(frozen(photonic), parameters={"period": period}, shots=None, emulator="ideal")
line = hysteresis(still, drive="n_in", response="clicks.s")
print(f"area {line.area.item():.0e}, slope {line.slope.item():.3f}, R^2 of the line {line.line_r2.item():.6f}")

# %% [markdown]
# A line of slope 1/2: a lossy piece of glass. All that made the loop was the feedback.
#
# ### Answer 3

# %%
both = {"parameters": {"period": 24, "window": 9}, "shots": 1000, "emulator": "ideal"}
expected = closed_forms.discrete_loop_area(24, 9).item()
for name in ("two_port_memristor", "photonic_memristor"):
    repeats = [hysteresis(rq.run(name, seed=seed, **both), drive="n_in", response="clicks.s") for seed in range(16)]
    areas = np.array([loop.area.item() for loop in repeats])
    error = areas.std(ddof=1) / np.sqrt(len(areas))
    said = np.mean([loop.area_error.item() for loop in repeats])
    off = (areas.mean() - expected) / error
    print(f"{name + ':':20} area {areas.mean():.4f} ± {error:.4f}, {off:+.1f} standard errors from {expected:.4f};")
    print(f"{'':20} scatter from run to run {areas.std(ddof=1):.4f}, bootstrap says {said:.4f}")

# %% [markdown]
# The same loop. But the ensemble's runs scatter more, and the shots of *one* run cannot see all of it: all of them
# share the mean that was fed back. One run tells no error by its shots, but by its cycles, once they are three or more.
