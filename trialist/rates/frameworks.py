"""A Rate where frameworks keep theirs: a PyTorch scheduler, and scikit-learn's models that are trained in parts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trialist.errors import InputError, MissingExtraError, shown

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LambdaLR

    from trialist.rates.rate import Rate

# scikit-learn refuses a rate of 0; this one moves nothing either.
_NONE = sys.float_info.min


def torch_scheduler(rate: Rate, optimizer: Optimizer, start: int) -> LambdaLR:
    """See `Rate.torch`."""
    try:
        from torch.optim.lr_scheduler import LambdaLR
    except ImportError:
        raise MissingExtraError("A PyTorch scheduler needs", "torch") from None
    groups = optimizer.param_groups
    own = [float(group.get("initial_lr", group["lr"])) for group in groups]
    largest = max(own)
    for group, rate_of_group in zip(groups, own, strict=True):
        peak = rate.peak * (rate_of_group / largest if largest > 0 else 1.0)
        group["lr"] = group["initial_lr"] = peak
    # PyTorch counts the steps that were made; the rate of the next one is wanted. A plain function, since the state
    # of any other callable would go into the scheduler's state_dict.
    return LambdaLR(optimizer, lambda made: rate.share(made + 1), last_epoch=start - 1)


def sklearn_setter(rate: Rate, model: Any) -> Callable[[float], float]:
    """See `Rate.sklearn`."""
    known = model.get_params(deep=False) if hasattr(model, "get_params") else {}
    if "learning_rate_init" in known:
        put = _into_perceptron
    elif "eta0" in known:
        put = _into_linear
    else:
        remedy = "Use an MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor or Perceptron."
        raise InputError("model", f"{shown(model)} has no learning rate that partial_fit goes by", remedy)

    def set_rate(step: float) -> float:
        value = rate(step)
        put(model, max(value, _NONE))
        return value

    return set_rate


def _into_linear(model: Any, value: float) -> None:
    # The default of SGDClassifier, "optimal", pays no heed to eta0.
    schedule = {"learning_rate": "constant"} if "learning_rate" in model.get_params(deep=False) else {}
    model.set_params(eta0=value, **schedule)


def _into_perceptron(model: Any, value: float) -> None:
    model.set_params(learning_rate_init=value)
    # Made by the first partial_fit, and kept: from then on the model's own parameter is not looked at.
    optimizer = getattr(model, "_optimizer", None)
    if optimizer is not None:
        optimizer.learning_rate_init = optimizer.learning_rate = value
