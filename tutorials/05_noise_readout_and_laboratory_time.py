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
# # Noise, readout and laboratory time
#
# Programs that measure in the middle are slow on real atoms. A pulse takes a microsecond, a look at an atom takes
# hundreds; the look errs, and sometimes throws the atom away. This page adds these things to a program one at a
# time, each beside a formula that says what it must do:
#
# 1. atoms that **decohere** while pulses play,
# 2. lasers and atoms that differ **from shot to shot**, and how an echo tells the two apart,
# 3. **readout errors**, and how to unfold them,
# 4. what misread bits do to a program that **steers** by them,
# 5. **lost atoms**,
# 6. **laboratory time**, and what waiting costs,
# 7. what **breaks first** in a quantum memristor on two machines,
# 8. which **emulator** can follow what.
#
# Exercises with answers follow. You should know [tutorial 1](01_first_pulse_to_first_loop.ipynb). All numbers in
# the text are computed on this page. Rates are in 1/µs, angular frequencies in rad/µs.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import expm

import rydberg_qmem as rq
from rydberg_qmem.analysis import closed_forms, mitigation
from rydberg_qmem.language.hardware import PROFILES

# %% [markdown]
# ## 1. Atoms that decohere
#
# `noise` takes the fields of `pulser.NoiseModel` by their names (or a `pulser.NoiseModel`). Two of them act
# while time passes: `relaxation_rate` $\Gamma$ takes $r$ to $g$, and `dephasing_rate` $\gamma$ takes the coherence
# between them. Drive one atom on resonance under both:

# %%
RABI = """
format: rydberg_qmem-program/1
name: damped_rabi
device: MockDevice
register: {atoms: {q: [0, 0]}}
parameters: {omega: 2 * pi, duration_ns: 1000}
body:
  - pulse: {channel: rydberg_local, atoms: q, amplitude: {constant: {duration_ns: duration_ns, value: omega}}}
  - measure: {atoms: q, key: m}
"""
rabi = rq.Program.from_yaml(RABI)
gamma_1, gamma_2, omega = 0.3, 0.5, 2 * np.pi
decay = {"relaxation_rate": gamma_1, "dephasing_rate": gamma_2}

durations = np.arange(100, 3001, 100)
exact = rq.run(rabi, sweep={"duration_ns": durations}, shots=None, noise=decay)
jumps = rq.run(rabi, sweep={"duration_ns": durations}, shots=400, seed=1, noise=decay, state="vector")

# %% [markdown]
# Without `shots` the state is a density matrix that obeys the Lindblad equation. With `state="vector"` each shot is
# a state vector that decays and *jumps*, at random times: a quantum-jump trajectory. Their mean must be the density
# matrix. (Left to itself, `state="auto"` takes what is cheaper.)
#
# The formula to compare with is the Bloch equation: $w=P_g-P_r$ and the coherence $v$ turn into each other
# at $\Omega$, $v$ decays at $\Gamma/2+\gamma$, and $w$ returns to 1 at $\Gamma$.

# %%
bloch = np.array([[-(gamma_1 / 2 + gamma_2), -omega, 0], [omega, -gamma_1, gamma_1], [0, 0, 0]])


def excited(times_us):
    return np.array([(1 - (expm(bloch * t) @ [0, 1, 1])[1]) / 2 for t in times_us])


times = durations / 1000  # µs
mean = jumps.m.mean("shot")
error = np.sqrt(exact.m * (1 - exact.m) / jumps.sizes["shot"])

with rq.plots.paper():
    figure, ax = plt.subplots()
    fine = np.linspace(0, times[-1], 400)
    ax.plot(fine, excited(fine), color="black", lw=0.9, ls="--", label="Bloch equation")
    ax.plot(times, exact.m, "o", mfc="none", ms=4.5, label="density matrix")
    ax.errorbar(times, mean, error, fmt=".", label=f"{jumps.sizes['shot']} trajectories")
    ax.set(xlabel="pulse duration (µs)", ylabel="probability of $r$", ylim=(-0.05, 1.05))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=0.8)

z = ((mean - exact.m) / error).values
print(f"density matrix, largest distance from the Bloch equation: {np.abs(exact.m - excited(times)).max().item():.0e}")
print(f"trajectories, distance from it: {np.sqrt((z**2).mean()):.2f} standard errors (root mean square)")

# %% [markdown]
# ## 2. What differs from shot to shot
#
# Lasers drift and warm atoms move: the Hamiltonian of a shot is not quite the program's, but stays the same to the
# shot's end. Such fields need shots (an exact run has no *one* Hamiltonian, and says so):

# %%
try:
    rq.run(rabi, shots=None, noise={"detuning_sigma": 1.0})
except rq.QmemError as error_told:
    print(error_told)

# %% [markdown]
# The difference matters, since what is constant within a shot can be undone. Prepare a superposition, let it
# wait for a time $T$, and turn it back (a *Ramsey* sequence). With a $\pi$ pulse in the middle, an *echo*, the second
# half of the wait takes back what a constant detuning did in the first. It cannot take back dephasing, which
# forgets.

# %%
RAMSEY = """
format: rydberg_qmem-program/1
name: ramsey
device: MockDevice
register: {atoms: {q: [0, 0]}}
parameters: {half_ns: 500, echo: 0}
body:
  - pulse: {channel: rydberg_local, atoms: q, amplitude: {constant: {duration_ns: 4, area: pi / 2}}}
  - pulse: {channel: rydberg_local, atoms: q, amplitude: {constant: {duration_ns: half_ns, value: 0}}}
  - pulse: {channel: rydberg_local, atoms: q, amplitude: {constant: {duration_ns: 4, area: pi * echo}}}
  - pulse: {channel: rydberg_local, atoms: q, amplitude: {constant: {duration_ns: half_ns, value: 0}}}
  - pulse: {channel: rydberg_local, atoms: q, amplitude: {constant: {duration_ns: 4, area: pi / 2}}}
  - measure: {atoms: q, key: m}
"""
ramsey = rq.Program.from_yaml(RAMSEY)
SIGMA, GAMMA, SHOTS = 2.0, 1.0, 400
halves = np.arange(50, 1001, 95)
sweep = {"half_ns": halves, "echo": [0, 1]}
causes = {"detuning_sigma": SIGMA, "dephasing_rate": GAMMA}
runs = {name: rq.run(ramsey, sweep=sweep, shots=SHOTS, seed=2, noise={name: value}) for name, value in causes.items()}
contrast = {
    name: np.abs(2 * run.m.mean("shot").to_dataset(name="p").qmem.unstack().p - 1) for name, run in runs.items()
}

# %%
waits = 2 * halves / 1000
fine = np.linspace(0, waits[-1], 200)
law = {
    "detuning_sigma": [np.exp(-((SIGMA * fine) ** 2) / 2), np.ones_like(fine)],
    "dephasing_rate": [np.exp(-GAMMA * fine)] * 2,
}
with rq.plots.paper(width_in=6.2, height_in=2.5):
    figure, axes = plt.subplots(ncols=2, sharey=True)
    for ax, (name, curves) in zip(axes, law.items(), strict=True):
        for echo, marker, curve, label in zip((0, 1), "os", curves, ("Ramsey", "with an echo"), strict=True):
            c = contrast[name].sel(echo=echo)
            spread = np.sqrt(np.maximum(1 - c**2, 1 / SHOTS) / SHOTS)
            ax.errorbar(waits, c, spread, fmt=marker, ms=3.5, mfc="white" if echo else None, label=label)
            ax.plot(fine, curve, color="black", ls="--", lw=0.9, label="law" if echo else None)
        ax.set(
            xlabel="waiting time $T$ (µs)",
            title=f"{name} = {causes[name]:g}" + (" rad/µs" if "sigma" in name else " µs⁻¹"),
        )
    axes[0].set(ylabel=r"contrast $|2P_r-1|$", ylim=(-0.05, 1.08))
    axes[1].legend(loc="upper right")

for name in causes:
    kept = [contrast[name].sel(echo=echo).isel(half_ns=-1).item() for echo in (0, 1)]
    print(f"{name}: contrast after {waits[-1]:.2f} µs is {kept[0]:.2f}; with an echo {kept[1]:.2f}")

# %% [markdown]
# The laws: normal detunings of width $\sigma$ leave $e^{-(\sigma T)^2/2}$, or all of it with an echo; dephasing
# leaves $e^{-\gamma T}$ with and without. (Contrast is a modulus, so where it is zero the points lie a standard error
# above.) Doppler shifts (`temperature`), amplitudes (`amp_sigma`), positions (`trap_waist`) work alike;
# each field's meaning is Pulser's.
#
# ## 3. A measurement that errs
#
# What the *machine* does when it measures is data too: a `HardwareProfile`, given as a mapping, a YAML file, or by
# name. A bit 0 is read as 1 with the probability $e_{01}$ (`p_false_pos`), a 1 as 0 with $e_{10}$ (`p_false_neg`). The
# record holds the bit that was read; the atom keeps the true one.
#
# A photon of probability $b$ meets a beam splitter of reflectivity $R$: a click at the reflected port has the
# probability $Rb$, and is *read* with
#
# $$ q = (1-e_{10})\,Rb + e_{01}\,(1-Rb). $$

# %%
PORT = """
format: rydberg_qmem-program/1
name: reflected_port
register: {atoms: {s: [0, 0], a: [5, 0]}}
parameters: {b: 0.8, R: 0.5}
body:
  - rotate: {atom: s, angle: 2 * asin(sqrt(b))}
  - beam_splitter: {system: s, ancilla: a, reflectivity: R}
  - measure: {atoms: a, key: click}
"""
port = rq.Program.from_yaml(PORT)
E01, E10, B = 0.06, 0.15, 0.8
misread = {"p_false_pos": E01, "p_false_neg": E10}
R = np.linspace(0, 1, 11)
common = {"sweep": {"R": R}, "emulator": "ideal", "hardware": misread}
exact = rq.run(port, shots=None, **common)
shots = rq.run(port, shots=1000, seed=3, **common)
corrected = mitigation.unfold(shots, "click")
formula = (1 - E10) * R * B + E01 * (1 - R * B)

with rq.plots.paper():
    figure, ax = plt.subplots()
    ax.plot(R, R * B, color="black", lw=0.9, ls="--", label="true: $Rb$")
    ax.plot(R, formula, color="black", lw=0.9, ls=":", label="read: $q$")
    ax.plot(R, shots.click.mean("shot"), "o", ms=4, label="clicks read")
    ax.errorbar(R, corrected.probability, corrected.probability_error, fmt="s", ms=3.5, label="unfolded")
    ax.set(xlabel="reflectivity $R$", ylabel="probability of a click", ylim=(-0.03, 0.9))
    ax.legend(loc="upper left")

z = ((corrected.probability - R * B) / corrected.probability_error).values
print(f"exact run, largest distance from the formula: {np.abs(exact.click - formula).max().item():.0e}")
print(f"unfolded, distance from Rb: {np.sqrt((z**2).mean()):.2f} standard errors (root mean square)")
print(f"unfolding makes errors larger, by 1 / (1 - e01 - e10) = {1 / (1 - E01 - E10):.2f}")

# %% [markdown]
# `mitigation.unfold` takes the confusion from the record, which knows the machine that made it. (One of your own
# measuring can be given.)
#
# ## 4. Steering by misread bits
#
# In a memristor the bits also *steer*. Unfolding the record afterwards corrects what is read from it; what a wrong
# bit did to the atoms has happened. So there are two places to unfold: in the analysis, and in the control, in
# the expression that uses the bits. Three runs of the two-port memristor of tutorial 1, with these bad bits:

# %%
memristor = rq.load("two_port_memristor")
period, window = 24, 9


def steered(expression: str) -> rq.Program:
    data = memristor.to_dict()
    data["parameters"] |= {"e01": E01, "e10": E10}
    data["body"][0]["repeat"]["body"][4] = {"push": {"seen": expression}}
    return rq.Program.from_dict(data)


naive = steered("clicks.a + clicks.s")
careful = steered("(clicks.a + clicks.s - 2 * e01) / (1 - e01 - e10)")
settings = {"shots": 3000, "emulator": "ideal"}
raw = rq.run(naive, seed=4, hardware=misread, **settings)
fair = rq.run(careful, seed=5, hardware=misread, **settings)
loops = {
    "read, steered by read bits": (raw, "clicks.s"),
    "unfolded in the analysis": (raw, mitigation.unfolded(raw, "clicks.s")),
    "unfolded in both": (fair, mitigation.unfolded(fair, "clicks.s")),
}

phase = np.linspace(0, period, 400)
law_in = np.sin(np.pi * phase / period) ** 2
law_out = (1 - closed_forms.discrete_reflectivity(phase, period, window)) * law_in
with rq.plots.paper(width_in=6.8, height_in=2.5):
    figure, axes = plt.subplots(ncols=3, sharey=True)
    for ax, (name, (run, response)) in zip(axes, loops.items(), strict=True):
        rq.plots.hysteresis(run, drive="n_in", response=response, law=(law_in, law_out), ax=ax)
        ax.set(title=name, xlabel=r"$n_\mathrm{in}$", ylabel="")
    axes[0].set(ylabel=r"$n_\mathrm{out}$")

expected = float(closed_forms.discrete_loop_area(period, window))
print(f"{'without errors, law:':29} area {expected:.4f}")
for name, (run, response) in loops.items():
    loop = rq.analysis.hysteresis(run, drive="n_in", response=response)
    off = (loop.area.item() - expected) / loop.area_error.item()
    print(f"{name + ':':29} area {loop.area.item():.4f} ± {loop.area_error.item():.4f}, {off:+.1f} standard errors off")

# %% [markdown]
# The area alone would not tell the whole story: look where the loops *start*. With misread bits something seems to
# come out where nothing went in (the loop is no longer pinched at the origin); unfolding in the analysis repairs
# that, and unfolding in the control repairs the shape.
#
# A little remains even then, and it has another cause. An unfolded bit is right on average but leaves $[0,1]$, so the
# mean over a window may leave it too; a reflectivity cannot, and is clipped. Take the same mean from the record
# without clipping it:

# %%
estimate = (fair.clicks.sel(clicks_atom="a") + fair.clicks.sel(clicks_atom="s") - 2 * E01) / (1 - E01 - E10)
free = estimate.rolling(round=window).mean().shift(round=1).isel(round=slice(period, None))
clipped = fair.R.isel(round=slice(period, None))
mean_law = closed_forms.discrete_reflectivity(free["round"], period, window)
error = (free.std("shot") / np.sqrt(free.sizes["shot"])).max().item()
for name, R_of_shots in (("without clipping", free), ("clipped", clipped)):
    away = np.abs(R_of_shots.mean("shot") - mean_law).max().item()
    print(f"mean R, {name + ':':17} at most {away:.3f} from the law (standard error at most {error:.3f})")
print(f"the control was at a limit in {((clipped == 0) | (clipped == 1)).mean().item():.0%} of the rounds")

# %% [markdown]
# A longer window is clipped less: errors of single bits average out in it.
#
# ## 5. Lost atoms
#
# Imaging can throw an atom out of its trap. A lost atom reads -1 in the record, takes no part in any
# interaction, and is replaced by the next `reset`. Here are two atoms measured in every round, with and without
# a reset:

# %%
LOSSY = """
format: rydberg_qmem-program/1
name: lossy
register: {atoms: {p: [0, 0], q: [30, 0]}}
body:
  - repeat:
      times: 24
      body:
        - rotate: {atom: p, angle: pi / 2}
        - rotate: {atom: q, angle: pi / 2}
        - measure: {atoms: [p, q], key: m}
        - reset: {atoms: p}
"""
LOSS = 0.04
lossy = rq.run(rq.Program.from_yaml(LOSSY), shots=2000, seed=6, emulator="ideal", hardware={"loss": LOSS})
kept = mitigation.select_kept(lossy)
there = (lossy.m >= 0).mean("shot")
rounds = np.arange(24)

with rq.plots.paper():
    figure, ax = plt.subplots()
    ax.plot(rounds, np.full(24, 1 - LOSS), color="black", ls="--", lw=0.9)
    ax.plot(rounds, (1 - LOSS) ** (rounds + 1), color="black", ls="--", lw=0.9, label="law")
    ax.plot(rounds, there.sel(m_atom="p"), "o", ms=3.5, label="replaced each round")
    ax.plot(rounds, there.sel(m_atom="q"), "s", ms=3.5, label="not replaced")
    ax.axhline(kept.attrs["kept_fraction"], color="0.5", lw=0.9)
    ax.text(0, kept.attrs["kept_fraction"] + 0.02, "shots that lost no atom at all", fontsize=7)
    ax.set(xlabel="round", ylabel="atom is there (fraction of shots)", ylim=(0, 1.05))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=0.8)

survive = (1 - LOSS) ** 48
part, part_error = kept.attrs["kept_fraction"], kept.attrs["kept_fraction_error"]
print(f"shots kept: {part:.3f} ± {part_error:.3f}; (1 - loss)^48 = {survive:.3f}")
print(f"to keep 1000 shots of 24 rounds, run {1000 / survive:.0f}")

# %% [markdown]
# `mitigation.select_kept` keeps the shots that lost no atom (*post-selection*), and says which part that is. Its price
# grows exponentially with the rounds, the price of a reset does not: long feedforward programs must replace atoms.
# An expression that steers should say what a lost atom means: `max(clicks.a, 0)` takes it for no photon, the bundled
# `two_port_memristor` takes its last count again. `record.qmem.mean(key)` is over the atoms that were there.
#
# ## 6. Laboratory time
#
# `time_us` in a record is laboratory time. Three profiles are built in: `ideal`, `zoned_2024` (atoms are moved
# into a zone and imaged by a camera) and `fast_cavity` (an optical cavity reads atom by atom). Every number of a
# profile carries its source, and the source says so where a number is assumed, or from memory:

# %%
for field, value, source in PROFILES["zoned_2024"].rows():
    print(f"{field:20} {value:>10}  {source}")

# %%
tolerant = steered("max(clicks.a, 0) + max(clicks.s, 0)")
pulses = rq.run(memristor, shots=None, rounds=4)
pulse_us = pulses.time_us.diff("round").mean().item()
parts = ["pulses", "imaging_us", "readout_latency_us", "decision_latency_us", "reset_us"]
names = ["pulses", "imaging", "readout", "decision", "reset"]

with rq.plots.paper(height_in=1.7):
    figure, ax = plt.subplots()
    for row, name in enumerate(("zoned_2024", "fast_cavity")):
        left = 0.0
        for k, part in enumerate(parts):
            width = pulse_us if part == "pulses" else getattr(PROFILES[name], part)
            ax.barh(row, width, left=left, color=f"C{k}", edgecolor="white", label=names[k] if row == 0 else None)
            left += width
        ax.text(left + 10, row, f"{left:.0f} µs", va="center", fontsize=7)
    ax.set(
        xlabel="one round of the memristor (µs)",
        yticks=[0, 1],
        yticklabels=["zoned_2024", "fast_cavity"],
        xlim=(0, 1000),
    )
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=5, columnspacing=0.7, handlelength=1)

for name in ("ideal", "zoned_2024", "fast_cavity"):
    profile = PROFILES[name]
    one = pulse_us + profile.measuring_us + profile.reset_us
    print(
        f"{name:12} one round {one:7.1f} µs, of which pulses {100 * pulse_us / one:5.1f} %; "
        f"48 rounds, 10,000 shots: {one * 48 * 10_000 / 3.6e9:.3f} hours"
    )

# %% [markdown]
# `rq.estimate` (on the command line `rqm estimate`) says this budget before anything runs:

# %%
print("\n".join(str(rq.estimate(memristor, shots=10_000, hardware="zoned_2024", emulator="ideal")).splitlines()[2:4]))

# %% [markdown]
# Time hurts atoms that wait in a superposition. Prepare one, and look at its coherence while its *neighbour* is
# measured and reset, round after round:

# %%
KEEPER = """
format: rydberg_qmem-program/1
name: keeper
register: {atoms: {s: [0, 0], a: [30, 0]}}
body:
  - rotate: {atom: s, angle: pi / 2}
  - repeat:
      times: 24
      body:
        - probe: {atoms: s, pauli: [X], key: x}
        - measure: {atoms: a, key: m}
        - reset: {atoms: a}
"""
keeper = rq.Program.from_yaml(KEEPER)
coherence = {
    name: rq.run(keeper, shots=None, emulator="ideal", hardware=name).x.values.ravel()
    for name in ("ideal", "fast_cavity", "zoned_2024")
}

with rq.plots.paper():
    figure, ax = plt.subplots()
    for marker, (name, values) in zip("^so", coherence.items(), strict=True):
        profile = PROFILES[name]
        per_round = (1 - profile.spectator_dephasing) * np.exp(
            -(profile.measuring_us + profile.reset_us) / (profile.t2_us or np.inf)
        )
        ax.plot(rounds, per_round**rounds, color="black", ls="--", lw=0.9, label="law" if name == "ideal" else None)
        ax.plot(rounds, values, marker, ms=3.5, label=name)
        print(f"{name:12} keeps {values[-1]:.4f} after {rounds[-1]} rounds, law {per_round ** rounds[-1]:.4f}")
    ax.set(xlabel="rounds waited", ylabel=r"coherence $\langle X\rangle$", ylim=(0.7, 1.02))
    ax.legend(loc="lower left")

# %% [markdown]
# The law: each round takes the part `spectator_dephasing` (light meant for the neighbour) and $e^{-t/T_2}$ (waiting).
#
# ## 7. What breaks first?
#
# Switch on one kind of error at a time, keep the durations, and see how far each moves the area of the
# memristor's loop:

# %%
KINDS = {
    "readout": ["p_false_pos", "p_false_neg"],
    "loss": ["loss"],
    "coherence": ["spectator_dephasing", "t2_us", "rydberg_lifetime_us"],
    "all": list(type(PROFILES["ideal"]).model_fields),
}


def only(profile, fields):
    data = profile.to_dict()
    clocks = ["imaging_us", "readout_latency_us", "decision_latency_us", "reset_us"]
    return {name: data[name] for name in [*clocks, *fields] if name in data and name != "sources"}


def area(hardware, seed):
    run = rq.run(tolerant, shots=3000, seed=seed, emulator="ideal", hardware=hardware)
    loop = rq.analysis.hysteresis(run, drive="n_in", response="clicks.s")
    return loop.area.item(), loop.area_error.item()


moved = {
    (name, kind): area(only(PROFILES[name], fields), seed=7)
    for name in ("zoned_2024", "fast_cavity")
    for kind, fields in KINDS.items()
}

with rq.plots.paper():
    figure, ax = plt.subplots()
    for k, name in enumerate(("zoned_2024", "fast_cavity")):
        values = np.array([moved[name, kind] for kind in KINDS])
        place = np.arange(len(KINDS)) + 0.2 * (2 * k - 1)
        ax.errorbar(place, values[:, 0], values[:, 1], fmt="os"[k], ms=4, capsize=2, label=name)
    ax.axhline(expected, color="black", ls="--", lw=0.9, label="law, no errors")
    ax.set(xticks=np.arange(len(KINDS)), xticklabels=list(KINDS), xlabel="errors that are on", ylabel="loop area")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=0.8)

for (name, kind), (value, its_error) in moved.items():
    print(
        f"{name:12} {kind:10} area {value:.4f} ± {its_error:.4f}, {(value - expected) / its_error:+.1f} standard errors"
    )

# %% [markdown]
# Coherence does nothing here, and that says something about the program, not about the machine: this
# memristor prepares its atoms anew in each round, so none has to wait in a superposition. One that keeps its state
# (as the atom of step 6 does) loses most by waiting. The same table with more shots, and what it names as the first
# thing to break, is in [docs/hardware.md](../docs/hardware.md).
#
# ## 8. Which emulator can follow what
#
# What an emulator can do is data, and checked before anything runs. Nothing is ignored: a field that an
# emulator cannot follow is refused by its name.

# %%
from rydberg_qmem.emulators.registry import emulator_of
from rydberg_qmem.language.noise import Noise

for name in ("exact", "ideal", "qutip", "emu_sv", "emu_mps"):
    can = emulator_of(name).capabilities
    noises, machines = len(can.noise), len(can.hardware)
    print(f"{name:8} follows {noises:2} of {len(Noise.model_fields)} fields of noise, {machines:2} of hardware")

try:
    rq.run(rabi, shots=10, emulator="emu_mps", noise={"temperature": 50.0})
except rq.QmemError as error_told:
    print(error_told)

# %% [markdown]
# ## Exercises
#
# **1.** A laser whose amplitude is wrong by a normal factor of width $s$ in each shot: what is the law of the damped
# Rabi oscillation of step 1? Find it and test it with `amp_sigma`.
#
# **2.** How much imaging can a memory stand? Find the longest `imaging_us` at which the waiting atom of step 6 keeps
# 90 % of its coherence over 24 rounds, with $T_2$ = 1 s and no spectator dephasing; then with the `zoned_2024` value
# of `spectator_dephasing`.
#
# **3.** A 2-atom correlation is misread more strongly than a single bit. Prepare both atoms of the `blockade` pair in
# any way you like, read both with the errors of step 3, and restore the probability of each of the four outcomes.
#
# ### Answer 1
#
# The area of the pulse is $\theta(1+s\xi)$ with a normal $\xi$, and the mean of $\cos$ over a normal angle shrinks:
# $P_r=\frac12\left[1-e^{-(s\theta)^2/2}\cos\theta\right]$, $\theta=\Omega t$. The decay is Gaussian in time, not
# exponential.

# %%
S = 0.1
wobbly = rq.run(rabi, sweep={"duration_ns": durations}, shots=1000, seed=8, noise={"amp_sigma": S})
theta = omega * times
formula = (1 - np.exp(-((S * theta) ** 2) / 2) * np.cos(theta)) / 2
error = np.sqrt(np.maximum(formula * (1 - formula), 1e-3) / wobbly.sizes["shot"])
z = (wobbly.m.mean("shot").values - formula) / error
print(f"distance from the law: {np.sqrt((z**2).mean()):.2f} standard errors (root mean square)")

# %% [markdown]
# ### Answer 2
#
# From the law of step 6, $(1-p)^{24}e^{-24t/T_2}=0.9$. The answer is checked by a run.

# %%
T2_US = 1_000_000.0
for dephasing in (0.0, PROFILES["zoned_2024"].spectator_dephasing):
    longest = -T2_US * (np.log(0.9) / 24 - np.log1p(-dephasing))
    if longest <= 0:
        left = (1 - dephasing) ** 24
        print(f"spectator dephasing {dephasing}: never; even without any imaging {left:.2f} is left")
        continue
    machine = {"imaging_us": longest, "t2_us": T2_US, "spectator_dephasing": dephasing}
    data = keeper.to_dict()
    data["body"][1]["repeat"]["times"] = 25  # the probe looks at the beginning of a round
    left = rq.run(rq.Program.from_dict(data), shots=None, emulator="ideal", hardware=machine).x.values.ravel()[-1]
    print(f"spectator dephasing {dephasing}: {longest:.0f} µs; a run keeps {left:.4f}")

# %% [markdown]
# ### Answer 3

# %%
PAIR = """
format: rydberg_qmem-program/1
name: pair
register: {atoms: {left: [0, 0], right: [5, 0]}}
body:
  - rotate: {atom: left, angle: 1.0}
  - cnot: {control: left, target: right}
  - rotate: {atom: right, angle: 0.6}
  - measure: {atoms: [left, right], key: m}
"""
pair = rq.Program.from_yaml(PAIR)
clean = mitigation.unfold_joint(rq.run(pair, shots=20_000, seed=9, emulator="ideal"), "m")
noisy = rq.run(pair, shots=20_000, seed=10, emulator="ideal", hardware=misread)
as_read = mitigation.unfold_joint(noisy, "m", confusion=(0.0, 0.0))
restored = mitigation.unfold_joint(noisy, "m")
print("outcome   true            read            unfolded")
for bits in clean.outcome.values:
    shown = [f"{d.probability.sel(outcome=bits).item():.4f} ± {d.probability_error.sel(outcome=bits).item():.4f}"
             for d in (clean, as_read, restored)]  # fmt: skip
    print(f"{bits:8}", "  ".join(shown))

# %% [markdown]
# `unfold_joint` inverts the confusion of all atoms together and propagates the multinomial errors.
