"""A training script like many: options in, lines out. It knows nothing of Trialist.

    python examples/train.py --lr 0.01 --act relu --epochs 5

It trains a small network on scikit-learn's digits and prints a line such as `step=1 val_loss=0.8213` after each epoch.
To tune it, put dials in braces (the quotes keep the shell from expanding them); nothing here has to change:

    trialist run --budget 20 --minimize val_loss -- \\
        python examples/train.py --lr '{1e-4..1 log =0.01}' --act '{relu,tanh}' --epochs 5

examples/study.yaml says the same in a file, with a command that tests the selected configuration in the end.
"""

import argparse
import warnings

from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

parser = argparse.ArgumentParser(description="Train a small network on handwritten digits.")
parser.add_argument("--lr", type=float, default=0.01, help="learning rate (default: 0.01)")
parser.add_argument("--act", choices=["relu", "tanh", "logistic"], default="relu", help="activation (default: relu)")
parser.add_argument("--width", type=int, default=64, help="hidden units (default: 64)")
parser.add_argument("--epochs", type=int, default=10, help="passes over the data (default: 10)")
parser.add_argument("--seed", type=int, default=0, help="of the weights and of the batches (default: 0)")
parser.add_argument("--split", choices=["validation", "test"], default="validation", help="what to score on")


def parts(split):
    """Training and scoring data: always the same parts, and the test part is used for nothing but the test."""
    X, y = load_digits(return_X_y=True)
    X_rest, X_test, y_rest, y_test = train_test_split(X / 16, y, test_size=0.25, random_state=0, stratify=y)
    if split == "test":
        return X_rest, y_rest, X_test, y_test
    X_train, X_valid, y_train, y_valid = train_test_split(
        X_rest, y_rest, test_size=0.25, random_state=0, stratify=y_rest
    )
    return X_train, y_train, X_valid, y_valid


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    args = parser.parse_args()
    X_train, y_train, X_score, y_score = parts(args.split)
    model = MLPClassifier((args.width,), activation=args.act, learning_rate_init=args.lr, random_state=args.seed)
    for epoch in range(1, args.epochs + 1):
        model.partial_fit(X_train, y_train, classes=range(10))
        print(f"step={epoch} val_loss={log_loss(y_score, model.predict_proba(X_score)):.5f}", flush=True)
