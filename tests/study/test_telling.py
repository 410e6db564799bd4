"""Which events deserve a line, and what is said to be the best so far."""

import io

import trialist as tl
from trialist.study.telling import Teller


def _told(study, objective):
    out = io.StringIO()
    teller = Teller(study, out)
    for event in study.process(objective):
        teller.tell(event)
    return out.getvalue().splitlines()


def test_a_finalist_that_is_scored_again_is_no_new_best():
    space = {"x": tl.Float(0.0, 1.0, default=0.5)}
    study = tl.Study.create(space, minimize="loss", budget=20, store="memory")
    # Fresh scores are all better than any of the search, which must not make them the best configuration.
    lines = _told(study, lambda trial: trial["x"] + (trial.seed % 7) / 100 - 10.0 * (trial.stage is tl.Stage.SELECT))
    start = next(i for i, line in enumerate(lines) if line.startswith("select:"))
    assert any("best so far" in line for line in lines[:start])
    assert not any("best so far" in line for line in lines[start:])


def test_a_study_that_goes_on_knows_its_best():
    space = {"x": tl.Float(0.0, 1.0, default=0.5)}
    study = tl.Study.create(space, minimize="loss", budget=30, store="memory", strategy="random", seed=3)
    study.enqueue({"x": 0.0})
    study.optimize(lambda trial: trial["x"], trials=2)
    lines = _told(study, lambda trial: trial["x"])
    assert not any("best so far" in line for line in lines)
