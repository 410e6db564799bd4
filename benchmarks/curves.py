"""Whether the learning-curve model knows what it does not know: its chances beside what came true, and its stops.

Random configurations train one after another. Two tables:

- chances: with every earlier run finished, the model tells at three shares of a run how likely it becomes the best so
  far; by bins of what it told, how many did.
- stops: the scheduler `curve` as in a study, where stopped runs are not finished and cannot be learnt from; how many
  it stopped, how many of those would have become the best at their time, and what that saved.

Problems: `power`, `crossing` (the better a run ends, the slower it begins) and `cosine` are made up; `trained` is a
network of scikit-learn on digits. Others, such as `lcbench:168331`, come from a harness that has
problems.get(name).curve(configuration, epochs) and space.sample: --harness FOLDER.

  python benchmarks/curves.py --problems power,crossing,cosine,trained
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from itertools import pairwise
from typing import Any

from kept import one_thread

SHARES = (1 / 9, 1 / 3, 2 / 3)
BINS = (0.0, 0.01, 0.05, 0.2, 0.5, 1.01)
BEFORE = 8  # runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", default="power,crossing,cosine,trained", help="comma-separated")
    parser.add_argument("--harness", default="", help="folder of a harness with more problems")
    parser.add_argument("--runs", type=int, default=60, help="of a study")
    parser.add_argument("--seeds", type=int, default=5, help="studies of each problem")
    args = parser.parse_args()
    one_thread()
    if args.harness:
        sys.path.insert(0, args.harness)

    from search_tables import show

    chances: list[Any] = []
    rows = []
    for problem in args.problems.split(","):
        studies = [curves_of(problem, args.runs, seed) for seed in range(args.seeds)]
        chances += [told for curves in studies for told in told_chances(curves)]
        rows.append([problem, *stops(studies)])
    show("Chances to become the best so far", ["told", "times", "mean of told", "came true"], binned(chances))
    head = ["problem", "stopped", "wrong", "checks", "steps saved", "best found, as a share of all"]
    show(f"Stops at less than 5 %, {args.seeds} studies of {args.runs} runs each", head, rows)


def curves_of(problem: str, n: int, seed: int) -> Any:
    """(n, T): the losses of n random configurations after each step."""
    import numpy as np

    rng = np.random.default_rng(seed)
    t = np.arange(1, 51) / 50
    made_up = {
        "power": lambda u: u + (1 + rng.exponential()) * (t ** -np.exp(rng.normal(-0.7, 0.4)) - 1) * 0.1,
        "crossing": lambda u: np.where(t < 0.3, 1 - u, u),
        "cosine": lambda u: u + (0.2 + 0.6 * u + 0.3 * rng.random()) * (1 + np.cos(np.pi * t)),
    }
    if problem in made_up:
        return np.array([made_up[problem](rng.random()) + 0.01 * rng.normal(size=50) for _ in range(n)])
    if problem == "trained":
        return trained(n, rng)
    import problems
    from space import sample

    source = problems.get(problem)
    epochs = range(int(source.fidelity[1]), int(source.fidelity[2]) + 1)
    return np.array([source.curve(sample(source.space, rng), epochs)[0] for _ in range(n)])


def trained(n: int, rng: Any, epochs: int = 30) -> Any:
    """(n, epochs): log loss on held-out digits of small networks, really trained."""
    import warnings

    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    train, held_out = order[:900], order[900:]
    found = []
    for _ in range(n):
        network = MLPClassifier(
            (int(2 ** rng.uniform(2, 6)),),
            activation=str(rng.choice(["relu", "tanh"])),
            solver=str(rng.choice(["adam", "sgd"])),
            learning_rate_init=10 ** rng.uniform(-4, -0.5),
            alpha=10 ** rng.uniform(-6, 0),
            batch_size=int(2 ** rng.uniform(4, 8)),
            random_state=int(rng.integers(2**31)),
        )
        losses = []
        for _ in range(epochs):
            network.partial_fit(X[train] / 16, y[train], classes=np.arange(10))
            told = np.nan_to_num(network.predict_proba(X[held_out] / 16))[np.arange(len(held_out)), y[held_out]]
            losses.append(float(-np.log(np.maximum(told, 1e-9)).mean()))
        found.append(losses)
    return np.array(found)


def told_chances(curves: Any) -> list[tuple[float, bool]]:
    """What the model told of each run at SHARES, and whether it became the best."""
    import numpy as np

    from trialist.scheduling.outlook import Outlook

    n, T = curves.shape
    t, told = np.arange(1, T + 1) / T, []
    for i in range(BEFORE, n):
        if (i - BEFORE) % 4 == 0:
            outlook = Outlook.of([(t, curve) for curve in curves[:i][-40:]], curves[:i, -1][-40:])
        best = float(curves[:i, -1].min())
        for share in SHARES:
            upto = max(3, int(np.ceil(share * T)))
            chance, _ = outlook.chance(t[:upto], curves[i, :upto], best)
            if chance < 1.0:  # else it says that it knows nothing yet
                told.append((chance, bool(curves[i, -1] < best)))
    return told


def binned(told: list[tuple[float, bool]]) -> list[list[str]]:
    import numpy as np

    chances, came = (np.array(each, dtype=float) for each in zip(*told, strict=True))
    rows = []
    for low, high in pairwise(BINS):
        inside = (chances >= low) & (chances < high)
        if inside.any():
            true = f"{100 * came[inside].mean():.1f} %"
            label = f"{100 * low:.0f} to {100 * min(high, 1):.0f} %"
            rows.append([label, f"{inside.sum()}", f"{100 * chances[inside].mean():.1f} %", true])
    return rows


def stops(studies: list[Any]) -> list[str]:
    """What the scheduler stopped in all studies of a problem."""
    import numpy as np

    from trialist.model.audit import was_audited
    from trialist.scheduling.curve import CurveModel
    from trialist.testing.strategies import MIXED, PLAN
    from trialist.testing.training import Training
    from trialist.trials.trial import State

    runs = stopped = wrong = checks = steps = all_steps = 0
    places = []
    for seed, curves in enumerate(studies):
        n, T = curves.shape

        def learn(record: Any, step: Any, curves: Any = curves) -> tuple[int, float]:
            return (step or 0) + 1, float(curves[record.number, step or 0])

        study = Training(replace(PLAN, seed=seed), MIXED, learn, T, n)
        best = np.inf
        for record in study.play(CurveModel()):
            if record.state is State.STOPPED:
                stopped += 1
                wrong += bool(curves[record.number, -1] < best)
            else:
                best = min(best, curves[record.number, -1])
            checks += was_audited(record)
        runs, steps, all_steps = runs + n, steps + study.steps, all_steps + curves.size
        places.append(np.mean(curves[:, -1] < best))
    return [
        f"{100 * stopped / runs:.0f} %",
        f"{wrong} of {stopped}, {100 * wrong / max(1, stopped):.1f} %",
        f"{checks}",
        f"{100 * (1 - steps / all_steps):.0f} %",
        f"{100 * np.mean(places):.1f} %",
    ]


if __name__ == "__main__":
    main()
