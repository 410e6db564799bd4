"""Studies that a view must be able to show: empty, failed, huge, conditional, screened, raced, verified, and others.

Each is a real study, run to its end within a second or two; whoever draws or prints studies tries it on all of them.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from trialist.execute.worker import Trial
from trialist.protocols import Store
from trialist.scoring.split import Split
from trialist.space.condition import above
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.study.study import Study
from trialist.study.tune import tune
from trialist.trials.budget import Budget
from trialist.trials.fidelity import Fidelity
from trialist.trials.validation import Folds

Kept = str | Path | Store  # where a study is to live
Builder = Callable[[Kept], Study]

SPACE = Space(
    rate=Float(1e-4, 1.0, log=True, default=1e-3),
    width=Int(8, 256, log=True, default=32),
    solver=Categorical(["adam", "sgd"], default="adam"),
)
HOSTILE = "<script>alert('1')</script> & \"naïve\" $x_1^2$ \\frac% " + "Ångström-длинное-名前-" * 4  # 127 characters


def loss_of(trial: Trial) -> float:
    """A bowl in the rate and the width, with one solver ahead, and noise by the trial's seed."""
    bowl: float = (math.log10(trial["rate"]) + 2) ** 2 / 4 + (math.log2(trial["width"]) - 6) ** 2 / 20
    return bowl + 0.15 * bool(trial["solver"] == "sgd") + random.Random(trial.seed).gauss(0, 0.02)


def empty(store: Kept = "memory") -> Study:
    """Declared, and nothing run."""
    return Study.create(SPACE, minimize="loss", budget=20, name="empty", store=store)


def one_trial(store: Kept = "memory") -> Study:
    """The default, and no more."""
    study = Study.create(SPACE, minimize="loss", budget=20, name="one trial", store=store)
    study.optimize(loss_of, trials=1)
    return study


def all_failed(store: Kept = "memory") -> Study:
    """Every trial raises, two kinds of errors among them, some with messages of many lines."""

    def objective(trial: Trial) -> float:
        if trial["width"] > 64:
            raise MemoryError(f"out of memory: {trial['width'] * 64} MiB asked for")
        raise ValueError("the loss is not finite\n" * 12)

    study = Study.create(SPACE, minimize="loss", budget=12, name="all failed", store=store, strategy="random")
    study.optimize(objective, trials=9)
    return study


def not_finite(store: Kept = "memory") -> Study:
    """NaN and infinite scores and reports, scores near the largest float, ties, and a good few between."""

    def objective(trial: Trial) -> float:
        odd = {3: math.nan, 5: math.inf, 6: 1.6e308, 7: -math.inf, 8: 1e300, 11: 1e-300, 12: 0.5, 13: 0.5}
        value = odd.get(trial.number, loss_of(trial))
        for step in range(1, 4):
            trial.report(value if step == 2 else float(step), step=step)
        return value

    study = Study.create(SPACE, minimize="loss", budget=20, name="not finite", store=store, strategy="random")
    study.optimize(objective, trials=20)
    return study


def several_objectives(store: Kept = "memory") -> Study:
    """Three objectives of both directions, one of them in thousands, and a measured constraint that some violate."""

    def objective(trial: Trial) -> Mapping[str, float]:
        loss = loss_of(trial)
        trial.constrain("memory over 100 MiB", trial["width"] / 2 - 100)
        return {
            "accuracy": 1 / (1 + loss),
            "latency_ms": 40.0 * trial["width"] ** 0.9,
            "size": math.log2(trial["width"]),
        }

    study = Study.create(
        SPACE, maximize="accuracy", minimize=["latency_ms", "size"], budget=40, name="several objectives", store=store,
        strategy="random",
    )  # fmt: skip
    study.optimize(objective, trials=40)
    return study


def conditional(store: Kept = "memory") -> Study:
    """Dials that are active only beside others, in two steps, a maximum, and failures in one corner."""
    space = Space(
        model=Categorical(["linear", "forest", "boosted"], default="linear"),
        ridge=Float(1e-6, 10.0, log=True, default=1.0, when={"model": "linear"}),
        trees=Int(10, 500, log=True, default=100, when={"model": ["forest", "boosted"]}),
        rate=Float(1e-3, 1.0, log=True, default=0.1, when={"model": "boosted"}),
        subsample=Float(0.2, 1.0, default=1.0, when={"rate": above(0.05)}),
        scaled=Categorical([True, False], default=True),
    )

    def objective(trial: Trial) -> float:
        if trial["model"] == "boosted" and trial["rate"] > 0.6:
            raise FloatingPointError("overflow in the first step")
        base = {"linear": 0.70, "forest": 0.80, "boosted": 0.82}[trial["model"]]
        if "ridge" in trial.params:
            base -= 0.02 * (math.log10(trial["ridge"])) ** 2
        if "trees" in trial.params:
            base += 0.02 * math.log10(trial["trees"])
        if "rate" in trial.params:
            base -= 0.03 * (math.log10(trial["rate"]) + 1) ** 2
        return base + 0.01 * bool(trial["scaled"]) + random.Random(trial.seed).gauss(0, 0.005)

    study = Study.create(space, maximize="accuracy", budget=60, name="conditional", store=store, strategy="random")
    study.optimize(objective, trials=60)
    return study


def define_by_run(store: Kept = "memory") -> Study:
    """No declared space: trials suggest their dials, and later ones suggest more of them."""

    def objective(trial: Trial) -> float:
        rate = trial.suggest_float("rate", 1e-4, 1.0, log=True, default=1e-2)
        layers = trial.suggest_int("layers", 1, 3, default=1)
        widths = [trial.suggest_int(f"width {i}", 8, 64, default=16) for i in range(layers)]
        kind = trial.suggest_categorical("kind", ["a", "b"]) if trial.number >= 8 else "a"
        return (math.log10(rate) + 2) ** 2 + sum((w - 32) ** 2 for w in widths) / 1000 + 0.1 * (kind == "b")

    study = Study.create(minimize="loss", budget=24, name="define by run", store=store, strategy="random")
    study.optimize(objective, trials=24)
    return study


def learning(trial: Trial) -> float:
    """Steps whose loss falls by a power law towards `loss_of`; a hundredth of a second for a full run."""
    end, rng = loss_of(trial), random.Random(trial.seed + 1)
    for step in trial.steps():
        time.sleep(0.0003)
        trial.report(end + 1.5 / step**0.7 + rng.gauss(0, 0.02))
    return trial.last or 0.0


def screened(store: Kept = "memory") -> Study:
    """Begun cheap: paused after a few epochs, gone on, stopped, with finalists on fresh seeds."""
    return tune(
        learning, SPACE, minimize="val_loss", fidelity=Fidelity("epochs", 1, 27), scheduler="halving",
        budget=Budget(trials=40, minutes=5), strategy="random", store=store, name="screened", progress=False,
    )  # fmt: skip


def stopped_early(store: Kept = "memory") -> Study:
    """Ended early for good by the median of others, each with its reason; no dial of fidelity."""
    study = Study.create(
        SPACE, minimize="val_loss", budget=24, scheduler="median", strategy="random", store=store, name="stopped early"
    )
    study.optimize(lambda trial: _steps(trial, 12), trials=24)
    return study


def _steps(trial: Trial, length: int) -> float:
    end, rng = loss_of(trial), random.Random(trial.seed + 1)
    for step in trial.steps(length):
        trial.report(end + 1.5 / step + rng.gauss(0, 0.02))
    return trial.last or 0.0


def raced(store: Kept = "memory") -> Study:
    """Scored by ten folds each, hopeless ones ended after a few; a cost for each, chosen finalists."""
    split = Split([[float(i)] for i in range(200)], [i % 2 for i in range(200)], test=0.2, validation=0, seed=0)

    def objective(trial: Trial) -> None:
        level = loss_of(trial)
        for fold in trial.folds(split):
            trial.spend(0.01 * trial["width"] / 32)
            trial.report(level + random.Random(fold.seed).gauss(0, 0.05) + random.Random(trial.seed).gauss(0, 0.02))

    return tune(
        objective, SPACE, minimize="error", validation=Folds(5, repeats=2), budget=Budget(trials=30, cost=20.0),
        strategy="random", store=store, name="raced", progress=False,
    )  # fmt: skip


def verified(store: Kept = "memory") -> Study:
    """The whole process: finalists, a verdict, a second look at the sealed data, all in the ledger."""

    def test(params: Mapping[str, float | str], seed: int) -> list[float]:
        rng = random.Random(seed)
        level = (math.log10(float(params["rate"])) + 2) ** 2 / 4
        return [level + 0.1 * (i % 7) + rng.gauss(0.3, 0.05) for i in range(60)]

    study = tune(
        loss_of, SPACE, minimize="loss", budget=40, test=test, strategy="random", store=store, name="verified",
        progress=False,
    )  # fmt: skip
    study.verify(test, again=True)
    return study


def swept(store: Kept = "memory") -> Study:
    """One dial at a time: one whose runs fail from a level on, one with choices, one that was cut short."""

    def objective(trial: Trial) -> float:
        if trial["rate"] > 0.5:
            raise RuntimeError("the loss is no number any more")
        return loss_of(trial)

    study = tune(
        objective, SPACE, minimize="loss", budget=20, strategy="random", store=store, name="swept", progress=False
    )
    study.sweep("rate", objective)
    study.sweep("solver", objective, replicates=2)
    study.sweep("width", objective, levels=9, budget=8)
    return study


def many(store: Kept = "memory") -> Study:
    """Three hundred trials, a few of which fail."""

    def objective(trial: Trial) -> float:
        if trial.number % 37 == 36:
            raise RuntimeError("the machine ran hot")
        return loss_of(trial)

    study = Study.create(SPACE, minimize="loss", budget=300, name="many", store=store, strategy="random")
    study.optimize(objective, trials=300)
    return study


def foretold(store: Kept = "memory") -> Study:
    """Proposed by a model, which foretold two objectives of each trial: some failed, one came a million times worse."""

    def objective(trial: Trial) -> dict[str, float]:
        if trial.number % 9 == 8:
            raise RuntimeError("out of memory")
        loss = (0.1 + loss_of(trial)) * (1e6 if trial.number == 12 else 1.0)
        return {"loss": loss, "accuracy": 1 / (1 + loss)}

    study = Study.create(
        SPACE, minimize="loss", maximize="accuracy", budget=24, name="foretold", store=store, strategy="gp"
    )
    study.optimize(objective, trials=24)
    return study


def hostile_names(store: Kept = "memory") -> Study:
    """Names, choices and messages that must be escaped: markup, mathematics of TeX, quotes, long words of Unicode."""
    space = Space({HOSTILE: Float(0.0, 1.0, default=0.5), "<b>": Categorical(["<i>", "&amp;", "$\\alpha$", "_x_"])})

    def objective(trial: Trial) -> float:
        if trial.number == 4:
            raise ValueError(HOSTILE)
        return float(trial[HOSTILE]) + 0.1 * bool(trial["<b>"] == "<i>")

    study = Study.create(
        space, minimize=HOSTILE + "loss", budget=16, name=HOSTILE + "study", store=store, strategy="random"
    )
    study.optimize(objective, trials=16)
    return study


def under_way(store: Kept = "memory") -> Study:
    """Still going on: some told, three running at once with reports, two queued; hours of budget left."""
    study = Study.create(
        SPACE, minimize="val_loss", budget=Budget(trials=60, hours=2), name="under way", store=store, strategy="random",
    )  # fmt: skip
    study.optimize(lambda trial: _steps(trial, 6), trials=9)
    for length in (2, 4, 1):
        trial = study.ask()
        for step in range(1, length + 1):
            trial.report(loss_of(trial) + 1.5 / step, step=step)
    study.enqueue({"rate": 0.01}, "a guess of mine")
    study.enqueue({"rate": 0.02, "width": 64})
    return study


ODD: Mapping[str, Builder] = MappingProxyType(
    {
        build.__name__: build
        for build in (
            empty, one_trial, all_failed, not_finite, several_objectives, conditional, define_by_run, screened,
            stopped_early, raced, verified, swept, many, foretold, hostile_names, under_way,
        )
    }
)  # fmt: skip
"""Builders by name; each takes the store that the study is to live in, and leaves it open."""
