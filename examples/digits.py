"""Tune a multilayer perceptron on 1,797 images of handwritten digits, from the declaration to a verified verdict.

    python examples/digits.py                  # leaves digits.db and digits_report.html in the current folder

Trials begin with a few epochs, and only those of which most is expected go on, each from its checkpoint. The search
ends before its budget once fifteen full runs gained next to nothing. Run it again after any interruption: it goes on
where it stopped.
"""

import pickle

import numpy as np
from sklearn.datasets import load_digits

import trialist as tl

EPOCHS = 60
X, y = load_digits(return_X_y=True)
SPLIT = tl.Split(X / 16.0, y, test=0.3, validation=0.2, stratify=True, seed=0)

# The defaults are those of scikit-learn's MLPClassifier; every configuration gets the same 60 epochs.
SPACE = tl.Space(
    learning_rate=tl.Float(1e-4, 1e-1, log=True, default=1e-3),
    batch_size=tl.Int(16, 256, log=True, default=200),
    width=tl.Int(16, 256, log=True, default=100),
    l2=tl.Float(1e-6, 1e-1, log=True, default=1e-4),
    momentum=tl.Float(0.0, 0.99, default=0.9),
    schedule=tl.Categorical(["constant", "cosine"], default="constant"),
)


class Perceptron:
    """One hidden layer of rectified units and a softmax, trained by Adam, whose first decay rate is the momentum."""

    def __init__(self, params, seed):
        self.params, self.rng, self.epoch = params, np.random.default_rng(seed), 0
        width = params["width"]
        self.weights = [self.rng.normal(0, np.sqrt(2 / n), (n, m)) for n, m in ((64, width), (width, 10))]
        self.weights += [np.zeros(width), np.zeros(10)]
        self.means, self.squares = ([np.zeros_like(w) for w in self.weights] for _ in range(2))
        self.updates = 0

    def train_epoch(self, X, y):
        order, size = self.rng.permutation(len(X)), self.params["batch_size"]
        for start in range(0, len(X), size):
            batch = order[start : start + size]
            self._step(X[batch], y[batch], self._rate(self.epoch + start / len(X)))
        self.epoch += 1

    def losses(self, X, y):
        """The log loss of each example."""
        return -np.log(np.maximum(self._forward(X)[1][np.arange(len(y)), y], 1e-12))

    def _rate(self, epoch):
        rate = self.params["learning_rate"]
        return rate if self.params["schedule"] == "constant" else rate * (1 + np.cos(np.pi * epoch / EPOCHS)) / 2

    def _forward(self, X):
        W1, W2, b1, b2 = self.weights
        hidden = np.maximum(X @ W1 + b1, 0)
        scores = hidden @ W2 + b2
        exps = np.exp(scores - scores.max(axis=1, keepdims=True))
        return hidden, exps / exps.sum(axis=1, keepdims=True)

    def _step(self, X, y, rate):
        W1, W2, _, _ = self.weights
        hidden, delta = self._forward(X)  # delta: gradient by the scores
        delta[np.arange(len(y)), y] -= 1
        delta /= len(y)
        back = (delta @ W2.T) * (hidden > 0)
        l2 = self.params["l2"]
        gradients = [X.T @ back + l2 * W1, hidden.T @ delta + l2 * W2, back.sum(axis=0), delta.sum(axis=0)]
        self.updates += 1
        first, second = self.params["momentum"], 0.999
        for weight, mean, square, gradient in zip(self.weights, self.means, self.squares, gradients, strict=True):
            mean += (1 - first) * (gradient - mean)
            square += (1 - second) * (gradient**2 - square)
            scale = np.sqrt(square / (1 - second**self.updates)) + 1e-8
            weight -= rate * mean / (1 - first**self.updates) / scale


def train(trial):
    """One trial: as many epochs as it may, the validation loss after each; one that goes on finds its model."""
    kept = trial.checkpoint_dir / "model.pickle"
    model = pickle.loads(kept.read_bytes()) if kept.exists() else Perceptron(trial.params, trial.seed)
    for _ in trial.steps(start=model.epoch):
        model.train_epoch(*SPLIT.train)
        trial.report(model.losses(*SPLIT.validation).mean())
    kept.write_bytes(pickle.dumps(model))
    return trial.last


def test_loss(params, seed):
    """Called in the last stage alone, when the test data are open: the loss of each test image."""
    model = Perceptron(params, seed)
    for _ in range(EPOCHS):
        model.train_epoch(*SPLIT.train_and_validation)
    return model.losses(*SPLIT.test)


if __name__ == "__main__":
    with tl.tune(
        train, SPACE, minimize="val_loss", fidelity=tl.Fidelity("epochs", 1, EPOCHS),
        budget=tl.Budget(full_runs=40, minutes=2), stopping=tl.Plateau(trials=15, delta=0.002),
        test=test_loss, workers=2, store="digits.db", name="digits", seed=0,
    ) as study:  # fmt: skip
        print(f"\ndefault  {study.baseline.params}\nselected {study.best.params}")
        print(f"report   {study.report('digits_report.html')}")
