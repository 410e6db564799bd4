"""`trialist verify` looks at the ledger before all else."""

from __future__ import annotations

import sqlite3

import pytest

from trialist.cli.main import main
from trialist.testing.odd_studies import ODD


def test_an_altered_ledger_is_told_before_what_the_study_lacks(tmp_path, capsys):
    path = tmp_path / "kept.db"
    ODD["verified"](path).close()
    command = ["verify", "--store", str(path)]
    with pytest.raises(SystemExit) as untouched:
        main(command)
    assert untouched.value.code == 2  # a function of this process, which no command can call
    capsys.readouterr()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE ledger SET content_json = replace(content_json, 'look\":1', 'look\":2') WHERE line = 1")
    with pytest.raises(SystemExit) as altered:
        main(command)
    assert altered.value.code == 1
    assert "line 1 of the ledger was altered" in capsys.readouterr().err
