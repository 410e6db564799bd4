"""Tune the learning rate of a small PyTorch network and its schedule, on 1,797 images of handwritten digits.

    python examples/schedule_search.py         # leaves schedule_search.db and two pictures in the current folder

A range test shows in a second at which rates the network learns at all. The search then moves peak, shape, warm-up, end
value and cool-down together, and is asked in the end whether the result beats what most people would have started with:
Adam's own rate, 0.001, with a little warm-up and a cosine. It takes about a minute on two cores.
"""

import sys
import warnings

from sklearn.datasets import load_digits

import trialist as tl

try:
    import torch
except ImportError:
    sys.exit("This example trains with PyTorch: pip install 'trialist[torch]'")

torch.set_num_threads(1)  # the network is small, and two workers share the cores
EPOCHS, BATCH = 12, 32
X, y = load_digits(return_X_y=True)
SPLIT = tl.Split((X / 16).astype("float32"), y, test=0.25, validation=0.25, stratify=True, seed=0)
LR = tl.schedule(1e-4, 1e-1, default=1e-3)


class Training:
    """A convolutional network in training: batches in an order of the seed's own, one update at a time."""

    def __init__(self, data, seed):
        self.X, self.y = map(torch.as_tensor, data)
        self.order = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.network = torch.nn.Sequential(
                torch.nn.Unflatten(1, (1, 8, 8)), torch.nn.Conv2d(1, 16, 3), torch.nn.ReLU(),
                torch.nn.Conv2d(16, 16, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(256, 10),
            )  # fmt: skip
        self.optimizer = torch.optim.Adam(self.network.parameters())

    def batches(self):
        """The batches of an epoch."""
        n = len(self.X) // BATCH
        return torch.randperm(len(self.X), generator=self.order)[: n * BATCH].view(n, BATCH)

    def update(self, batch):
        """One update of the weights; the loss before it."""
        loss = torch.nn.functional.cross_entropy(self.network(self.X[batch]), self.y[batch])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def losses(self, X, y):
        """The log loss of each image."""
        with torch.no_grad():
            scores = self.network(torch.as_tensor(X))
            return torch.nn.functional.cross_entropy(scores, torch.as_tensor(y), reduction="none").numpy()


def rate_of(params, data):
    """The learning rate of a configuration at each update of a run on these data."""
    return LR.rate(params, steps=EPOCHS * (len(data[0]) // BATCH))


def train(params, data, seed, epochs):
    """Train by a configuration's schedule; yields the training after each of the epochs."""
    training = Training(data, seed)
    scheduler = rate_of(params, data).torch(training.optimizer)
    for _ in epochs:
        for batch in training.batches():
            training.update(batch)
            scheduler.step()
        yield training


def objective(trial):
    """One trial: the validation loss after each epoch."""
    for training in train(trial.params, SPLIT.train, trial.seed, trial.steps(EPOCHS)):
        trial.report(training.losses(*SPLIT.validation).mean())
    return trial.last


def test_loss(params, seed):
    """Called in the last stage alone, when the test data are open: the loss of each test image."""
    *_, training = train(params, SPLIT.train_and_validation, seed, range(EPOCHS))
    return training.losses(*SPLIT.test)


def range_test():
    """Train for a hundred updates while the rate rises."""
    training = Training(SPLIT.train, seed=0)

    def step(rate):
        for group in training.optimizer.param_groups:
            group["lr"] = rate
        return training.update(training.batches()[0])

    return tl.lr_range_test(step)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", module="torch")
    test = range_test()
    print(f"{test.sketch()}\nrange test: {test.reason}")
    print(f"  drawn in {test.svg('schedule_search_range.svg')}; the search goes from {LR.low:g} to {LR.high:g}\n")
    with tl.tune(
        objective, tl.Space(LR), minimize="val_loss", budget=tl.Budget(trials=50, minutes=2), test=test_loss, workers=2,
        store="schedule_search.db", name="schedule-search", seed=0,
    ) as study:  # fmt: skip
        default, best = (rate_of(each.params, SPLIT.train) for each in (study.baseline, study.best))
        print(f"\n{best.sketch()}\nselected {study.best.params}\ndefault  {study.baseline.params}")
        print(f"drawn in {best.svg('schedule_search.svg', name='selected', beside={'default': default})}")
        print(study.verdict)
