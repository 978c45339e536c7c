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
# # The pulse language and devices
#
# You write pulse programs, perhaps with Pulser, and want to know what you can say here. All of Pulser's language
# is there under Pulser's own names, and this page walks through it, one picture per idea:
#
# 1. **devices** and what they allow,
# 2. **registers**, and who blocks whom,
# 3. **waveforms**,
# 4. **phases**, and the frame that later pulses are written in,
# 5. **when** a pulse starts: protocols, alignment, retargeting,
# 6. **detuning maps**, light that only some atoms see,
# 7. **EOM mode** and **output modulation**: what really leaves a slow modulator,
# 8. **gates** calibrated for the device at hand,
# 9. **digital-analog** gates out of the register's own interaction,
# 10. **limits**, proved before the run over everything that outcomes can do to a pulse.
#
# Each picture is checked against a closed form or against Pulser. Exercises with answers follow. Measurement in the
# middle, reset and memory are the subject of the first tutorial; here they appear where they meet pulses.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import pulser

import rydberg_qmem as rq

# %% [markdown]
# ## 1. Devices
#
# A program names its device: one of Pulser's by name, a Pulser device object, or a device's abstract JSON (what
# `RemoteConnection.fetch_available_devices()` gives for a real machine). The three are the same program:

# %%
MEASURED = rq.Measure(atoms="all", key="m")


def flash(device: object) -> rq.Program:
    return rq.Program(
        name="flash",
        device=device,
        register={"atoms": {"q": (0, 0)}},
        body=(rq.Pulse(channel="rydberg_global", amplitude=2, duration_ns=400), MEASURED),
    )


by_name = flash("DigitalAnalogDevice")
print("by object:", flash(pulser.DigitalAnalogDevice) == by_name)
mine = flash(pulser.DigitalAnalogDevice.to_abstract_repr())
print(f"by JSON: plays on {mine.device_name}; check finds {len(rq.check(mine))} problems")

# %% [markdown]
# What a channel allows decides what you can write. The numbers below are read from the devices:

# %%
print(f"{'device':20} {'channel':15} {'Ω/2π max':>9} {'clock':>6} {'shortest':>9} {'retarget':>9} {'bandwidth':>10}")
for device in (pulser.DigitalAnalogDevice, pulser.AnalogDevice, pulser.MockDevice):
    for name, channel in device.channels.items():
        rabi = f"{channel.max_amp / (2 * np.pi):.1f} MHz" if channel.max_amp else "-"
        aim = f"{channel.min_retarget_interval} ns" if channel.min_retarget_interval else "-"
        slow = f"{channel.mod_bandwidth:g} MHz" if channel.mod_bandwidth else "-"
        shortest, clock = f"{channel.min_duration} ns", f"{channel.clock_period} ns"
        print(f"{device.name:20} {name:15} {rabi:>9} {clock:>6} {shortest:>9} {aim:>9} {slow:>10}")

# %% [markdown]
# These devices are Pulser's *examples*, not machines. What breaks a limit is refused before anything runs, with the
# place, the rule and the value. Nothing is rounded or clipped for you:

# %%
for amplitude, duration_ns in ((20, 400), (2, 401)):
    pulse = rq.Pulse(channel="rydberg_global", amplitude=amplitude, duration_ns=duration_ns)
    broken = by_name.with_(body=(pulse, MEASURED))
    print(*rq.check(broken), sep="\n")

# %% [markdown]
# ## 2. Registers
#
# Coordinates, or any of Pulser's constructors by its name. `cells` is new: memristor units, one atom per role.
# Two atoms block each other within the blockade radius $R_b = (C_6/\Omega)^{1/6}$: circles of half that radius
# overlap exactly then.

# %%
registers = {
    "rectangle": rq.Register(layout="rectangle", rows=2, columns=3, spacing_um=6),
    "hexagon": rq.Register(layout="hexagon", layers=1, spacing_um=6),
    "max_connectivity": rq.Register(layout="max_connectivity", n_qubits=5, spacing_um=6),
    "cells": rq.Register(layout="cells", units=2, roles=("s", "a"), spacing_um=5, between_um=14),
}
OMEGA = 2 * np.pi
with rq.plots.paper(width_in=6.8, height_in=2.2):
    figure, axes = plt.subplots(1, 4)
    for ax, (name, register) in zip(axes, registers.items(), strict=True):
        register.draw(ax=ax, device="DigitalAnalogDevice", rabi=OMEGA)
        ax.set_title(name, fontsize=8)
        if ax.get_legend():
            ax.get_legend().remove()

radius = pulser.DigitalAnalogDevice.rydberg_blockade_radius(OMEGA)
print(f"circles of half the blockade radius, {radius / 2:.2f} µm, at Ω = 2π × 1 MHz on DigitalAnalogDevice")

# %% [markdown]
# A `pulser.Register` can be handed in as it is, and layouts of traps (`traps`, `trap_ids`) are there for devices that
# want them.
#
# ## 3. Waveforms
#
# Seven shapes for amplitude, detuning and even phase, each with numbers *or expressions* in it. Here they are as the
# device plays them: samples at 1 ns of the Pulser sequence that the program compiles to.

# %%
SHAPES = {
    "constant": {"constant": {"duration_ns": 400, "value": 5}},
    "ramp": {"ramp": {"duration_ns": 400, "start": 0, "stop": 10}},
    "blackman": {"blackman": {"duration_ns": 400, "area": "pi / 2"}},
    "kaiser": {"kaiser": {"duration_ns": 400, "area": "pi / 2", "beta": 8}},
    "interpolated": {"interpolated": {"duration_ns": 400, "values": [0, 8, 3, 9, 0]}},
    "custom": {"custom": {"samples": [5 + 4 * np.cos(n / 20) for n in range(400)]}},
    "composite": {
        "composite": [
            {"ramp": {"duration_ns": 100, "start": 0, "stop": 8}},
            {"constant": {"duration_ns": 200, "value": 8}},
            {"ramp": {"duration_ns": 100, "start": 8, "stop": 0}},
        ]
    },
    "blackman, max_val": {"blackman": {"max_val": 10, "area": "pi / 2"}},
}


def one_pulse(shape: object, **fields: object) -> rq.Program:
    pulse = rq.Pulse(channel="rydberg_global", amplitude=shape, **fields)
    return rq.Program(name="one_pulse", register={"atoms": {"q": (0, 0)}}, body=(pulse, MEASURED))


with rq.plots.paper(width_in=6.8, height_in=2.6):
    figure, axes = plt.subplots(2, 4, sharex=True, sharey=True)
    worst = 0.0
    for ax, (name, shape) in zip(axes.flat, SHAPES.items(), strict=True):
        program = one_pulse(shape)
        [segment] = program.to_pulser()
        samples = pulser.sampler.sample(segment.sequence).channel_samples["rydberg_global"].amp.as_array()
        ax.fill_between(np.arange(len(samples)), samples, step="post", alpha=0.35, lw=0)
        ax.step(np.arange(len(samples)), samples, where="post")
        ax.set_title(f"{name}: {len(samples)} ns", fontsize=7)
        excited = rq.run(program, shots=None).m.item()
        worst = max(worst, abs(excited - np.sin(samples.sum() / 2000) ** 2))
    axes[0, 0].set(ylim=(0, None), xlim=(0, 410))
    figure.supxlabel("time (ns)", fontsize=8)
    figure.supylabel("amplitude Ω (rad/µs)", fontsize=8)

print(f"P(r) after each of them against sin²(area / 2), largest distance: {worst:.0e}")

# %% [markdown]
# On resonance only the area counts, and the engine takes the samples as they are, constant for 1 ns each: the closed
# form holds to rounding. With `max_val` Pulser finds the shortest pulse of that area which stays below.
#
# ## 4. Phases and frames
#
# A pulse has a `phase` and a `post_phase_shift`; `phase_shift` moves the frame of all later pulses, in no time. Two
# π/2 pulses with a shift between them make a Ramsey fringe: $P_r = \cos^2(\varphi/2)$. A phase that is itself a
# waveform is a detuning: $\delta = -\dot\varphi$.

# %%
HALF = {"constant": {"duration_ns": 100, "area": "pi / 2"}}


def ramsey(*between: object, second_phase: object = 0) -> rq.Program:
    return rq.Program(
        name="ramsey",
        device="MockDevice",
        register={"atoms": {"q": (0, 0)}},
        parameters={"phi": 0},
        body=(
            rq.Pulse(channel="rydberg_global", amplitude=HALF),
            *between,
            rq.Pulse(channel="rydberg_global", amplitude=HALF, phase=second_phase),
            MEASURED,
        ),
    )


phis = np.linspace(0, 2 * np.pi, 25)
WAYS = {
    "phase of the pulse": ramsey(second_phase="phi"),
    "phase_shift between": ramsey(rq.PhaseShift(atoms="all", angle="phi", basis="ground-rydberg")),
    "dark detuned pulse": ramsey(
        rq.Pulse(channel="rydberg_global", amplitude=0, detuning="1000 * phi / 200", duration_ns=200)
    ),
}
law = np.cos(phis / 2) ** 2
with rq.plots.paper():
    figure, ax = plt.subplots()
    fine = np.linspace(0, 2 * np.pi, 300)
    ax.plot(fine / np.pi, np.cos(fine / 2) ** 2, "k--", lw=0.9, label=r"$\cos^2(\varphi/2)$")
    for marker, (name, program) in zip("os^", WAYS.items(), strict=True):
        fringe = rq.run(program, sweep={"phi": phis}, shots=None).m
        ax.plot(phis / np.pi, fringe, marker, mfc="none", ms=8 - 2 * "os^".index(marker), label=name)
        print(f"{name:20} largest distance from the law: {np.abs(fringe.values.ravel() - law).max():.0e}")
    ax.set(xlabel=r"phase $\varphi / \pi$", ylabel="probability of $r$", ylim=(-0.05, 1.05))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)

# %% [markdown]
# References are kept per atom and basis, and carried across measurements: a program cut into several Pulser sequences
# by a measurement in its middle plays in one frame.
#
# ## 5. When a pulse starts
#
# Pulser's three protocols decide. `min-delay` (the default) waits for pulses on the same atoms, `no-delay` for its
# own channel alone, `wait-for-all` for every channel. A local channel also needs time between two aims. `draw()` shows
# the schedule:


# %%
def three(protocol: str) -> rq.Program:
    long, short, strong = (
        {"constant": {"duration_ns": ns, "area": area}} for ns, area in ((800, "pi / 2"), (100, "pi / 2"), (100, "pi"))
    )
    return rq.Program(
        name=protocol.replace("-", "_"),
        register={"atoms": {"a": (0, 0), "b": (8, 0)}},
        body=(
            rq.Pulse(channel="raman_local", atoms="a", amplitude=long),
            rq.Pulse(channel="rydberg_local", atoms="b", amplitude=short, protocol=protocol),
            rq.Pulse(channel="rydberg_local", atoms="a", amplitude=strong, protocol=protocol),
            rq.Measure(atoms="all", key="m", basis="digital"),
        ),
    )


ax = three("min-delay").draw()

# %%
for protocol in ("no-delay", "min-delay", "wait-for-all"):
    [segment] = three(protocol).to_pulser()
    amplitude = pulser.sampler.sample(segment.sequence).channel_samples["rydberg_local"].amp.as_array()
    starts = np.flatnonzero((np.diff(amplitude, prepend=0) != 0) & (amplitude > 0))
    print(f"{protocol:13} rydberg_local starts on b at {starts[0]:4d} ns, on a at {starts[1]:4d} ns")
aim = pulser.DigitalAnalogDevice.channels["rydberg_local"].min_retarget_interval
print(f"rydberg_local may aim at another atom {aim} ns after it last did so, not before")

# %% [markdown]
# `delay`, `align` and `target` are blocks too, and `with: previous` starts a block together with the one before.
#
# ## 6. Detuning maps
#
# A DMM shines the same waveform on every atom, weighted: a light shift of its own for each. Below, three atoms far
# apart see weights 0, ½ and 1 while a global pulse of area π drives them. Each follows the generalised Rabi formula.

# %%
WEIGHTS = {"a": 0.0, "b": 0.5, "c": 1.0}
shaded = rq.Program(
    name="shaded",
    register={"atoms": {"a": (0, 0), "b": (40, 0), "c": (20, 34)}},
    parameters={"shift": 0},
    body=(
        rq.DetuningMap(weights=WEIGHTS, detuning={"constant": {"duration_ns": 500, "value": "-shift"}}),
        rq.Pulse(channel="rydberg_global", amplitude=OMEGA, duration_ns=500, start_with="previous"),
        MEASURED,
    ),
)
shifts = np.linspace(0, 24, 33)
maps = rq.run(shaded, sweep={"shift": shifts}, shots=None).m
with rq.plots.paper():
    figure, ax = plt.subplots()
    worst = 0.0
    for marker, (atom, weight) in zip("os^", WEIGHTS.items(), strict=True):
        root = np.sqrt(OMEGA**2 + (weight * shifts) ** 2)
        law = (OMEGA / root) ** 2 * np.sin(root * 0.5 / 2) ** 2
        [drawn] = ax.plot(shifts, law, "-", lw=0.8)
        found = maps.sel(m_atom=atom).values.ravel()
        ax.plot(shifts, found, marker, mfc="none", color=drawn.get_color(), label=f"weight {weight:g}")
        worst = max(worst, np.abs(found - law).max())
    ax.set(xlabel="bottom of the map (rad/µs, downwards)", ylabel="probability of $r$", ylim=(-0.05, 1.05))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
far = pulser.DigitalAnalogDevice.interaction_coeff / 40**6
print(f"largest distance from the generalised Rabi formula: {worst:.0e} (neighbours shift by {far:.4f} rad/µs)")

# %% [markdown]
# The SLM mask (`slm_mask`) is the same hardware used as a shield: it keeps the first global pulse from some atoms.
#
# ## 7. EOM mode and output modulation
#
# `AnalogDevice` has a modulator of finite bandwidth. With `with_modulation: true` a program is played as the
# modulator lets it out, and each segment lasts until its last pulse has faded. In EOM mode pulses are square and fast
# but share one setpoint, with a detuning that stays on in between.

# %%
SQUARE = {"constant": {"duration_ns": 400, "area": "pi"}}
slow = rq.Program(
    name="slow",
    device="AnalogDevice",
    register={"atoms": {"q": (0, 0)}},
    body=(rq.Pulse(channel="rydberg_global", amplitude=SQUARE), MEASURED),
)
eom = rq.Program.from_yaml("""
format: rydberg_qmem-program/1
name: eom
device: AnalogDevice
register: {atoms: {q: [0, 0]}}
body:
  - enable_eom_mode: {channel: rydberg_global, amp_on: 1000 * pi / 400, optimal_detuning_off: -20}
  - add_eom_pulse: {channel: rydberg_global, duration_ns: 400}
  - measure: {atoms: q, key: m}
""")
with rq.plots.paper():
    figure, ax = plt.subplots()
    for program, name in ((slow, "plain pulse"), (eom, "EOM mode")):
        [segment] = program.to_pulser()
        drawn = (
            pulser.sampler.sample(segment.sequence, modulation=True).channel_samples["rydberg_global"].amp.as_array()
        )
        ax.plot(np.arange(len(drawn)), drawn, label=f"{name}, as it comes out")
    ax.plot([0, 0, 400, 400], [0, 2.5 * np.pi, 2.5 * np.pi, 0], "k:", lw=1.0, label="both as asked for")
    ax.set(xlabel="time (ns)", ylabel="amplitude Ω (rad/µs)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)

for program, name in ((slow, "plain pulse"), (eom, "EOM mode")):
    faded = program.with_(with_modulation=True)
    record = [rq.run(one, shots=None) for one in (program, faded)]
    print(f"{name:12} P(r) as asked {record[0].m.item():.6f}, as it comes out {record[1].m.item():.6f}")

# %% [markdown]
# Modulation keeps the area of a resonant pulse, so both still are π pulses. What suffers is everything that depends on
# *when*: detunings that change during the pulse, and pulses that follow too closely. EOM mode has the steeper edges.
#
# ## 8. Gates, calibrated
#
# A gate is a block; what it becomes depends on device, distance and method. Numbers are found by a deterministic
# search, and the engine plays the result before it tells you how good it is (`rqm calibrate` on the command line).
# A CZ is made as fast as the wanted average infidelity allows (`infidelity`, $10^{-4}$ if none is given):
#
# - `pi-2pi-pi`: one atom after the other. Finite blockade costs $0.37\,(\Omega/U)^2$ (derived), so far atoms must go
#   slowly.
# - `levine`: two detuned pulses on both atoms (after Levine et al., *PRL* **123**, 170503 (2019)).
# - `time_optimal`: one pulse with a shaped phase (after Jandura and Pupillo, *Quantum* **6**, 712 (2022)).

# %%
from rydberg_qmem.compile.segments import compile_program
from rydberg_qmem.emulators.process import gate_reports


def cz(spacing_um: float, method: str) -> rq.Program:
    return rq.Program(
        name="cz",
        register={"atoms": {"c": (0, 0), "t": (spacing_um, 0)}},
        body=(rq.CZ(control="c", target="t", method=method), rq.Measure(atoms="all", key="m")),
    )


METHODS = ("pi-2pi-pi", "levine", "time_optimal")
spacings = np.array([4.0, 4.5, 5.0, 5.5, 6.0])
gates = {method: [gate_reports(compile_program(cz(gap, method)))[0] for gap in spacings] for method in METHODS}
with rq.plots.paper():
    figure, ax = plt.subplots()
    for marker, (method, made) in zip("os^", gates.items(), strict=True):
        ax.semilogy(spacings, [gate.duration_ns / 1000 for gate in made], marker + "-", label=method)
    ticks = (0.5, 1, 2, 5)
    ax.set(xlabel="distance (µm)", ylabel="duration of the CZ (µs)", yticks=ticks, yticklabels=map(str, ticks))
    ax.minorticks_off()
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)

print("average infidelity, from the engine")
print(f"{'':14}" + "".join(f"{gap:>9g} µm" for gap in spacings))
for method, made in gates.items():
    shown = [f"{one:.0e}" if (one := gate.average_infidelity) > 1e-9 else "< 1e-09" for gate in made]
    print(f"{method:14}" + "".join(f"{text:>12}" for text in shown))

# %% [markdown]
# All methods keep the bound (without noise or decay), but for far atoms only the gates that are calibrated *with* the
# finite interaction stay fast.
#
# ## 9. Digital-analog gates
#
# `ising` turns $\exp(-i t\sum g_{jk}Z_jZ_k)$ for *any* couplings, of either sign, with the interaction that the
# register happens to have: π pulses flip signs, and a linear program finds the times, never negative. Here are six
# random couplings on four atoms, and the patterns of flips that make them:

# %%
from rydberg_qmem.compile.levels import bases_of
from rydberg_qmem.devices import make_target
from rydberg_qmem.gates import interaction_steps

PLACES = {"a": (0, 0), "b": (12, 0), "c": (12, 12), "d": (0, 13)}
TIME_US = 0.5
random = np.random.default_rng(2)
pairs = [(i, j) for i in "abcd" for j in "abcd" if i < j]
g = {i: {j: round(random.uniform(-1, 1), 2) for k, j in pairs if k == i} for i in "abc"}


def digital_analog(mode: str = "stepwise", **fields: object) -> rq.Program:
    ising = {"couplings": g, "time_us": TIME_US, "mode": mode, **fields}
    return rq.Program(name="daqc", device="MockDevice", register={"atoms": PLACES}, body=[{"ising": ising}])


program = digital_analog()
steps = interaction_steps(program.body[0], make_target(program, bases_of(program)))
signs = np.array(steps.patterns)
edges = np.concatenate([[0], np.cumsum(steps.times_us)])
with rq.plots.paper(height_in=1.5):
    figure, ax = plt.subplots()
    ax.pcolormesh(edges, np.arange(5), signs.T, cmap="RdBu", vmin=-1.8, vmax=1.8, edgecolor="white", lw=0.8)
    ax.set(xlabel="time with the interaction on (µs)", yticks=np.arange(4) + 0.5, yticklabels="abcd", ylabel="atom")
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.set_title("blue: as it is, red: flipped", fontsize=8)

C6 = pulser.MockDevice.interaction_coeff
worst = 0.0
for i, j in pairs:
    strength = C6 / np.linalg.norm(np.subtract(PLACES[i], PLACES[j])) ** 6 / 4
    flips = signs[:, "abcd".index(i)] * signs[:, "abcd".index(j)]
    reached = strength * float(flips @ np.array(steps.times_us))
    worst = max(worst, abs(reached - TIME_US * g[i][j]))
    print(f"{i}{j}: native {strength:6.3f} rad/µs, wanted angle {TIME_US * g[i][j]:+.3f}, reached {reached:+.3f}")
print(f"{len(steps.patterns)} patterns, {sum(steps.times_us):.2f} µs in all; largest error of an angle {worst:.0e}")

# %% [markdown]
# That is `stepwise`: the interaction is switched on by exciting to $r$, and off. With the interaction always on
# (`banged`), fast π pulses cannot switch it off while they last. Their duration is accounted for, and what is left
# over falls as $(U/\Omega)^2$:

# %%
PULSES_NS = (24, 12, 6)
left = [
    gate_reports(compile_program(digital_analog("banged", rabi=1000 * np.pi / ns)))[0].process_infidelity
    for ns in PULSES_NS
]
power = np.polyfit(np.log(PULSES_NS), np.log(left), 1)[0]
print("process infidelity: " + ", ".join(f"{p:.1e} ({ns} ns pulses)" for ns, p in zip(PULSES_NS, left, strict=True)))
print(f"falls with the power {power:.2f} of the pulse's duration")

# %% [markdown]
# ## 10. Limits, proved before the run
#
# Now let outcomes steer a pulse. The reflectivity `R` below is a mean of the last nine clicks and drives an
# amplitude. Could it ever exceed what the channel can give? `rq.check` does the whole program to *intervals*
# instead of numbers, and looks for a history of outcomes that breaks a limit:

# %%
FED_BACK = """
format: rydberg_qmem-program/1
name: fed_back
device: AnalogDevice
register: {atoms: {s: [0, 0], a: [7, 0]}}
memory: {R: {initial: 0.5}, seen: {window: 9, initial: 0.5}}
body:
  - repeat:
      times: 20
      body:
        - pulse: {channel: rydberg_global, amplitude: {constant: {duration_ns: 100, value: 20 * R}}}
        - measure: {atoms: all, key: clicks}
        - reset: {atoms: all}
        - push: {seen: clicks.a}
        - set: {R: mean(seen)}
"""
unsafe = rq.Program.from_yaml(FED_BACK)
print(*rq.check(unsafe), sep="\n")

# %% [markdown]
# Block, limit, value, and a **witness**: the outcomes that lead there. Play that history by hand, and it does:

# %%
limit = pulser.AnalogDevice.channels["rydberg_global"].max_amp
with rq.plots.paper():
    figure, ax = plt.subplots()
    for ones, look in ((3, "o-"), (0, "s-")):
        window, amplitude = [0.5] * 9, []
        for k in range(8):
            amplitude.append(20 * np.mean(window))
            window = [float(k < ones), *window[:-1]]
        name = "the witness" if ones else "all outcomes 0"
        ax.plot(amplitude, look, label=name)
        print(f"{name}: the largest amplitude is {max(amplitude):.4f} in round {np.argmax(amplitude)}")
    ax.axhline(limit, color="black", ls="--", lw=0.9, label="limit of the channel")
    ax.set(xlabel="round", ylabel="amplitude (rad/µs)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
print(f"the limit is {limit:.4f} rad/µs")

# %% [markdown]
# One `clip` makes it safe, and the check *proves* that: no problem, and no note of anything left to the run. What can
# neither be proved nor be broken (here a fed-back normal number, which has no bound) is a note, and the run looks at
# each value:

# %%
safe = rq.Program.from_yaml(FED_BACK.replace("20 * R", '"clip(20 * R, 0, 12.5)"'))
findings = rq.check(safe)
print(f"with clip: {len(findings)} problems, {len(findings.notes)} notes")
unknown = rq.Program.from_yaml(FED_BACK.replace("R: mean(seen)", "R: abs(normal()) / 20"))
findings = rq.check(unknown)
print(f"with normal(): {len(findings)} problems, and the note:")
print(*findings.notes, sep="\n")

# %% [markdown]
# And this is how the safe one looks, loop, feedforward and all:

# %%
ax = safe.draw()

# %%
safe

# %% [markdown]
# ## Exercises
#
# **1.** Drive two atoms 5 µm apart with one global pulse, and put a detuning map on one of them. How deep must the
# map be before the other atom swings as if it were alone?
#
# **2.** Kaiser windows have a shape parameter β. At equal duration and area, which β has the same peak as a Blackman
# window?
#
# **3.** Replace `mean(seen)` in step 10 by `w * mean(seen)`. Up to which `w` is the program safe without `clip`?
#
# ### Answer 1

# %%
PULSE_NS = 500
blocked = rq.Program(
    name="blocked",
    register={"atoms": {"a": (0, 0), "b": (5, 0)}},
    parameters={"shift": 0},
    body=(
        rq.DetuningMap(weights={"b": 1}, detuning={"constant": {"duration_ns": PULSE_NS, "value": "-shift"}}),
        rq.Pulse(channel="rydberg_global", amplitude=OMEGA, duration_ns=PULSE_NS, start_with="previous"),
        MEASURED,
    ),
)
shifts = np.array([0, 5, 10, 20, 40, 80])
swung = rq.run(blocked, sweep={"shift": shifts}, shots=None).m.sel(m_atom="a").values.ravel()
theta = OMEGA * PULSE_NS / 1000
pair, alone = np.sin(np.sqrt(2) * theta / 2) ** 2 / 2, np.sin(theta / 2) ** 2
with rq.plots.paper():
    figure, ax = plt.subplots()
    ax.plot(shifts, swung, "o-", label="atom without the map")
    ax.axhline(alone, color="black", ls="--", lw=0.9, label="alone")
    ax.axhline(pair, color="black", ls=":", lw=0.9, label="blockaded pair")
    ax.set(xlabel="depth of the map (rad/µs)", ylabel="probability of $r$")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
print(f"without a map {swung[0]:.4f} (law of the pair {pair:.4f}), at {shifts[-1]} rad/µs {swung[-1]:.4f}")
near = shifts[np.argmax(swung > 0.95 * alone)]
print(f"within 5 % of an atom alone from {near} rad/µs on, which is {near / OMEGA:.1f} Ω")

# %% [markdown]
# ### Answer 2

# %%
from scipy.optimize import brentq


def peak(shape: dict) -> float:
    [segment] = one_pulse(shape).to_pulser()
    return float(pulser.sampler.sample(segment.sequence).channel_samples["rydberg_global"].amp.as_array().max())


blackman = peak({"blackman": {"duration_ns": 1000, "area": "pi"}})
beta = brentq(
    lambda b: peak({"kaiser": {"duration_ns": 1000, "area": "pi", "beta": float(b)}}) - blackman, 2, 14, xtol=1e-3
)
print(f"a Kaiser window with β = {beta:.2f} has the Blackman window's peak, {blackman:.3f} rad/µs")

# %% [markdown]
# ### Answer 3

# %%
for w in (0.60, 0.62, 0.63, 0.64):
    findings = rq.check(rq.Program.from_yaml(FED_BACK.replace("R: mean(seen)", f"R: {w} * mean(seen)")))
    print(f"w = {w:.2f}: {findings[0] if findings else 'not proved' if findings.notes else 'proved'}")
print(f"the law: 20 w may reach {limit:.4f} when all nine outcomes are 1, so w may reach {limit / 20:.4f}")

# %% [markdown]
# **Where to go from here**: `rqm show NAME` prints a program as a tree with durations, `rqm calibrate NAME` its gates,
# `rqm check FILE` what is wrong with it. Another tutorial goes from Pulser to here and back.
