from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

import trialist as tl


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def optimizer(torch, lr=0.7, rates=(1.0,)):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(2))], "lr": lr * rate} for rate in rates]
    return torch.optim.SGD(groups, lr=lr)


def course(optimizer, scheduler, steps, group=0):
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[group]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("shape", ["constant", "linear", "cosine", "inverse_sqrt", "wsd"])
def test_a_pytorch_optimizer_gets_the_rate_of_every_step_whatever_rate_it_was_made_with(torch, shape):
    rate = tl.Rate(0.05, 20, shape=shape, warmup=0.2)
    sgd = optimizer(torch)
    assert course(sgd, rate.torch(sgd), 20) == pytest.approx([rate(t) for t in range(1, 21)])


def test_pytorchs_own_schedulers_agree_where_they_say_the_same(torch):
    """Theirs count from 0 and end after their last step; with one step less they end on it."""
    from torch.optim import lr_scheduler as theirs

    T, end = 40, 0.1
    for shape, make in (
        ("cosine", lambda sgd: theirs.CosineAnnealingLR(sgd, T - 1, eta_min=0.5 * end)),
        ("linear", lambda sgd: theirs.LinearLR(sgd, 1.0, end, total_iters=T - 1)),
        ("constant", lambda sgd: theirs.ConstantLR(sgd, 1.0)),
    ):
        rate, sgd = tl.Rate(0.5, T, shape=shape, end=end), optimizer(torch, lr=0.5)
        assert course(sgd, make(sgd), T) == pytest.approx([rate(t) for t in range(1, T + 1)])


def test_warm_up_and_cosine_are_those_of_pytorch_in_sequence(torch):
    from torch.optim import lr_scheduler as theirs

    T, w = 50, 10
    sgd = optimizer(torch, lr=0.5)
    rise = theirs.LinearLR(sgd, 1 / w, 1.0, total_iters=w - 1)
    fall = theirs.CosineAnnealingLR(sgd, T - w)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = course(sgd, theirs.SequentialLR(sgd, [rise, fall], milestones=[w - 1]), T)
    rate = tl.Rate(0.5, T, warmup=w / T, end=0.0)
    assert found == pytest.approx([rate(t) for t in range(1, T + 1)], abs=1e-12)


def test_groups_with_rates_of_their_own_keep_their_ratio(torch):
    rate = tl.Rate(0.05, 10)
    sgd = optimizer(torch, rates=(0.1, 1.0))
    scheduler = rate.torch(sgd)
    assert course(sgd, scheduler, 10, group=0) == pytest.approx([0.1 * rate(t) for t in range(1, 11)])
    assert sgd.param_groups[1]["lr"] == pytest.approx(rate(10))


def test_a_run_that_goes_on_from_a_checkpoint_goes_on_with_the_rate(torch):
    rate = tl.Rate(0.05, 20, warmup=0.2)
    first = optimizer(torch, rates=(0.1, 1.0))
    course(first, rate.torch(first), 8)
    saved = copy.deepcopy(first.state_dict())
    second = optimizer(torch)
    second.add_param_group({"params": [torch.nn.Parameter(torch.zeros(2))]})
    second.load_state_dict(saved)
    found = course(second, rate.torch(second, start=8), 12, group=1)
    assert found == pytest.approx([rate(t) for t in range(9, 21)])
    assert second.param_groups[0]["lr"] == pytest.approx(0.1 * rate(20))


def test_without_pytorch_the_install_line_is_told(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch.optim.lr_scheduler", None)
    with pytest.raises(tl.MissingExtraError, match=r"pip install 'trialist\[torch\]'"):
        tl.Rate(0.1, 10).torch(object())  # type: ignore[arg-type]


X = np.random.default_rng(0).normal(size=(40, 3))
CLASSES = (X[:, 0] > 0).astype(int)


def scikit_models():
    from sklearn.linear_model import Perceptron, SGDClassifier, SGDRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    yield MLPClassifier((4,), solver="adam", random_state=0)
    yield MLPClassifier((4,), solver="sgd", learning_rate="invscaling", random_state=0)
    yield MLPRegressor(hidden_layer_sizes=(4,), solver="sgd", momentum=0.0, random_state=0)
    yield SGDClassifier(random_state=0)  # its own schedule, "optimal", pays no heed to eta0
    yield SGDRegressor(learning_rate="invscaling", random_state=0)
    yield Perceptron(random_state=0)


def weights(model):
    parts = [*model.coefs_, *model.intercepts_] if hasattr(model, "coefs_") else [model.coef_, model.intercept_]
    return np.concatenate([np.ravel(part) for part in parts])


@pytest.mark.parametrize("model", list(scikit_models()), ids=lambda model: f"{type(model).__name__}")
def test_a_scikit_learn_model_really_learns_by_the_rate_at_every_call(model):
    """By what it does, not by what it is told: from the same state, a hundredth of the rate goes a hundredth as far."""
    from sklearn.base import is_classifier

    given = {"classes": [0, 1]} if is_classifier(model) else {}
    rate = tl.Rate(1e-3, 3, shape="linear", end=0.01)
    set_rate = rate.sklearn(model)
    for step in (1, 2):
        assert set_rate(step) == rate(step)
        model.partial_fit(X, CLASSES, **given)
    fast, slow = copy.deepcopy(model), model
    start = weights(model)
    rate.sklearn(fast)(1)
    assert set_rate(3) == pytest.approx(1e-5)
    for each in (fast, slow):
        each.partial_fit(X, CLASSES)
    moved_fast, moved_slow = (np.linalg.norm(weights(each) - start) for each in (fast, slow))
    assert moved_fast > 0
    if type(model).__name__ == "MLPClassifier" and model.solver == "sgd":
        assert moved_slow < 0.5 * moved_fast  # the velocity of the steps before goes on
    else:
        assert moved_slow == pytest.approx(0.01 * moved_fast, rel=0.15)


def test_a_rate_of_zero_moves_nothing_and_is_not_refused():
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((4,), random_state=0)
    set_rate = tl.Rate(0.1, 2, end=0.0).sklearn(model)
    set_rate(1)
    model.partial_fit(X, CLASSES, classes=[0, 1])
    before = weights(model)
    assert set_rate(2) == 0.0
    model.partial_fit(X, CLASSES)
    assert np.array_equal(weights(model), before)


def test_a_model_without_a_learning_rate_is_refused():
    from sklearn.ensemble import RandomForestClassifier

    for model in (RandomForestClassifier(), object()):
        with pytest.raises(tl.InputError, match="no learning rate"):
            tl.Rate(0.1, 10).sklearn(model)
