"""A learning rate as a function of the step: warm-up, then one of five shapes, as shares of the run.

Symbols: T steps in all; t = 1, 2, ... T the step, fractions between; w the steps of the warm-up; x the share of the
decay that is done, from 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialist.errors import InputError, shown
from trialist.space.plain import plain

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LambdaLR


class Shape(StrEnum):
    """How a rate goes on once the warm-up is over."""

    CONSTANT = "constant"
    LINEAR = "linear"
    COSINE = "cosine"
    INVERSE_SQRT = "inverse_sqrt"
    WSD = "wsd"  # warm-up, stable, decay

    @property
    def has_end(self) -> bool:
        """Whether it comes down to an end value that can be chosen."""
        return self in (Shape.LINEAR, Shape.COSINE, Shape.WSD)


# The time scale of the inverse square root where the warm-up, which else sets it, is shorter: a share of the run.
_LEAST_SCALE = 0.01


@dataclass(frozen=True, slots=True)
class Rate:
    """The learning rate at each step of a run: `rate(1)` to `rate(steps)`, in the unit of your loop, updates or epochs.

    peak: the highest rate, above 0.  steps: the length T of the run.
    warmup: the share of the run over which the rate rises to its peak, in equal steps (Goyal et al. 2017).
    shape: how it goes on from there.
      "constant"      at the peak
      "linear"        in a line to the end value (Defazio et al. 2023)
      "cosine"        along half a cosine to the end value (Loshchilov & Hutter 2017)
      "inverse_sqrt"  peak · sqrt(w / t) (Vaswani et al. 2017); a warm-up under T / 100 counts as T / 100 there
      "wsd"           at the peak, and in the last `cooldown` of the run by 1 - sqrt(x) to the end value (Hu et al.
                      2024; Hägele et al. 2024)
    end: the last rate of linear, cosine and wsd, as a share of the peak. Not 0 unless you say so: a step at rate 0 is
    a step lost.  cooldown: a share of the run; it begins when the warm-up is over at the earliest.

    The peak is reached when the warm-up is over, at step 1 without one; beyond `steps` the rate stays what it was at
    the end. Where a run is so short that the warm-up rounds to no steps, there is none; a single step is at the peak.
    Raises InputError, naming the argument, for what cannot be.

    >>> rate = Rate(0.1, steps=10, shape="linear", warmup=0.2, end=0.5)
    >>> [round(rate(t), 5) for t in (1, 2, 6, 10)]
    [0.05, 0.1, 0.075, 0.05]
    """

    peak: float
    steps: int
    _: KW_ONLY
    shape: str = Shape.COSINE
    warmup: float = 0.0
    end: float = 0.01
    cooldown: float = 0.2

    def __post_init__(self) -> None:
        peak, steps = plain(self.peak), length(self.steps)
        if type(peak) not in (int, float) or not 0 < peak < math.inf:
            raise InputError("peak", f"{shown(self.peak)} is no rate", "Give a finite number above 0.")
        try:
            shape = Shape(self.shape)
        except ValueError:
            remedy = f"Use one of {', '.join(Shape)}."
            raise InputError("shape", f"there is no schedule {shown(self.shape)}", remedy) from None
        for name, value in (("peak", float(peak)), ("steps", steps), ("shape", shape)):
            object.__setattr__(self, name, value)
        for name in ("warmup", "end", "cooldown"):
            object.__setattr__(self, name, share(name, getattr(self, name)))

    @property
    def warmup_steps(self) -> int:
        """Steps until the peak is reached; 0 where the first step is at the peak."""
        return round(self.warmup * self.steps)

    def __call__(self, step: float) -> float:
        """The rate of a step, counted from 1; of a moment in between where it is no whole number."""
        return self.peak * self.share(step)

    def share(self, step: float) -> float:
        """The rate of a step as a share of the peak, from 0 to 1."""
        if not step >= 0:
            raise InputError("step", f"{shown(step)} is not a step", "Count from 1, as trial.steps does.")
        T, w = self.steps, self.warmup_steps
        t = min(step, T)
        if t < w:
            return t / w
        start = min(max(w, 1), T)  # the step that is at the peak
        if self.shape == Shape.INVERSE_SQRT:
            scale = max(start, _LEAST_SCALE * T)
            return math.sqrt(scale / (scale + max(t - start, 0.0)))
        if self.shape == Shape.WSD:
            start = max(start, T - max(round(self.cooldown * T), 1))
        if t <= start or self.shape == Shape.CONSTANT:
            return 1.0
        left = _LEFT[self.shape]((t - start) / (T - start))
        return self.end + (1.0 - self.end) * left

    def torch(self, optimizer: Optimizer, start: int = 0) -> LambdaLR:
        """A PyTorch scheduler that gives the optimizer this rate: call its `step()` after each step of the run.

        Sets the optimizer's own rate, whatever it was: to the peak's. Of several parameter groups the one with the
        largest rate gets it, and the others keep their ratio to that one.
        start: steps made before, where a run goes on from a checkpoint.  Raises MissingExtraError without PyTorch.
        """
        from trialist.rates.frameworks import torch_scheduler

        return torch_scheduler(self, optimizer, start)

    def sklearn(self, model: Any) -> Callable[[float], float]:
        """A function `set_rate(step)` for a scikit-learn model that is trained by `partial_fit`: call it before each.

        For the models that learn by rates: MLPClassifier and MLPRegressor (also once their optimizer is under way),
        SGDClassifier, SGDRegressor and Perceptron, whose own schedule it turns off. It returns the rate that it set.
        Raises InputError for a model without a learning rate.
        """
        from trialist.rates.frameworks import sklearn_setter

        return sklearn_setter(self, model)

    def sketch(self, width: int = 60, height: int = 8) -> str:
        """The rate over the run as lines of text."""
        from trialist.rates.sketch import sketch

        return sketch(*self._course(), width, height, x_label="step")

    def svg(self, path: str | Path, name: str = "rate", beside: Mapping[str, Rate] | None = None) -> Path:
        """Draw the rate over the run into an SVG file, under its name, and others by name beside it; returns its path.

        All are drawn over the share of their own run that is done, so that runs of unlike lengths can be compared.
        """
        from trialist.rates.chart import Line, chart, write

        rates = {name: self, **(beside or {})}
        lines = [Line(*rate._course(relative=True), named) for named, rate in rates.items()]
        drawn = chart("Learning rate", lines, x_label="share of the run", y_label="learning rate", zero=True)
        return write(path, drawn)

    def _course(self, relative: bool = False) -> tuple[list[float], list[float]]:
        """Steps and rates that draw it well: all of a short run, some hundreds of a long one."""
        count = min(self.steps, 500)
        corners = {1, self.warmup_steps, self.steps}
        steps = sorted({1 + round(i * (self.steps - 1) / max(count - 1, 1)) for i in range(count)} | (corners - {0}))
        return [t / self.steps if relative else float(t) for t in steps], [self(t) for t in steps]


def length(steps: object) -> int:
    """The length of a run as an int, also of a whole float, which a fidelity is; InputError for anything else."""
    given = plain(steps)
    if type(given) not in (int, float) or not 1 <= given < math.inf or given != int(given):
        raise InputError("steps", f"{shown(steps)} is no length of a run", "Give a whole number, at least 1.")
    return int(given)


def share(name: str, value: object) -> float:
    """A share from 0 to 1 as a float; InputError naming it for anything else."""
    given = plain(value)
    if type(given) not in (int, float) or not 0 <= given <= 1:
        raise InputError(name, f"{shown(value)} is not a share", "Give a number from 0 to 1.")
    return float(given)


# What is left of the way down to the end value after the share x of the decay.
_LEFT: dict[str, Callable[[float], float]] = {
    Shape.LINEAR: lambda x: 1.0 - x,
    Shape.COSINE: lambda x: (1.0 + math.cos(math.pi * x)) / 2.0,
    Shape.WSD: lambda x: 1.0 - math.sqrt(x),
}
