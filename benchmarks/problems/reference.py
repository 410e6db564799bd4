"""Makes reference.json anew: the median loss of random configurations of each problem, and the best loss found.

  OMP_NUM_THREADS=1 PYTHONPATH=benchmarks python -m problems.reference        (some three minutes)

The best is looked for by random steps of all sizes from the best so far; formulas with a known optimum have 0.
"""

from __future__ import annotations

import json

import numpy as np

from problems import REFERENCE, Problem, get, synthetic, trained
from trialist.numerics.keys import Key

DRAWS = {"synthetic": 2000, "trained": 200}
STEPS = {"synthetic": 20_000, "trained": 250}


def reference(problem: Problem, family: str) -> dict[str, float]:
    draws = [problem.space.draw(Key(2, number)) for number in range(DRAWS[family])]
    losses = [problem.loss(config) for config in draws]
    best = min(losses)
    u = np.array(problem.space.encode(draws[int(np.argmin(losses))]))
    rng = np.random.default_rng(0)
    for _ in range(STEPS[family]):
        # A few coordinates at a time, so that a choice can change while the rest stays.
        moved = rng.random(u.size) < rng.choice([0.1, 0.3, 1.0])
        v = np.clip(u + moved * rng.normal(0, 10 ** rng.uniform(-4, 0), u.size), 0, 1)
        config = problem.space.decode(list(v))
        if problem.space.allows(config) and (loss := problem.loss(config)) <= best:
            u, best = v, loss
    return {"best": best, "median": float(np.median(losses))}


def main() -> None:
    found = {}
    for family, names in (("synthetic", synthetic.NAMES), ("trained", trained.NAMES)):
        for function in names:
            name = f"{family}:{function}"
            found[name] = reference(get(name), family)
            if family == "synthetic" and "mixed" not in function:
                found[name]["best"] = 0.0
            print(name, found[name])
    REFERENCE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
