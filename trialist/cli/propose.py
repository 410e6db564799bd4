"""Which of a script's options look like dials, and on what scale: by their names, their defaults and their choices."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from trialist.cli.helptext import Option
from trialist.cli.literals import literal
from trialist.space.categorical import UNSET
from trialist.space.parameter import Categorical, Float, Int, Parameter, declare

# Words of an option's name, each a whole word of it or the whole name without underscores.
_FIXED = {
    "seed": "a seed is noise, not a dial: trials get their own",
    "epochs epoch steps step iterations iters iter n_iter max_iter rounds budget": "a length of training is a cost",
    "data dataset path dir folder file out output input csv root": "where things are",
    "device devices gpu gpus cuda cpu workers num_workers jobs n_jobs threads port host backend": "where it runs",
    "verbose quiet log logging debug print progress name tag config resume checkpoint ckpt save load": "no effect",
    "split fold folds cv test eval val validation metric": "what is measured, not what is tuned",
}
_LOG = (
    "lr learning_rate learningrate rate wd weight_decay decay alpha l1 l2 reg regularization lambda lam gamma c eps "
    "epsilon temperature tol penalty"
)
_SHARE = (
    "dropout drop momentum beta beta1 beta2 prob probability p ratio fraction frac subsample colsample smoothing mixup"
)
_SIZE = (
    "batch batch_size width hidden units unit dim dims channels size embed embedding neurons filters rank estimators "
    "n_estimators leaves trees features neighbors k"
)
_COUNT = "depth layers layer heads blocks degree max_depth"


@dataclass(frozen=True, slots=True)
class Proposed:
    """A dial, and in a few words why it is on that scale."""

    parameter: Parameter
    why: str


def propose(option: Option) -> Proposed | str:
    """A dial for an option, or why it is left alone."""
    name = option.name.lower()
    for words, why in _FIXED.items():
        if _is_called(name, words):
            return why
    if not option.takes_value:
        return "a switch: add it by hand as a choice if it takes a value"
    if option.choices:
        return _choice(option)
    default = option.default
    if isinstance(default, bool):
        return Proposed(declare(option.name, Categorical, [True, False], default=default), "on or off")
    if not isinstance(default, (int, float)):
        return "no default is shown, so no scale is known" if default is None else "text without a list of choices"
    if not math.isfinite(default) or default < 0:
        return f"no scale is known round {default}"
    return _number(option.name, name, default)


def _choice(option: Option) -> Proposed | str:
    choices = [literal(word) for word in dict.fromkeys(option.choices)]
    if len(choices) < 2:
        return "a single choice"
    is_given = option.says_default and option.default in choices
    default = choices[choices.index(option.default)] if is_given else UNSET
    return Proposed(declare(option.name, Categorical, choices, default=default), "its own choices")


def _number(name: str, called: str, default: float) -> Proposed | str:
    is_whole = isinstance(default, int)
    if _is_called(called, _SHARE) and default <= 1:
        high = 0.99 if _is_called(called, "momentum beta beta1 beta2") else 0.7 if "drop" in called else 1.0
        bounds = 0.0, max(high, float(default))
        return Proposed(declare(name, Float, *bounds, default=float(default)), "a share between 0 and 1")
    if _is_called(called, _LOG) and (not is_whole or default in (0, 1)):
        if default == 0:
            return Proposed(declare(name, Float, 0.0, 0.1, default=0.0), "off by default, so a linear scale from 0")
        high = default * 100
        if _is_called(called, "lr learning_rate learningrate rate"):
            high = max(min(high, 1.0), default)
        dial = declare(name, Float, _nice(default / 100), _nice(high), log=True, default=float(default))
        return Proposed(dial, "orders of magnitude matter, so a log scale")
    if is_whole and default > 0:
        return _whole(name, called, int(default))
    if default == 0:
        return "no scale is known round 0"
    dial = declare(name, Float, _nice(default / 10), _nice(default * 10), log=True, default=float(default))
    return Proposed(dial, "a factor of ten to both sides")


def _whole(name: str, called: str, default: int) -> Proposed:
    if _is_called(called, _COUNT) or (default < 8 and not _is_called(called, _SIZE)):
        return Proposed(declare(name, Int, 1, max(2 * default, default + 2), default=default), "a small count")
    low, high = max(default // 4, 1), default * 4
    return Proposed(declare(name, Int, low, high, log=True, default=default), "a size, so a log scale of whole numbers")


def _nice(x: float) -> float:
    """The number without the rounding noise of a product: 0.1, never 0.10000000000000002."""
    return float(f"{x:.6g}")


def _is_called(name: str, words: str) -> bool:
    parts: list[Any] = [name, name.replace("_", ""), *re.split(r"[_.]", name)]
    return any(word in parts or ("_" in word and word in name) for word in words.split())
