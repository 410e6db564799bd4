"""What is asked at every trial is answered by an index, however long the study."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from trialist.store import connect, open_store, statements


@pytest.mark.parametrize(
    ("statement", "plan"),
    [
        ("STUDY", "SEARCH study USING INDEX .*name="),
        ("STUDY_TO_OPEN", "SEARCH trial USING COVERING INDEX trial_open .study=. AND state="),
        ("STUDY_TO_TELL", "PRIMARY KEY .study=. AND number="),
        ("RUNNING", "SEARCH trial USING COVERING INDEX trial_open .study=. AND state="),
        ("CHANGED", "trial_changed .study=. AND changed>"),
        ("CHANGED_REPORTS", "trial_changed .study=. AND changed>"),
        ("BEST", "SEARCH trial USING INDEX trial_loss .study=. AND violated=. AND loss>"),
        ("INFEASIBLE", "SEARCH trial USING INDEX trial_loss .study=. AND violated>"),
        ("TRIAL", "PRIMARY KEY .study=. AND number="),
        ("TRIAL_REPORTS", "PRIMARY KEY .study=. AND trial="),
        ("MOVE", "PRIMARY KEY .study=. AND number="),
        ("CHANGED_LAST_REPORTS", "trial_changed .study=. AND changed>"),
        ("MOMENT", "SEARCH study USING INDEX .*name="),
        ("INSTRUCTIONS", "ix_instruction_study .study="),
        ("BEAT", "PRIMARY KEY .study=. AND token="),
    ],
)
def test_a_statement_of_every_trial_scans_nothing(tmp_path: Path, statement: str, plan: str) -> None:
    open_store(tmp_path / "s.db").close()
    text = str(getattr(statements, statement).compile(dialect=connect.DIALECT))
    connection = sqlite3.connect(tmp_path / "s.db")
    values = dict.fromkeys(re.findall(r":(\w+)", text), 1)
    steps = [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]
    connection.close()
    assert any(re.search(plan, step) for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN") or "TEMP B-TREE" in step]
