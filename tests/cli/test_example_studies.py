"""The study files of examples/studies: five kinds of study, five strategies, each with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trialist.cli.main import main

STUDIES = Path(__file__).parents[2] / "examples" / "studies"
EXPECTED = {
    "finite": ("grid", "all 12 configurations"),
    "expensive": ("gp", "most of each trial"),
    "simulator": ("cmaes", "in 9,900 trials its restarts"),
    "pipeline": ("tpe", "after 1,000 trials of gp"),
    "front": ("evolution", "after 300 trials of gp"),
}


def test_each_file_is_looked_at() -> None:
    assert {path.stem for path in STUDIES.glob("*.yaml")} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_the_plan_is_what_the_file_says(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = STUDIES / f"{name}.yaml"
    with pytest.raises(SystemExit) as end:
        main(["plan", str(file), "--json"])
    assert not end.value.code
    told = json.loads(capsys.readouterr().out)
    strategy, why = EXPECTED[name]
    assert told["strategy"] == strategy
    assert told["reason"].startswith(f"{strategy}, for ")
    assert why in told["reason"]
    assert f"# {strategy}" in file.read_text(), "the head of the file says otherwise"
