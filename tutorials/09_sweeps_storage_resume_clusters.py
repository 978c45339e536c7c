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
# # Sweeps, storage, resume, clusters
#
# A night of computing must not be lost to a power cut, and should not need another program on a cluster. This
# page takes one study from a notebook to many machines, and looks at what is on the disk at every step:
#
# 1. a **sweep** over named parameters, and the grid of its results,
# 2. a **store** on disk, and what a bit costs there,
# 3. a run that is **killed**, and goes on,
# 4. a store that **grows**, and one that refuses another run,
# 5. **many workers**: processes, shards of a batch system, a Dask cluster: the same record, bit by bit,
# 6. what a run will cost, **before** it runs.
#
# Exercises with answers follow. You should know [tutorial 1](01_first_pulse_to_first_loop.ipynb). All numbers in the
# text are computed on this page.

# %%
# %matplotlib inline
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import rydberg_qmem as rq
from rydberg_qmem.analysis import closed_forms

runs = Path(tempfile.mkdtemp(prefix="runs_"))  # your own folder, in earnest
memristor = rq.load("two_port_memristor")

# %% [markdown]
# ## 1. A sweep and its grid
#
# `sweep` maps parameters to values. Several axes *multiply*: every combination is run. The record has one flat
# dimension, `point`, with a coordinate for each swept parameter; `record.qmem.unstack()` lays it out as a grid.

# %%
sweep = {"period": [12, 24, 48], "window": range(1, 9)}
record = rq.run(memristor, sweep=sweep, shots=None, emulator="ideal")
print(f"{record.sizes['point']} points; coordinates of the first: ", end="")
print({name: record[name].values[0].item() for name in ("period", "window")})

loops = rq.analysis.hysteresis(record, drive="n_in", response="clicks.s")
area = loops.qmem.unstack().area
print(f"as a grid: {dict(area.sizes)}")

# %%
with rq.plots.paper(height_in=1.9):
    figure, ax = plt.subplots()
    edges = [np.arange(0.5, 9), np.arange(4)]
    mesh = ax.pcolormesh(*edges, area.transpose("period", "window"), cmap="viridis", edgecolor="white", lw=0.3)
    for row, period in enumerate(area.period.values):
        best = area.sel(period=period).idxmax("window").item()
        ax.plot(best, row + 0.5, "o", mfc="none", mec="white", ms=7, mew=3)
        ax.plot(best, row + 0.5, "o", mfc="none", mec="black", ms=7, mew=1.2)  # seen on light and dark
    ax.set(xlabel="window (rounds)", ylabel="period (rounds)", xticks=range(1, 9))
    ax.set(yticks=np.arange(3) + 0.5, yticklabels=[f"{period:g}" for period in area.period.values])
    figure.colorbar(mesh, label="loop area")

law = closed_forms.discrete_loop_area(loops.period, loops.window)
print(f"largest distance from the law, over all points: {np.abs(loops.area - law).max().item():.0e}")

# %% [markdown]
# Rings mark the largest loop of each row. (An exact run follows every history that a window can hold, $2^W$ of them:
# longer windows want shots.) Axes that belong *together* are named together; they do not multiply:

# %%
together = {("period", "window"): [(12, 2), (24, 4), (48, 8)]}
zipped = rq.run(memristor, sweep=together, shots=None, emulator="ideal")
print([(p, w) for p, w in zip(zipped.period.values.tolist(), zipped.window.values.tolist(), strict=True)])

# %% [markdown]
# ## 2. A record on disk
#
# With `store=` the run writes as it goes, into a [zarr](https://zarr.dev) folder. Shots come in *cohorts* of 1,000;
# up to 20 cohorts of one point make a *unit* of work. The folder is laid out in full before the first shot; a unit
# writes whole chunks of its own, then sets the markers of its cohorts. So there is never half a unit that looks like
# a whole one.

# %%
study = {"sweep": {"window": [3, 6, 9, 12]}, "shots": 30_000, "seed": 7, "emulator": "ideal", "rounds": 8}
whole = runs / "whole.zarr"
record = rq.run(memristor, store=whole, **study)

sizes = {
    folder.name: sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    for folder in sorted(whole.iterdir())
    if folder.is_dir()
}
for name, size in sizes.items():
    raw = f"{record[name].nbytes / 1e3:8.1f} kB in memory" if name in record else "   the markers of what is done"
    print(f"{name:10} {size / 1e3:8.1f} kB on disk {raw}")

# %% [markdown]
# `rq.open_record` opens it lazily: nothing is read until it is asked for. The attributes make the file explain
# itself:

# %%
opened = rq.open_record(whole)
for name in ("program_sha256", "seed", "emulator", "created_at", "wall_s"):
    print(f"{name:15} {opened.attrs[name]}")
program = rq.Program.from_json(opened.qmem.program_json)
print(f"the program that made it, from the file: {program == memristor}")

# %% [markdown]
# What does an outcome cost on disk? No code can store random bits in less than their entropy,
# $H(p)=-p\log_2p-(1-p)\log_2(1-p)$ bits each. Let an atom be excited with the probability $p$, measured 50 times:

# %%
COIN = """
format: rydberg_qmem-program/1
name: coin
register: {atoms: {q: [0, 0]}}
parameters: {p: 0.5}
body:
  - repeat:
      times: 50
      body:
        - rotate: {atom: q, angle: 2 * asin(sqrt(p))}
        - measure: {atoms: q, key: m}
        - reset: {atoms: q}
"""
coin = rq.Program.from_yaml(COIN)
chances = np.array([0.001, 0.01, 0.05, 0.2, 0.5])
cost = []
for p in chances:
    place = runs / f"coin_{p}.zarr"
    tossed = rq.run(coin, parameters={"p": float(p)}, shots=10_000, seed=1, emulator="ideal", store=place)
    size = sum(file.stat().st_size for file in (place / "m" / "c").rglob("*") if file.is_file())
    cost.append(8 * size / tossed.m.size)

with rq.plots.paper():
    figure, ax = plt.subplots()
    fine = np.geomspace(chances[0], 0.5, 200)
    entropy = -fine * np.log2(fine) - (1 - fine) * np.log2(1 - fine)
    ax.plot(fine, entropy, color="black", ls="--", lw=0.9, label="entropy $H(p)$: the least possible")
    ax.plot(chances, cost, "o", label="on disk")
    ax.axhline(8, color="C1", lw=0.9, label="in memory (one byte)")
    ax.set(xscale="log", yscale="log", xlabel="probability $p$ of outcome 1", ylabel="bits per outcome")
    ax.legend(loc="lower right")

print(f"at p = 1/2: {cost[-1]:.2f} bits per outcome; at p = {chances[0]}: {cost[0]:.3f}")

# %% [markdown]
# ## 3. Killed, and resumed
#
# Run the same study in a process of its own, and kill that (`SIGKILL`: it cannot clean up) when about half of it
# is done. To see what is done, read the markers:

# %%
import zarr

CALL = f"""
import rydberg_qmem as rq
rq.run("two_port_memristor", store="killed.zarr", **{study!r})
"""


def markers(place):
    """Return which cohorts of which points are done, or None before the store is laid out."""
    try:
        return zarr.open_group(place, mode="r")["progress/cohort_done"][:] > 0
    except (FileNotFoundError, KeyError):
        return None


killed = runs / "killed.zarr"
process = subprocess.Popen([sys.executable, "-c", CALL], cwd=runs)
while process.poll() is None:
    done = markers(killed)
    if done is not None and done.sum() >= done.size / 2:
        process.send_signal(signal.SIGKILL)
        break
    time.sleep(0.005)
process.wait()
before = markers(killed)  # points × cohorts
print(f"ended with {process.returncode}; {before.sum()} of {before.size} cohorts are done")

# %% [markdown]
# The store opens all the same, with a warning and -1 where nothing was measured yet. The same call again, or
# `rqm resume`, runs what is missing:

# %%
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    partly = rq.open_record(killed)
for warning in told:  # none, if the run had ended before it was killed
    print(str(warning.message).replace(str(runs), "runs"))
print(f"outcomes that are not there yet: {(partly.clicks == -1).mean().item():.0%}")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the dead process left its lock behind: taken over, with a warning
    resumed = rq.run(memristor, store=killed, **study)
after = markers(killed)

with rq.plots.paper(width_in=5.0, height_in=1.6):
    figure, axes = plt.subplots(ncols=2, sharey=True)
    for ax, done, title in zip(axes, (before, after), ("when it was killed", "after the same call again"), strict=True):
        ax.pcolormesh(done.astype(float), cmap="Blues", vmin=-0.1, vmax=1.4, edgecolor="white", lw=0.3)
        ax.set(title=title, xlabel="cohort", xticks=[0, 20, 30])
        ax.set(yticks=np.arange(4) + 0.5, yticklabels=[f"window {w}" for w in study["sweep"]["window"]])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)


# %% [markdown]
# Is it the record of the run that nothing disturbed? Compare hashes of every number in it.


# %%
def sha256(dataset):
    told = hashlib.sha256()
    for name in sorted(map(str, dataset.variables)):
        values = dataset[name].values
        told.update(name.encode() + str(values.shape).encode())
        told.update(repr(values.tolist()).encode() if values.dtype.kind in "OT" else values.tobytes())
    return told.hexdigest()


hashes = {"undisturbed": sha256(record), "killed and resumed": sha256(resumed)}
print(f"equal: {len(set(hashes.values())) == 1}")

# %% [markdown]
# They are equal since random numbers belong to a place, not to a moment: each (seed, point, cohort) has a
# generator of its own. Who computes a unit, when, and after what, does not matter.
#
# ## 4. More shots, more points, and another run
#
# Asking for more shots, or for points after the old ones, makes a store *grow*. The old shots stay as they are. (Units
# that were full are not run again; the last one of each point, 10 cohorts here, is run with the new ones.)
# `progress=True` shows a bar while it runs; a function is called with the shots done and their total.

# %%
heard = []
more = {**study, "shots": 40_000}
grown = rq.run(memristor, store=killed, progress=lambda done, total: heard.append((done, total)), **more)
print(f"began at {heard[0][0]} of {heard[0][1]} shots")
same = np.array_equal(grown.clicks.isel(shot=slice(record.sizes["shot"])), record.clicks)
print(f"the first {record.sizes['shot']} shots are the old ones: {same}")

# %% [markdown]
# Another run (another program, seed, emulator or noise) is refused before it writes anything:

# %%
try:
    rq.run(memristor, store=whole, **{**study, "seed": 8})
except rq.QmemError as error:
    print(str(error).replace(str(runs), "runs"))

# %% [markdown]
# ## 5. Many workers
#
# On one machine, `workers=2` shares the units among processes. On a batch system without a scheduler of ours, each
# job of an array runs one *shard* of the same call into the same store:
#
#     sbatch --array=1-4 --wrap 'rqm run two_port_memristor --sweep window=3,6,9,12 --shots 30000 --seed 7 \
#         --emulator ideal --rounds 8 -o runs/shards.zarr --shard $SLURM_ARRAY_TASK_ID/4'
#
# Here that very command runs in a loop, the shards in reversed order:

# %%
command = [sys.executable, "-m", "rydberg_qmem", "run", "two_port_memristor", "--sweep", "window=3,6,9,12"]
command += ["--shots", "30000", "--seed", "7", "--emulator", "ideal", "--rounds", "8", "-o", "shards.zarr"]
for i in (4, 3, 2, 1):
    subprocess.run([*command, "--shard", f"{i}/4"], cwd=runs, check=True, capture_output=True)
    print(f"after shard {i}/4: {markers(runs / 'shards.zarr').sum():3} of {after.size} cohorts")

hashes["4 shards, reversed"] = sha256(rq.open_record(runs / "shards.zarr"))
hashes["2 processes"] = sha256(rq.run(memristor, store=runs / "two.zarr", workers=2, **study))

# %% [markdown]
# With [Dask](https://distributed.dask.org), hand in a client, of whatever cluster: the workers write their
# chunks themselves and hand back only counts. On your machine that is
# `Client(LocalCluster(n_workers=2, threads_per_worker=1))`; on a cluster, SLURM's, or Kubernetes'. This page starts its
# workers as separate programs, the way a cluster does:

# %%
from distributed import Client
from distributed.deploy.subprocess import SubprocessCluster

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of Dask's own libraries
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(rq.__file__).parent.parent), *sys.path[1:]])
    size = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with SubprocessCluster(**size) as cluster, Client(cluster) as client:
        dask = rq.run(memristor, store=runs / "dask.zarr", client=client, **study)
hashes["Dask, 2 workers"] = sha256(dask)
for name, value in hashes.items():
    print(f"{name:20} {value[:16]}…")
print(f"all equal: {len(set(hashes.values())) == 1}")

# %% [markdown]
# One thing is asked of a cluster: a file system that all its workers share, for the store is one folder.
#
# ## 6. Before it runs
#
# `rq.estimate` plays a short pilot and scales it up; `max_seconds` and `max_memory_gb` of `rq.run` refuse what would
# be too much, before it begins, and say the way out:

# %%
estimate = rq.estimate(memristor, shots=200_000, emulator="ideal")
print(f"200,000 shots: about {estimate.seconds:.1f} s, {estimate.memory_bytes / 1e6:.0f} MB, of which the record "
      f"{estimate.record_bytes / 1e6:.0f} MB")  # fmt: skip
for limit in ({"max_seconds": 0.01}, {"max_memory_gb": 0.001}):
    try:
        rq.run(memristor, shots=200_000, seed=1, emulator="ideal", **limit)
    except rq.QmemError as error:
        print(f"{limit}: {error}")

# %% [markdown]
# How does it grow? Many shots share their histories, and are computed once for all; how much that saves can be
# seen in the time per shot:

# %%
counts = np.array([100, 300, 1000, 3000, 10_000])
seconds = []
for count in counts:
    began = time.perf_counter()
    rq.run(memristor, shots=int(count), seed=1, rounds=24, emulator="ideal")
    seconds.append(time.perf_counter() - began)

with rq.plots.paper():
    figure, ax = plt.subplots()
    ax.plot(counts, 1e6 * np.array(seconds) / counts, "o-")
    ax.set(xscale="log", yscale="log", xlabel="shots", ylabel="time per shot (µs)")

print(f"{counts[-1] // counts[0]} times the shots took {seconds[-1] / seconds[0]:.1f} times as long, here")

# %% [markdown]
# ## Exercises
#
# **1.** Break it: set all outcomes of one finished unit (20 cohorts) of `whole.zarr` to zero. Does a resume notice?
# Then take its markers away too, and resume.
#
# **2.** A colleague has no zarr. Hand the record on as one file, and check that it says the same.
#
# **3.** How many shots does it take to know the loop's area to 1 %? Find out by growing one store.
#
# ### Answer 1
#
# No: a marker means "done", and what is marked is trusted. Without its markers the unit is run again, and is what it
# was.

# %%
group = zarr.open_group(whole)
group["clicks"][1, :20_000] = 0
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    trusting = rq.run(memristor, store=whole, **study)
    print(f"damaged, markers kept:  equal {sha256(trusting) == hashes['undisturbed']}")
    group["progress/cohort_done"][1, :20] = 0
    group.attrs["unfinished"] = 1
    repaired = rq.run(memristor, store=whole, **study)
    print(f"damaged, markers taken: equal {sha256(repaired) == hashes['undisturbed']}")

# %% [markdown]
# ### Answer 2

# %%
import xarray as xr

from rydberg_qmem.store.netcdf import export

export(repaired, runs / "record.nc")
with xr.open_dataset(runs / "record.nc", engine="h5netcdf") as one_file:
    same = all(np.array_equal(one_file[name], repaired[name]) for name in ("clicks", "R", "n_in", "time_us"))
    print(f"{(runs / 'record.nc').stat().st_size / 1e3:.0f} kB in one file, the same numbers: {same}")

# %% [markdown]
# On the command line: `rqm export-netcdf`.
#
# ### Answer 3
#
# The error falls like one over the square root of the shots, so each step says how far it is to the goal.

# %%
place, count = runs / "precise.zarr", 1000
while True:
    run = rq.run(memristor, shots=count, seed=3, emulator="ideal", store=place)
    loop = rq.analysis.hysteresis(run, drive="n_in", response="clicks.s")
    relative = loop.area_error.item() / loop.area.item()
    print(f"{count:6} shots: area {loop.area.item():.4f} ± {loop.area_error.item():.4f} ({relative:.1%})")
    if relative < 0.01:
        break
    count = int(np.ceil(count * max(1.2, 1.1 * (relative / 0.01) ** 2)))
expected = float(closed_forms.discrete_loop_area(24, 9))
print(f"the law: {expected:.4f}")

# %%
shutil.rmtree(runs)
