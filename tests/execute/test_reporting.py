"""trialist.report, inside a script."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trialist.errors import ResultError
from trialist.execute.reporting import report


def test_it_appends_lines_to_the_metrics_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.jsonl"
    monkeypatch.setenv("TRIALIST_METRICS", str(path))
    report(3, val_loss=np.float64(0.41), acc=1)
    report(val_loss=0.5)
    report(constraints={"ms": np.int64(7)}, trial_cost=2)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    told = {"trial_cost": 2.0, "constraints": {"ms": 7.0}}
    assert lines == [{"step": 3, "val_loss": 0.41, "acc": 1.0}, {"val_loss": 0.5}, told]


def test_it_prints_where_no_study_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("TRIALIST_METRICS", raising=False)
    report(step=0, loss=math.nan)
    report(3, of=81, loss=1)
    assert capsys.readouterr().out == '{"step": 0, "loss": NaN}\n{"step": 3, "of": 81, "loss": 1.0}\n'


@pytest.mark.parametrize(
    ("step", "metrics", "field"),
    [
        (1, {}, "report"),
        (-1, {"loss": 1}, "step"),
        (True, {"loss": 1}, "step"),
        (1.5, {"loss": 1}, "step"),
        (1, {"loss": 1, "of": 2.5}, "of"),
        (1, {"loss": "low"}, "loss"),
        (1, {"constraints": {}}, "report"),
        (1, {"constraints": 3}, "constraints"),
        (1, {"constraints": {"ms": "slow"}}, "ms"),
    ],
)
def test_what_is_no_report_is_refused(step: Any, metrics: dict[str, Any], field: str) -> None:
    with pytest.raises(ResultError) as caught:
        report(step, **metrics)
    assert caught.value.field == field
