# ruff: noqa: E501  # table heads and sentences of the page
"""Figures of docs/learning.md: `python benchmarks/learning [section ...]` measures what is missing and writes the page.

`page` alone writes page and pictures anew. Delete rows of docs/learning.json to have them measured again. The laser
series is not part of the project: RYDBERG_QMEM_LASER names its file.
"""

from __future__ import annotations

import sys
import warnings

import analog
import entangled
import memory
import memristors
import pictures
import training
from rows import DOCS, known

SECTIONS = {
    "narma": (memristors.narma, "NARMA of the memristor literature", ["network", "model", "features", "MSE", "spread over 5 seeds"]),
    "shots": (memristors.shots, "Shot noise: NARMA", ["network and shots", "MSE", "spread over 5 seeds", "frozen: MSE", "spread"]),
    "power": (memristors.power, "x⁴, first 76 of 85 points train", ["model", "features", "order", "MSE", "spread"]),
    "digits": (memristors.digit_columns, "Digits 0/3/8, nine cells, columns as rounds", ["model", "accuracy", "spread over 5 seeds"]),
    "capacity": (memory.capacity, "Memory and processing capacity of one cell", ["memory", "strength", "linear memory, delays 1 to 10", "degree 1", "degree 2", "degree 3", "total", "spread over 5 seeds"]),
    "werner": (entangled.werner, "Werner states: entangled or not", ["model", "accuracy", "spread over 5 seeds"]),
    "matched": (entangled.matched, "Entangled or product: pure states with the same single-atom populations", ["model", "linear readout", "spread over 5 seeds", "RBF support vectors", "spread"]),
    "components": (analog.component_rows, "Digits from a few principal components, analog array", ["model", "features", "accuracy, 5-fold", "spread over 5 seeds"]),
    "laser": (analog.laser_rows, "Laser series, one step ahead, analog array of ten atoms", ["model", "features", "NMSE", "error"]),
    "memristivity": (training.memristivity, "Memristivity of the CA-SQUID memristor, trained from random starts", ["start", "phase", "α", "form factor, 100 steps", "200 steps", "extrapolated", "law", "evaluations"]),
    "cost": (memristors.cost, "Time for 1,000 series of 10 rounds, exact", ["cells", "seconds"]),
}  # fmt: skip

SAID = {
    "narma": "Recipe of the literature: 1,000 rounds, 20 left out, 480 to fit, 500 to test, ridge 1e-6; features are standardised by the training rounds for every model, and the inputs of windows and echo states run from 0 to 1 over them, so that no unit changes a row. The cells have time constants of 4 rounds, or of 1.5, 3 and 5; `echo state` has a spectral radius of 0.9, gain 1 and no leak; `echo state, best of 32` is chosen for each series by radius, gain and leak on the last quarter of the training rounds. Published reproduction, one cell: 2.8e-05 ± 3e-06; derived, three cells with products: 2.5e-06. "
    "Cells that meet no other cell and feed back by means over shots have a classical limit that gives the same features exactly (`mean field`, the classical-spin control): **nothing here is a quantum advantage**. "
    "Polynomial windows with enough terms do as well or better, without any device. `memory shuffled` meets the inputs in another order, features put back in place.",
    "shots": "Every round's means come from so many shots, drawn anew in every round and for every series, and the memory feeds their noise back: with 50 shots one cell is hardly better than frozen feedback, and noise, not memory, sets the error up to a few thousand.",
    "power": "The memory helps only because points come in order, so that the last round tells the present one; shuffled, it does not help: the figure in order says nothing about x⁴. A polynomial of degree 4 solves the task without any device.",
    "digits": "With *all* rounds read out, frozen feedback does as well as the memristors: only the readout of the last round needs memory. Raw pixels do best. Which encodings and time constants the search in each training fold may choose from was narrowed down on the whole data set beforehand, for both arms alike.",
    "capacity": "Inputs uniform in [0, 1], 2,000 rounds, means and their products as features; memory follows the transmitted port, as feedback of any strength spans the same features where it follows both. Computed by the classical recursion that such a cell is (the tests hold device and recursion together to 1e-12). `window of W`: R is the mean of the last W rounds; exponential: R follows it with time constant τ; strength 0 is frozen feedback. Processing capacity: products of Legendre polynomials of up to 8 past inputs, total degree up to 3, what chance reaches counted as 0.",
    "werner": "The outcomes' correlations are linear in the weight of the singlet. Each state is looked at for one round and feedback acts only after it, so that frozen feedback is the same by construction: memory plays no part.",
    "matched": "Haar-random pure states, and beside each a product of pure states whose atoms have the same populations: purity, weight and every single-atom mean are the same (they alone give 0.5), so that nothing but correlations tells them apart. Half of 600 states train; the pair comes again in each round, the last one is read. "
    "The sign of a correlation says nothing, so a linear readout of means and pairs fails, exact or not; squared covariances, formed by hand from the same numbers, do best. Feedback adds little, and frozen cells are as good within the spread wherever shots are finite. The detectors see one basis only: states whose correlations lie in others are missed.",
    "components": "All 1,797 digits of scikit-learn; components scaled to ±6 rad/µs as in the public notebooks, chain at 10 µm, Ω = 2π rad/µs, read every 0.5 µs to 4 µs. One readout, scikit-learn's logistic regression as it comes, for all but the support vectors; nothing was tuned. Components are those of all images, which looks at no label. "
    "Published on MNIST from 8 components (not ours to repeat without the data): array 86.8 %, linear 73.9 %, classical spins 87.1 %.",
    "laser": "Values / 255, windows of ten, 1,400 to fit and 600 to test; each model's ridge is chosen by five blocks of the training rounds; errors from test blocks of 50 rounds drawn anew: they are wide because few rounds, about the collapses of the pulsation, hold most of the error. Global: each value of the window sets the detuning of all atoms, 0 to 9 rad/µs, in one tenth of 3.5 µs; read every 0.5 µs. Published: local 0.00595, global 0.0300, linear 0.2220, neural network 0.0039.",
    "memristivity": "Nelder-Mead over phase and damping, each value from a run of `ca_squid` of 100 steps a period; the best point runs once more with 200, and the two are extrapolated to no step, as the error falls with the square of their number. `law`: the closed form at the same point, integrated finely. Reference maximum (derived): 0.3235.",
    "cost": "Measured under load, so upper bounds; cells that do not meet cost the sum of their times.",
}


def page() -> None:
    """Write the page from the measured figures, and a picture for each section."""
    found = {name: pictures.in_order(name, rows) for name, rows in known().items()}
    lines = ["# Learning with quantum memristors: what the figures say", ""]
    lines += [
        "Generated by `python benchmarks/learning`; each result stands beside its controls. Spreads are standard deviations over seeds.",
        "",
        'Where things start: a series, a window and a sample each start from the initial memory. A stream does so in every `transform` too, unless `reset_state=False`, when it goes on where the last call ended; `washout` leaves the first rounds after a start out. With finite shots every call draws new ones, of equal data as well, so that training and test share no noise. What scales inputs is learnt in `fit`, for each column by itself (`scale="together"`: for all rounds of an input, or all columns of an array).',
        "",
    ]
    for name, (_, title, head) in SECTIONS.items():
        if found.get(name):
            lines += [f"## {title}", "", " ".join([SAID[name], *pictures.remarks(name, found[name])]), ""]
            if pictures.draw(name, found[name], title):
                lines += [f"![{title}](learning/{name}.png)", ""]
            lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
            lines += ["| " + " | ".join(map(str, row)) + " |" for row in found[name]] + [""]
    (DOCS / "learning.md").write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    """Measure the sections named, or all, and write the page."""
    warnings.simplefilter("ignore")
    for name in sys.argv[1:] or SECTIONS:
        if name != "page":
            SECTIONS[name][0]()
    page()


if __name__ == "__main__":
    main()
