"""Tune a classifier on 150 rows, and be told how little 150 rows can show.

    python examples/small_data.py              # leaves small_data.db in the current folder; half a minute

Sixty configurations are scored by repeated cross-validation on 105 rows, and the best of them looks better than the
default. The 45 sealed rows then say whether it is: mostly they cannot tell. The other 419 rows of the data set, which
nothing of this has seen, tell what is true.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import trialist as tl

X, y = load_breast_cancer(return_X_y=True)
ORDER = np.random.default_rng(0).permutation(len(y))
MINE, OTHERS = ORDER[:150], ORDER[150:]
SPLIT = tl.Split(X[MINE], y[MINE], test=0.3, validation=0, stratify=True, seed=0)

SPACE = tl.Space(  # the defaults are scikit-learn's; gamma's "scale" is 1 / 30 on standardised data
    C=tl.Float(1e-2, 1e3, log=True, default=1.0),
    gamma=tl.Float(1e-5, 1.0, log=True, default=1 / 30),
    balanced=tl.Categorical([False, True], default=False),
)


def svm(params):
    weight = "balanced" if params["balanced"] else None
    return make_pipeline(StandardScaler(), SVC(C=params["C"], gamma=params["gamma"], class_weight=weight))


def truth(params):
    """Accuracy on the other 419 rows, of a model trained on all of the 105 that are not sealed."""
    return svm(params).fit(*SPLIT.train_and_validation).score(X[OTHERS], y[OTHERS])


EVALUATION = tl.Evaluation(svm, SPLIT, metric="accuracy")

if __name__ == "__main__":
    with tl.tune(EVALUATION, SPACE, budget=60, test_seeds=1, store="small_data.db", seed=0) as study:
        best = max((r for r in study.trials if r.is_scored and r.repeats is None), key=lambda r: r.value)
        print(f"\nbest of the search  {best.score.mean:.3f} +- {best.score.stderr:.3f}, trial {best.number}")
        print(f"default             {study.baseline.score.mean:.3f} +- {study.baseline.score.stderr:.3f}")
        print(f"verdict             {study.verdict}")
        if study.verdict.detectable is not None:
            rows, least = SPLIT.sizes["test"], study.verdict.detectable
            print(
                f"why                 {rows} rows show true differences from about {least:.3f} on, hardly smaller ones"
            )
        chosen, default = truth(study.best.params), truth(study.baseline.params)
        gain = chosen - default
        print(f"the truth           {default:.3f} -> {chosen:.3f}, {gain:+.3f}, on {len(OTHERS)} other rows")
