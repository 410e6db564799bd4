"""Functions with known optima: rotated and shifted, mixed and conditional, noisy, constrained.

Shifts are drawn once by the function's name, so that no optimum lies in the middle or at a round place. A name that
begins with `noisy_` adds normal noise whose standard deviation is 30 % of that of the function over random points.
Sources: Surjanovic & Bingham, Virtual Library of Simulation Experiments.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

import trialist as tl
from problems import Problem
from trialist.numerics.keys import Key

NOISE_SHARE = 0.3
NOISE_POINTS = 1000

NAMES = (
    "branin", "hartmann6", "ackley6", "levy6", "rosenbrock5", "mixed",
    "noisy_branin", "noisy_hartmann6", "noisy_ackley6", "noisy_levy6", "noisy_mixed",
    "constrained_hartmann6", "constrained_mixed",
)  # fmt: skip

Loss = Callable[[dict[str, Any]], float]


def make(function: str) -> Problem:
    """The problem `synthetic:function`."""
    base = function.removeprefix("noisy_")
    space, loss = _BASES[base]()
    noise = NOISE_SHARE * spread(space, loss) if base != function else 0.0
    return Problem(f"synthetic:{function}", space, loss, noise)


def spread(space: tl.Space, loss: Loss) -> float:
    """The standard deviation of the loss over random configurations."""
    return float(np.std([loss(space.draw(Key(0, number))) for number in range(NOISE_POINTS)]))


def branin() -> tuple[tl.Space, Loss]:
    def loss(c: dict[str, Any]) -> float:
        x, y = c["x"], c["y"]
        valley = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
        return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.39788735772973816

    return tl.Space(x=tl.Float(-5, 10), y=tl.Float(0, 15)), loss


_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
_C = np.array([1.0, 1.2, 3.0, 3.2])


def hartmann6(**constraints: Any) -> tuple[tl.Space, Loss]:
    def loss(c: dict[str, Any]) -> float:
        x = np.array(list(c.values()))
        return 3.322368011415515 - float(_C @ np.exp(-np.sum(_A * (x - _P) ** 2, axis=1)))

    return tl.Space({f"x{i}": tl.Float(0, 1) for i in range(6)}, **constraints), loss


def constrained_hartmann6() -> tuple[tl.Space, Loss]:
    """Its optimum, where the sum is 2.07, lies near the edge of the tenth of the cube that is allowed."""
    return hartmann6(require=["x0 + x1 + x2 + x3 + x4 + x5 <= 2.15"])


def ackley(z: np.ndarray) -> float:
    return float(20 + math.e - 20 * np.exp(-0.2 * np.sqrt(np.mean(z**2))) - np.exp(np.mean(np.cos(2 * math.pi * z))))


def levy(z: np.ndarray) -> float:
    w = 1 + z / 4  # the optimum at z = 0
    middle = np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(math.pi * w[:-1] + 1) ** 2))
    return float(math.sin(math.pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2))


def rosenbrock(z: np.ndarray) -> float:
    z = z + 1.0  # the optimum at z = 0
    return float(np.sum(100 * (z[1:] - z[:-1] ** 2) ** 2 + (1 - z[:-1]) ** 2))


def rotated(function: Callable[[np.ndarray], float], d: int, half: float) -> tuple[tl.Space, Loss]:
    """The function of d numbers in [-half, half], turned by a random rotation about its randomly placed optimum."""
    rng = np.random.default_rng(zlib.crc32(f"{function.__name__}{d}".encode()))
    turn = np.linalg.qr(rng.standard_normal((d, d)))[0]
    optimum = rng.uniform(-0.6, 0.6, d) * half

    def loss(c: dict[str, Any]) -> float:
        return function(turn @ (np.array(list(c.values())) - optimum))

    return tl.Space({f"x{i}": tl.Float(-half, half) for i in range(d)}), loss


def mixed(**constraints: Any) -> tuple[tl.Space, Loss]:
    """A training run in miniature: the best learning rate depends on optimizer and width, and three dials on a choice.

    The loss saturates like an error rate; at the optimum it is 0.
    """
    rng = np.random.default_rng(zlib.crc32(b"mixed"))
    optimizers, schedules, norms = ("adam", "sgd", "lion", "adafactor"), ("cosine", "linear", "step"), ("rms", "layer")
    worse_optimizer, worse_schedule = rng.uniform(0.05, 0.5, 4), rng.uniform(0.05, 0.3, 3)
    worse_optimizer[rng.integers(4)] = worse_schedule[rng.integers(3)] = 0.0
    best_rate, best_momentum = rng.uniform(-4, -1.5, (4, 2)), rng.uniform(0.3, 0.95)
    best_width, best_warmup, best_decay, best_drop = rng.uniform(5, 8.5), rng.uniform(0.02, 0.4, 3), -3.3, 0.17

    def loss(c: dict[str, Any]) -> float:
        o, s, n = optimizers.index(c["optimizer"]), schedules.index(c["schedule"]), norms.index(c["norm"])
        width = math.log2(c["width"]) - best_width
        rate = math.log10(c["rate"]) - best_rate[o, n] + 0.2 * width
        v = worse_optimizer[o] + worse_schedule[s] + 0.4 * rate**2 + 0.06 * width**2
        v += 0.02 * (c["depth"] - 5) ** 2 + 1.0 * (c["drop"] - best_drop) ** 2
        if "momentum" in c:
            v += 1.5 * (c["momentum"] - best_momentum) ** 2
        if "warmup" in c:
            v += 2.0 * (c["warmup"] - best_warmup[s]) ** 2
        if "decay" in c:
            v += 0.1 * (math.log10(c["decay"]) - best_decay) ** 2
        return float(-math.expm1(-0.8 * v))

    space = tl.Space(
        {
            "optimizer": tl.Categorical(optimizers),
            "schedule": tl.Categorical(schedules),
            "norm": tl.Categorical(norms),
            "rate": tl.Float(1e-6, 1.0, log=True),
            "width": tl.Int(4, 1024, log=True),
            "depth": tl.Int(1, 12),
            "drop": tl.Float(0.0, 0.9),
            "momentum": tl.Float(0.0, 0.99, when={"optimizer": "sgd"}),
            "warmup": tl.Float(0.0, 0.5, when={"schedule": ["cosine", "linear"]}),
            "decay": tl.Float(1e-6, 1e-1, log=True, when={"optimizer": ["adam", "lion"]}),
        },
        **constraints,
    )
    return space, loss


def constrained_mixed() -> tuple[tl.Space, Loss]:
    """The mixed function where large models do not fit, and one optimizer needs small rates."""
    return mixed(forbid=["width * depth > 1024", "optimizer == 'lion' and rate > 0.01"])


_BASES: dict[str, Callable[[], tuple[tl.Space, Loss]]] = {
    "branin": branin,
    "hartmann6": hartmann6,
    "ackley6": lambda: rotated(ackley, 6, 16.0),
    "levy6": lambda: rotated(levy, 6, 10.0),
    "rosenbrock5": lambda: rotated(rosenbrock, 5, 2.0),
    "mixed": mixed,
    "constrained_hartmann6": constrained_hartmann6,
    "constrained_mixed": constrained_mixed,
}
