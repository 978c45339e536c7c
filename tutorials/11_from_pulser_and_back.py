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
# # From Pulser to here and back
#
# You have sequences in Pulser and want what Pulser has not: measurement in the middle, reset, memory. Or you have a
# program and want its sequences: for a colleague, an emulator, a machine. This page goes both ways:
#
# 1. a Pulser sequence becomes a **program**, and plays the same nanosecond by nanosecond,
# 2. the program grows what a sequence cannot have: **rounds that feed back**,
# 3. **back to Pulser**: one sequence per segment, with the values that its expressions had,
# 4. why segments are not simply **chained** through Pulser's own emulator,
# 5. the **report**: what a machine that reads only at the end can run, and why not the rest,
# 6. **round by round** on any Pulser backend: one job per round, resumable.
#
# Conventions are Pulser's: bit 1 means $r$ (or $h$, or 1 in XY), the first atom of the register is the first bit.

# %%
# %matplotlib inline
import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pulser
from pulser_simulation import QutipBackendV2

import rydberg_qmem as rq

# %% [markdown]
# ## 1. A sequence becomes a program
#
# An adiabatic antiferromagnet in the manner of Pulser's tutorials, on a 2 × 2 square: the amplitude rises, the
# detuning sweeps, the amplitude falls.

# %%
OMEGA = 2.3 * 2 * np.pi
LOW, HIGH, SWEEP_NS = -OMEGA, OMEGA, 2000
register = pulser.Register.rectangle(2, 2, 6.5, prefix="q")
sequence = pulser.Sequence(register, pulser.DigitalAnalogDevice)
sequence.declare_channel("ising", "rydberg_global")
for amplitude, detuning in (
    (pulser.RampWaveform(252, 0, OMEGA), pulser.ConstantWaveform(252, LOW)),
    (pulser.ConstantWaveform(SWEEP_NS, OMEGA), pulser.RampWaveform(SWEEP_NS, LOW, HIGH)),
    (pulser.RampWaveform(1000, OMEGA, 0), pulser.ConstantWaveform(1000, HIGH)),
):
    sequence.add(pulser.Pulse(amplitude, detuning, 0), "ising")
sequence.measure("ground-rydberg")

program = rq.Program.from_pulser(sequence, name="antiferromagnet")
print(program.to_yaml())

# %% [markdown]
# It says the calls, not the nanoseconds. (`rqm import FILE.json` and `rq.load` take Pulser's abstract JSON as well.)
# Does it play the same? Run it here, and the sequence with Pulser's emulator:

# %%
record = rq.run(program, shots=None, emulator="exact")


def by_pulser(one: pulser.Sequence) -> np.ndarray:
    """Return the probabilities of all outcomes from Pulser's emulator, 00…0 first."""
    from pulser.backend import StateResult
    from pulser_simulation import QutipConfig

    config = QutipConfig(observables=[StateResult()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        state = QutipBackendV2(one, config=config).run().final_state.to_qobj().full().ravel()
    return np.abs(state[::-1]) ** 2  # Pulser orders r before g


theirs = by_pulser(sequence)
bits = np.array([[int(b) for b in f"{k:04b}"] for k in range(16)])
excited = theirs @ bits
print("P(r) of each atom, here:  ", np.round(record.m.values, 6))
print("P(r) of each atom, Pulser:", np.round(excited, 6))
print(f"largest difference: {np.abs(record.m.values - excited).max():.1e}")

# %%
sampled = rq.run(program, shots=2000, seed=1)
index = sampled.m.values @ (2 ** np.arange(4)[::-1])
counts = np.bincount(index, minlength=16) / sampled.sizes["shot"]
error = np.sqrt(theirs * (1 - theirs) / sampled.sizes["shot"])
with rq.plots.paper():
    figure, ax = plt.subplots()
    names = [f"{k:04b}" for k in range(16)]
    ax.bar(names, theirs, color="0.8", label="Pulser's emulator")
    ax.errorbar(names, counts, error, fmt="o", ms=3.5, label=f"this program, {sampled.sizes['shot']} shots")
    ax.set(xlabel="outcome $q_0q_1q_2q_3$", ylabel="probability")
    ax.tick_params(axis="x", rotation=90)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
inside = theirs > 1e-3
z = ((counts - theirs) / error)[inside]
print(f"distance of the counts: {np.sqrt((z**2).mean()):.2f} standard errors (root mean square)")
print(f"antiferromagnets 0110 and 1001: {theirs[0b0110] + theirs[0b1001]:.3f}")

# %% [markdown]
# ## 2. What a sequence cannot have
#
# A program is a value, so take its pulses and put them to another use. Below the same sweep is played round after
# round. Between rounds one atom is looked at, all are reset, and a memory steers the *end* of the sweep: it goes
# down by 3 rad/µs where `q0` was found in $r$, else up by 1. These steps balance where $P_r(q_0)=\frac14$, whatever the
# sweep does.

# %%
rise, sweep, fall, measure = program.body
to_stop = {"ramp": {"duration_ns": SWEEP_NS, "start": LOW, "stop": "stop"}}
steered = rq.Program(
    name="steered",
    register=program.register,
    memory={"stop": {"initial": HIGH}},
    body=(
        rq.Repeat(
            times=20,
            body=(
                rise,
                rq.Pulse(channel="rydberg_global", amplitude=OMEGA, detuning=to_stop),
                rq.Pulse(channel="rydberg_global", amplitude=fall.amplitude, detuning="stop"),
                rq.Measure(atoms="q0", key="seen"),
                rq.Reset(atoms="all"),
                rq.Set(values={"stop": f"clip(stop + where(seen == 1, -3, 1), {LOW}, {HIGH})"}),
            ),
        ),
    ),
)
findings = rq.check(steered)
print(f"{len(findings)} problems, {len(findings.notes)} notes: every reachable detuning is within the limits")
learned = rq.run(steered, shots=150, seed=2)
with rq.plots.paper():
    figure, ax = plt.subplots()
    mean = learned.stop.mean("shot")
    spread = learned.stop.std("shot")
    ax.fill_between(learned["round"], mean - spread, mean + spread, alpha=0.25, lw=0, label="± one standard deviation")
    ax.plot(learned["round"], mean, label="mean over shots")
    ax.step(learned["round"], learned.stop.isel(shot=0), where="post", lw=0.7, color="0.4", label="one shot")
    ax.set(xlabel="round", ylabel="end of the sweep (rad/µs)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
late = learned.seen.isel(round=slice(10, None))
drift = (learned.stop.isel(round=-1) - learned.stop.isel(round=9)).mean().item() / late.sizes["round"]
mean, error = late.mean().item(), np.sqrt(3 / 16 / late.size)
print(f"q0 in r, last {late.sizes['round']} rounds: {mean:.3f} ± {error:.3f} (balanced: 0.25)")
print(f"the end of the sweep still drifts by {drift:+.3f} rad/µs a round")

# %%
ax = steered.draw()

# %% [markdown]
# ## 3. Back to Pulser
#
# Every *segment*, the pulses between two steps that are not unitary, is one `pulser.Sequence`. What only a run can
# know is taken from the start of the program, or from `values`:

# %%
for stop in (None, -3.0):
    [segment] = steered.to_pulser(values={} if stop is None else {"stop": stop})
    last = pulser.sampler.sample(segment.sequence).channel_samples["rydberg_global"].det.as_array()[-1]
    given = "the program's beginning" if stop is None else f"stop = {stop}"
    print(f"{segment.place}: {segment.sequence.get_duration()} ns, ends at {last:+.3f} rad/µs ({given})")

# %% [markdown]
# Sequences are real ones: Pulser draws them, writes its abstract JSON (`rqm export`), runs them. And the way round
# closes: from Pulser, back to Pulser, the samples are the same.

# %%
[segment] = program.to_pulser()
mine = pulser.sampler.sample(segment.sequence).channel_samples["rydberg_global"]
original = pulser.sampler.sample(sequence).channel_samples["ising"]
with rq.plots.paper(height_in=2.6):
    figure, axes = plt.subplots(2, 1, sharex=True)
    for ax, name, label in zip(axes, ("amp", "det"), ("Ω (rad/µs)", "δ (rad/µs)"), strict=True):
        ax.plot(getattr(original, name).as_array(), lw=2.5, alpha=0.4, label="the sequence")
        ax.plot(getattr(mine, name).as_array(), "k--", lw=0.9, label="there and back")
        ax.set(ylabel=label)
    axes[0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    axes[1].set(xlabel="time (ns)")
gap = max(np.abs(getattr(original, n).as_array() - getattr(mine, n).as_array()).max() for n in ("amp", "det", "phase"))
print(f"largest difference of any sample: {gap:.0e}")

# %% [markdown]
# ## 4. Why not chain sequences yourself?
#
# One could cut a program at its measurements, run each piece with Pulser's emulator and hand the final state on. The
# emulator pads samples with a zero and interpolates by splines, so every piece that ends on a non-zero amplitude loses
# about a third of a nanosecond of its pulse (pasqal-io/Pulser#153). One piece is fine. Twenty π pulses are not:

# %%
PIECES, PI_NS = 20, 100


def chained(pieces: int) -> np.ndarray:
    """Return P(r) after each π pulse, each a sequence of its own, the state handed on through Pulser."""
    from pulser.backend import StateResult
    from pulser_simulation import QutipConfig

    one = pulser.Sequence(pulser.Register({"q": (0, 0)}), pulser.MockDevice)
    one.declare_channel("ch", "rydberg_global")
    one.add(pulser.Pulse.ConstantPulse(PI_NS, 1000 * np.pi / PI_NS, 0, 0), "ch")
    found, state = [], None
    for _ in range(pieces):
        given = {} if state is None else {"initial_state": state}
        config = QutipConfig(observables=[StateResult()], **given)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = QutipBackendV2(one, config=config).run().final_state
        found.append(abs(state.to_qobj().full().ravel()[0]) ** 2)
    return np.array(found)


pi_pulse = rq.Pulse(channel="rydberg_global", amplitude={"constant": {"duration_ns": PI_NS, "area": "pi"}})
flips = rq.Program(
    name="flips",
    device="MockDevice",
    register={"atoms": {"q": (0, 0)}},
    memory={"nothing": {}},
    body=(
        rq.Repeat(
            times=PIECES,
            body=(pi_pulse, rq.Probe(atoms="q", occupation=True, key="n"), rq.Set(values={"nothing": "k"})),
        ),
        rq.Measure(atoms="q", key="m"),
    ),
)
own = rq.run(flips, shots=None).n.values.ravel()
by_hand, wanted = chained(PIECES), np.arange(1, PIECES + 1) % 2
with rq.plots.paper():
    figure, ax = plt.subplots()
    ax.semilogy(np.arange(1, PIECES + 1), np.abs(by_hand - wanted) + 1e-17, "o-", label="chained by hand")
    ax.semilogy(np.arange(1, PIECES + 1), np.abs(own - wanted) + 1e-17, "s-", label="one program")
    ax.set(xlabel="number of π pulses", ylabel="error of $P_r$")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
print(f"after {PIECES} pulses: chained {abs(by_hand[-1] - wanted[-1]):.4f}, here {abs(own[-1] - wanted[-1]):.0e}")

# %% [markdown]
# Here the samples are taken as they are, constant for a nanosecond each, and the state stays in the engine. The
# emulator `qutip` runs the very same programs on Pulser's own emulator, with dark time around each segment, to compare.
#
# ## 5. What can a machine run?
#
# Today's machines prepare all atoms, play one sequence and read everything at the end. The report goes through a
# program step by step:

# %%
print(steered.qpu_report())

# %%
print(rq.load("photonic_memristor").qpu_report().verdict)

# %% [markdown]
# `steered` feeds back in each single shot, which needs the atoms' outcome before the next round of *that* shot. The
# photonic memristor feeds back means over the ensemble, as the photonic experiment does: its rounds can be jobs.
#
# ## 6. Round by round on a Pulser backend
#
# Such programs run on **any** Pulser backend with the emulator `pulser_backend`: on `QPUBackend` with a connection, on
# a remote emulator, or on the local one. Here is a memristor of the ensemble on `AnalogDevice`: the area of a
# global pulse sets $n_\mathrm{in}R$, and $R$ follows the mean of the last rounds.

# %%
from rydberg_qmem.emulators.pulser_backend import PulserBackend

ANALOG = """
format: rydberg_qmem-program/1
name: analog_ensemble
device: AnalogDevice
register: {atoms: {a: [-15, 0], b: [15, 0]}}
inputs: {n_in: {default: sin(pi * k / 8) ** 2, rounds: 16}}
memory: {R: {initial: 0.5}, seen: {window: 3, initial: 0.5}}
body:
  - repeat:
      over: n_in
      body:
        - pulse:
            channel: rydberg_global
            amplitude: {constant: {duration_ns: 400, area: 2 * asin(sqrt(n_in * R))}}
        - measure: {atoms: all, key: m}
        - reset: {atoms: all}
        - push: {seen: "ensemble_mean(m.a + m.b) / 2 / max(R, 0.05)"}
        - set: {R: "clip(mean(seen), 0.05, 1)"}
"""
analog = rq.Program.from_yaml(ANALOG)
print(analog.qpu_report())

# %% [markdown]
# With a `journal` a run that was stopped goes on where it was: finished jobs are not asked for again. Stop it after
# ten jobs, as if the laptop had been closed, and start it anew:


# %%
class Closed(RuntimeError):
    pass


class ClosesAfterTen(PulserBackend):
    def read(self, *args, **more):
        if self.submitted >= 10:
            raise Closed
        return super().read(*args, **more)


with tempfile.TemporaryDirectory() as folder:
    journal = Path(folder) / "jobs"
    first = ClosesAfterTen(QutipBackendV2, journal=journal)
    try:
        rq.run(analog, shots=1000, seed=5, emulator=first)
    except Closed:
        print(f"stopped after {first.submitted} jobs")
    second = PulserBackend(QutipBackendV2, journal=journal)
    jobs = rq.run(analog, shots=1000, seed=5, emulator=second)
    print(f"went on, and submitted {second.submitted} more")

straight = rq.run(analog, shots=1000, seed=5, emulator=PulserBackend(QutipBackendV2))
print(f"same outcomes as an undisturbed run: {jobs.m.equals(straight.m)}")

# %%
R, n_in = jobs.R.isel(shot=0), jobs.n_in
law = n_in * R
clicks = jobs.m.mean(("shot", "m_atom"))
error = np.sqrt(law * (1 - law) / (2 * jobs.sizes["shot"]))
with rq.plots.paper():
    figure, ax = plt.subplots()
    ax.plot(jobs["round"], n_in, color="0.6", label=r"input $n_\mathrm{in}$")
    ax.plot(jobs["round"], R, label="$R$")
    ax.plot(jobs["round"], law, "k--", lw=0.9, label=r"law $n_\mathrm{in}R$")
    ax.errorbar(jobs["round"], clicks, error, fmt="o", ms=3.5, label="mean click, one job each")
    ax.set(xlabel="round", ylabel="mean per round", ylim=(-0.03, 1.03))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
z = ((clicks - law) / error).where(law > 0.01)
print(f"clicks against the law: {float(np.sqrt((z**2).mean())):.2f} standard errors (root mean square)")

# %% [markdown]
# On a machine, only the backend changes: `PulserBackend(QPUBackend, connection=…, journal=…)`. Everything that such a
# machine cannot do is refused before the first job, with the reason.
#
# ## Exercises
#
# **1.** Move the lattice of step 1 closer (5.5 µm) or farther (9 µm) in Pulser, and import it again. When is the
# antiferromagnet lost?
#
# **2.** Ask `pulser_backend` to run `steered`. What does it say?
#
# **3.** Import a sequence with a Raman pulse and no `measure`. Which basis is measured?
#
# ### Answer 1

# %%
print(f"final detuning: {HIGH:.1f} rad/µs")
for spacing in (5.5, 6.5, 9.0):
    moved = sequence.with_new_register(pulser.Register.rectangle(2, 2, spacing, prefix="q"))
    populations = by_pulser(moved)
    found = rq.run(rq.Program.from_pulser(moved, name="moved"), shots=None).m.values
    side, diagonal = (pulser.DigitalAnalogDevice.interaction_coeff / gap**6 for gap in (spacing, spacing * np.sqrt(2)))
    print(
        f"{spacing} µm: antiferromagnets {populations[0b0110] + populations[0b1001]:.3f}, "
        f"atoms in r {found.sum():.3f}; shifts {side:.1f} (side) and {diagonal:.1f} rad/µs (diagonal)"
    )

# %% [markdown]
# The order needs a detuning between the two shifts: neighbours must block each other, atoms across the diagonal must
# not. Too close, and one atom blocks all others; too far, and neighbours no longer do.
#
# ### Answer 2

# %%
try:
    rq.run(steered, shots=10, seed=1, emulator="pulser_backend")
except rq.QmemError as refused:
    print(refused)

# %% [markdown]
# ### Answer 3

# %%
raman = pulser.Sequence(pulser.Register({"q0": (0, 0)}), pulser.DigitalAnalogDevice)
raman.declare_channel("ch", "raman_local", initial_target="q0")
raman.add(pulser.Pulse.ConstantPulse(200, 1000 * np.pi / 200, 0, 0), "ch")
imported = rq.Program.from_pulser(raman, name="raman")
print(imported.body[-1])
print(f"P(h) = {rq.run(imported, shots=None).m.item():.6f}")

# %% [markdown]
# The only basis that it addresses. Where a sequence addresses two and measures none, it is digital, as in Pulser.
