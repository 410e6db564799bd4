"""See what the dials of a classifier do: a study of a minute on handwritten digits, drawn in every way there is.

    python examples/understand.py [FOLDER]     # writes the pictures into FOLDER, by default ./understand

Pixels become random Fourier features, whose width `gamma` decides what can be told apart at all; a linear classifier is
then trained on them by stochastic gradient descent. After the search one dial is swept round the choice, and a second
small study weighs the error against the size of the model.
"""

import sys
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss

import trialist as tl

EPOCHS = 12
X, y = load_digits(return_X_y=True)
SPLIT = tl.Split(X / 16.0, y, test=0.3, validation=0.2, stratify=True, seed=0)

SPACE = tl.Space(
    gamma=tl.Float(1e-3, 1.0, log=True, default=0.1),
    features=tl.Int(25, 400, log=True, default=100),
    learning_rate=tl.Float(1e-3, 30.0, log=True, default=0.01),
    l2=tl.Float(1e-8, 1e-2, log=True, default=1e-4),
    schedule=tl.Categorical(["constant", "decreasing"], default="constant"),
    decay=tl.Float(0.1, 0.9, default=0.5, when={"schedule": "decreasing"}),
)


class Classifier:
    """Random Fourier features and a softmax over ten linear scores, trained epoch by epoch."""

    def __init__(self, params, seed):
        rate = {"eta0": params["learning_rate"], "alpha": params["l2"], "power_t": params.get("decay", 0.0)}
        seed %= 2**32
        self.features = RBFSampler(gamma=params["gamma"], n_components=params["features"], random_state=seed)
        self.linear = SGDClassifier(loss="log_loss", learning_rate="invscaling", random_state=seed, **rate)

    def train_epoch(self, X, y):
        self.linear.partial_fit(self.features.fit_transform(X), y, classes=range(10))

    def probabilities(self, X):
        return self.linear.predict_proba(self.features.transform(X)).clip(1e-9)


def val_loss(trial):
    model = Classifier(trial.params, trial.seed)
    X, y = SPLIT.validation
    for _ in trial.steps(EPOCHS):
        model.train_epoch(*SPLIT.train)
        trial.report(log_loss(y, model.probabilities(X), labels=range(10)))
    return trial.last


def error_and_size(trial):
    model = Classifier(trial.params, trial.seed)
    for _ in range(4):
        model.train_epoch(*SPLIT.train)
    X, y = SPLIT.validation
    return {"error": 1 - (model.probabilities(X).argmax(axis=1) == y).mean(), "features": trial["features"]}


def save(axes, path):
    """One Axes, or an array of them, as a file."""
    figure = (axes.flat[0] if hasattr(axes, "flat") else axes).figure
    figure.savefig(path, dpi=120)
    print(f"  {path}")


def dials(study):
    """Pictures of what the dials do, each with what it says."""
    effects, plot = study.effects, study.plot
    importance = effects.importance()
    first, second = (share.dial for share in importance.shares[:2])
    return {
        "importance": (plot.importance, importance.words),
        "interactions": (plot.interaction, effects.interactions().words),
        "two dials": (lambda: plot.interaction(first, second), f"{first} at values of {second}"),
        "slices": (plot.slice, effects.slice(first).words),
        "calibration": (plot.calibration, effects.calibration().words),
        "foretold": (plot.foretold, effects.foretold().words),
    }


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    study = tl.tune(
        val_loss, SPACE, minimize="val_loss", budget=tl.Budget(trials=60, minutes=2), scheduler="median", workers=2,
        store="memory", name="fourier digits", seed=0,
    )  # fmt: skip
    print(f"\ndefault  {study.baseline.params}\nselected {study.best.params}\n")
    swept = study.sweep("learning_rate", val_loss, levels=6, workers=2)
    both = tl.Study.create(SPACE, minimize=["error", "features"], budget=40, strategy="random", store="memory")
    both.optimize(error_and_size)

    drawn = {
        "history": (study.plot.history, study.stopping),
        "curves": (study.plot.curves, ""),
        "parallel": (study.plot.parallel, ""),
        "timeline": (study.plot.timeline, ""),
        "budget": (study.plot.budget, study.forecast().words),
        "noise": (study.plot.noise, ""),
        "sweep": (study.plot.sweep, swept.words),
        "front": (both.plot.front, f"trials {', '.join(str(record.number) for record in both.front)}"),
        **dials(study),
    }
    for name, (draw, words) in drawn.items():
        print(f"{name}: {words}" if words else name)
        save(draw(), folder / f"{name.replace(' ', '_')}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "understand"))
