"""Tune a scikit-learn model by cross-validation: each trial returns its fold scores, so its noise is known.

python examples/cross_validation.py        # leaves cross_validation.db in the current folder
"""

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import trialist as tl

SPLIT = tl.Split(*load_breast_cancer(return_X_y=True), test=0.3, validation=0, stratify=True, seed=0)

SPACE = tl.Space(  # the defaults are scikit-learn's; gamma's "scale" is 1 / 30 on standardised data
    kernel=tl.Categorical(["rbf", "linear"], default="rbf"),
    C=tl.Float(1e-3, 1e3, log=True, default=1.0),
    gamma=tl.Float(1e-5, 1.0, log=True, default=1 / 30, when={"kernel": "rbf"}),
    balanced=tl.Categorical([False, True], default=False),
)


def model(params):
    weight = "balanced" if params["balanced"] else None
    svc = SVC(kernel=params["kernel"], C=params["C"], gamma=params.get("gamma", "scale"), class_weight=weight)
    return make_pipeline(StandardScaler(), svc)


def accuracy(trial):
    """Five fold scores: replicates, of which the trial's mean and standard error are known."""
    folds = StratifiedKFold(5, shuffle=True, random_state=trial.seed % 2**32)
    return list(cross_val_score(model(trial.params), *SPLIT.train, cv=folds))


def test_accuracy(params, seed):
    """Called in the last stage alone: 1 for each test example that is classified rightly, 0 for the others."""
    X, y = SPLIT.test
    return (model(params).fit(*SPLIT.train).predict(X) == y).astype(float)


if __name__ == "__main__":
    with tl.tune(
        accuracy, SPACE, maximize="accuracy", budget=40, test=test_accuracy,
        test_seeds=1,  # the model has no randomness of its own
        workers=2, store="cross_validation.db",
    ) as study:  # fmt: skip
        print(f"\n{study.verdict}")
        print(f"selected {study.best.params}")
