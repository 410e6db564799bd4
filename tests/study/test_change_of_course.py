"""A change of course is told as it happens, once, and a study that is resumed takes the same course."""

from __future__ import annotations

from pathlib import Path

import pytest

import trialist as tl
from trialist.search import auto
from trialist.study.events import Told

SPACE = tl.Space(x=tl.Float(-1.0, 1.0, default=0.9), k=tl.Categorical(["a", "b"], default="b"))


def objective(trial: tl.Trial) -> float:
    return float(trial["x"] ** 2) + 0.1 * (trial["k"] == "b")


def course(study: tl.Study) -> list[tuple[str, dict[str, object]]]:
    return [(r.strategy, dict(r.params)) for r in study.trials]


def test_another_strategy_takes_over_with_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(auto, "HORIZON", 8)
    with tl.Study.create(SPACE, minimize="loss", budget=16, name="whole", store=tmp_path / "s.db") as whole:
        told = [event.text for event in whole.run(objective) if isinstance(event, Told)]
        changes = [line for line in told if line.startswith("from here on")]
        assert len(changes) == 1
        assert changes[0].startswith("from here on tpe, since ")
        assert [r.strategy for r in whole.trials] == ["baseline", *["gp"] * 7, *["tpe"] * 8]
        assert whole.trials[8].reason.startswith(changes[0])
        straight = course(whole)
    with tl.Study.create(SPACE, minimize="loss", budget=16, name="parts", store=tmp_path / "p.db") as first:
        first.optimize(objective, trials=9)
    with tl.Study.load("parts", store=tmp_path / "p.db") as second:
        second.optimize(objective)
        assert course(second) == straight
