"""The seal: a changed test row, file or line of the ledger is noticed; what leaks is told before the search."""

from __future__ import annotations

import functools
import re
import sqlite3
import sys
from contextlib import closing
from html import unescape
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from click import unstyle

import trialist as tl
from trialist.cli.asjson import study_json
from trialist.cli.main import main
from trialist.cli.result import result_lines
from trialist.cli.status import status_lines
from trialist.errors import SealBrokenError, StoreDamagedError
from trialist.study.beginning import LEAKS
from trialist.study.events import Told
from trialist.study.splits import splits_of
from trialist.testing.odd_studies import ODD

SPACE = tl.Space(x=tl.Float(-1.0, 1.0, default=0.9))


class Data:
    """Data of one's own, and an objective and a test on a Split of them."""

    def __init__(self, seed: int = 0, rows: int = 120, of: int = 0) -> None:
        rng = np.random.default_rng(of)
        self.X, self.y = rng.normal(size=(rows, 3)), rng.normal(size=rows)
        self.split = tl.Split(self.X, self.y, test=0.5, validation=0.2, seed=seed)

    def objective(self, trial: tl.Trial) -> float:
        return trial["x"] ** 2 + 0.001 * float(np.mean(self.split.validation[1]))

    def test(self, params: dict[str, Any], seed: int) -> list[float]:
        return [params["x"] ** 2 + 0.01 * float(value) for value in self.split.test[1]]

    def change_a_sealed_row(self) -> None:
        row = next(row for row in range(len(self.y)) if row not in self.opened)
        self.X[row, 1] += 0.5

    @property
    def opened(self) -> set[int]:
        rows = {tuple(row) for row in self.split.train_and_validation[0].tolist()}
        return {row for row, values in enumerate(self.X.tolist()) if tuple(values) in rows}


def study_of(path: Path, name: str = "parabola", budget: int = 6) -> tl.Study:
    return tl.Study.create(SPACE, minimize="loss", budget=budget, name=name, store=path, test_seeds=2)


def told(events: Any) -> list[str]:
    return [event.text for event in events if isinstance(event, Told)]


def test_a_test_row_that_was_changed_after_sealing_is_noticed_and_nothing_is_opened(tmp_path: Path) -> None:
    data = Data()
    with study_of(tmp_path / "s.db") as study:
        study.optimize(data.objective, trials=5)
        data.change_a_sealed_row()
        with pytest.raises(
            SealBrokenError, match=r"split: rows of the sealed test part.*, 1 of 60\. Bring the data back"
        ):
            study.verify(data.test)
        assert study.ledger == ()


def test_a_row_that_is_changed_back_lets_the_seal_hold(tmp_path: Path) -> None:
    data = Data()
    with study_of(tmp_path / "s.db") as study:
        study.optimize(data.objective, trials=5)
        data.y[:] += 1
        with pytest.raises(SealBrokenError):
            study.verify(data.test)
        data.y[:] -= 1
        data.y[:] = Data().y  # to the last bit
        assert study.verify(data.test).looks == 1


def test_other_rows_and_changes_elsewhere_are_told_apart(tmp_path: Path) -> None:
    data = Data()
    with study_of(tmp_path / "s.db") as study:
        list(study.process(data.objective, data.test))
        with pytest.raises(SealBrokenError, match="other rows are sealed than when the study began: another seed"):
            study.verify(Data(seed=1).test, again=True)
        data.X[next(iter(data.opened)), 0] += 1
        with pytest.raises(SealBrokenError, match="the sealed rows are as they were, but others"):
            study.verify(data.test, again=True)
        assert len(study.ledger) == 1


def test_a_study_that_goes_on_with_changed_data_is_told_of_it(tmp_path: Path) -> None:
    with study_of(tmp_path / "s.db", budget=12) as study:
        study.optimize(Data().objective, trials=5)
        changed = Data()
        changed.change_a_sealed_row()
        assert any("1 of 60; what was scored so far" in text for text in told(study.run(changed.objective, trials=1)))
        assert not any("what was scored" in text for text in told(study.run(Data().objective, trials=1)))


def test_a_test_on_other_data_that_nobody_knew_of_is_no_broken_seal(tmp_path: Path) -> None:
    with study_of(tmp_path / "s.db") as study:
        study.optimize(Data().objective, trials=5)
        assert study.verify(Data(of=1).test).looks == 1


def test_looks_at_the_same_rows_are_counted_over_studies_and_splits(tmp_path: Path) -> None:
    path, told_of = tmp_path / "s.db", {}
    order = np.random.default_rng(0).permutation(120)
    shuffled = Data()
    shuffled.split = tl.Split(shuffled.X[order], shuffled.y[order], test=0.5, validation=0.2, seed=5)
    for name, data in (("a", Data()), ("b", Data(seed=3)), ("c", shuffled), ("d", Data(of=9)), ("e", Data())):
        with study_of(path, name) as study:
            told_of[name] = told(study.process(data.objective, data.test))
            assert study.verdict is not None and study.verdict.looks == study.ledger[-1].number
            told_of[name] = [text for text in told_of[name] if "looked at" in text], study.ledger[-1]
    numbers = {name: (look.number, look.elsewhere) for name, (_, look) in told_of.items()}
    assert numbers == {"a": (1, 0), "b": (2, 1), "c": (3, 2), "d": (1, 0), "e": (4, 3)}
    assert told_of["a"][0] == told_of["d"][0] == []
    assert 0.3 < told_of["b"][1].overlap < 0.7  # half of the data are sealed in each
    assert re.search(
        r"looked at in part, \d\d % of the rows at most, 1 time before, 1 of them in other", told_of["b"][0][0]
    )
    assert "looked at 3 times before, 3 of them in other studies: this is look 4" in told_of["e"][0][0]


def test_leaks_are_told_once_and_kept(tmp_path: Path) -> None:
    data = Data()
    data.split = tl.Split(np.vstack([data.X, data.X]), np.append(data.y, data.y), test=0.3, seed=0)
    with study_of(tmp_path / "s.db", budget=8) as study:
        first = told(study.run(data.objective, trials=2))
        assert len([text for text in first if "split: leak, copies (rows): " in text]) == 1
        assert not any("leak" in text for text in told(study.run(data.objective, trials=2)))
        kept = study.stage(LEAKS)
        assert kept is not None and kept["checked"] == [data.split.fingerprint]
        assert [(leak["split"], leak["kind"], leak["severity"]) for leak in kept["found"]] == [
            ("split", "copies", "leak")
        ]


def test_data_that_cannot_be_checked_end_no_study(tmp_path: Path) -> None:
    class Odd(list):  # type: ignore[type-arg]
        def __getitem__(self, row: Any) -> Any:
            raise RuntimeError("not today")

    split = tl.Split(Odd(range(60)), list(range(60)))

    def objective(trial: tl.Trial) -> float:
        return trial["x"] ** 2 + 0 * split.sizes["train"]

    with study_of(tmp_path / "s.db") as study:
        texts = told(study.run(objective, trials=2))
        assert len(study.trials) == 2 and len(texts) == 1 and "not today" in texts[0]


SHARED = tl.Split(list(range(20)), list(range(20)))


def helper() -> int:
    return SHARED.sizes["train"]


def test_a_split_is_found_however_a_function_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    own = tl.Split(list(range(30)), list(range(30)))
    module = ModuleType("my_data")
    module.rows = own  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_data", module)

    def by_default(trial: Any, split: tl.Split = own) -> Any:
        return split

    def by_closure(trial: Any) -> Any:
        return own

    def by_module(trial: Any) -> Any:
        return module.rows

    def by_helper(trial: Any) -> int:
        return helper()

    def within(trial: Any) -> Any:
        return [SHARED for _ in range(3)]

    class Model:
        def __init__(self) -> None:
            self.split = own

        def __call__(self, trial: Any) -> Any:
            return self.split

        def method(self, trial: Any) -> Any:
            return self.split

    for function in (by_default, by_closure, by_module, Model(), Model().method, functools.partial(max, own)):
        assert list(splits_of(function).values()) == [own], function
    for function in (by_helper, within):
        assert list(splits_of(function).values()) == [SHARED], function
    assert splits_of(len) == splits_of(lambda trial: 0) == {}
    # An attribute that is called as a variable elsewhere is not that variable.
    assert list(splits_of(lambda trial: own.SHARED)) == ["own"]  # type: ignore[attr-defined]
    both = functools.partial(by_default, split=SHARED)
    assert set(splits_of(both)) == {"split", "split (1)"}  # the one given, and the default


TRAIN = """\
import sys
x = float(sys.argv[2])
print(f"loss={x * x}")
"""


@pytest.fixture
def command_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a script to tune and a file to test on."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "test.csv").write_text("a,b\n" + "".join(f"{row},{row * row}\n" for row in range(50)))
    return tmp_path


def cli(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0)


RUN = ("run", "--budget", "6", "--minimize", "loss", "--", sys.executable, "train.py", "--x", "{0..1 =0.9}")
TEST = "... --data test.csv"


def test_a_test_file_that_changed_since_the_study_began_is_noticed_by_the_command(
    command_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli(*RUN[:1], "--test", TEST, *RUN[1:]) == 0
    (command_study / "test.csv").write_text("a,b\n1,2\n")
    assert cli("verify", "--again") == 1
    assert "test.csv: this file was changed since the study began. Bring the data back" in capsys.readouterr().err
    (command_study / "test.csv").unlink()
    assert cli("verify", "--again") == 1
    assert "test.csv: this file was there when the study began, and is missing" in capsys.readouterr().err
    (command_study / "test.csv").write_text("a,b\n" + "".join(f"{row},{row * row}\n" for row in range(50)))
    (command_study / "train.py").write_text(TRAIN + "# a word more\n")
    assert cli("verify", "--again") == 0
    assert "train.py was changed since the study began" in capsys.readouterr().err
    assert cli("ledger") == 0
    assert "look 2 at" in capsys.readouterr().out  # code does not make the data new


@pytest.mark.parametrize("command", ["verify", "ledger"])
def test_a_byte_of_the_ledger_that_changed_is_noticed_by_the_command(
    command: str, command_study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli(*RUN[:1], "--test", TEST, *RUN[1:]) == 0
    path = command_study / "trialist.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = path.read_bytes()
    at = content.find(b'"version":2,"look":1')
    assert at > 0 and content.count(b'"version":2,"look":1') == 1
    changed = bytearray(content)
    changed[at + len(b'"version":2,"look":1') - 1] = ord("0")  # still JSON
    path.write_bytes(changed)
    again = ["--again"] if command == "verify" else []
    capsys.readouterr()
    assert cli(command, *again) == 1
    said = capsys.readouterr().err
    assert "line 1 of the ledger was altered" in said and "its verdicts prove nothing" in said


def test_a_study_whose_ledger_is_broken_is_not_verified(tmp_path: Path) -> None:
    data = Data()
    with study_of(tmp_path / "s.db") as study:
        list(study.process(data.objective, data.test))
        connection = sqlite3.connect(tmp_path / "s.db")
        with connection:
            connection.execute("DELETE FROM ledger WHERE line = 2")
        connection.close()
        with pytest.raises(StoreDamagedError, match="lines after line 1 of the ledger were removed"):
            study.verify(data.test, again=True)


ALTERED = "UPDATE ledger SET content_json = replace(content_json, 'look\":1', 'look\":2') WHERE line = 1"
EMPTIED = "DELETE FROM ledger; UPDATE trialist SET value = '' WHERE \"key\" = 'ledger'"


@pytest.mark.parametrize(
    ("change", "words"),
    [(ALTERED, "line 1 of the ledger was altered"), (EMPTIED, "does not hold the one that the verdict came of")],
    ids=["altered", "emptied"],
)
def test_a_verdict_whose_ledger_is_broken_is_shown_with_that_doubt(change: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    ODD["verified"](path).close()
    with tl.Study.load("verified", path) as study:
        assert study.doubt == "" and "doubt" not in study.summary() and "in doubt" not in study.statement().text
        assert study_json(study)["doubt"] is None and study.statement().facts["doubt"] is None
    with closing(sqlite3.connect(path)) as file, file:
        file.executescript(change)
    with tl.Study.load("verified", path) as study:
        assert study.verdict is not None and words in study.doubt and "nothing" in study.doubt
        said = study.summary().splitlines()
        at = next(i for i, line in enumerate(said) if study.verdict.sentence in line)
        assert said[at + 1].startswith("doubt") and words in said[at + 1]
        seen = [*status_lines(study, (), 80), *result_lines(study, 80)]
        assert sum(unstyle(line).startswith("doubt ") for line in seen) == 2
        report = Path(study.report(tmp_path / "r.html")).read_text(encoding="utf-8")
        assert "Verdict, in doubt: " in report and words in report
        assert words in unescape(study._repr_html_())
        assert words in study_json(study)["doubt"] and words in study.statement().to_json()["doubt"]
        text = study.statement().text
        assert text.index("The verdict that follows is in doubt: ") < text.index(words) < text.index("a difference of")
