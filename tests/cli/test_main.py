"""The commands by name: help with an example each, exit codes, errors without a traceback, and a quick start."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

from trialist.cli.main import COMMANDS, main
from trialist.space.parameter import Float
from trialist.study.study import Study

HEAVY = ("numpy", "scipy", "sqlalchemy", "rich", "pydantic", "yaml", "psutil", "pandas", "asyncio")


@pytest.fixture
def trialist(tmp_path, monkeypatch, capsys):
    """Runs a command line in an empty folder; (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(list(words))
        out, err = capsys.readouterr()
        return int(left.value.code), out, err

    return call


def test_help_loads_nothing_heavy():
    code = f"""
import sys
from trialist.cli.main import main
try:
    main(["--help"])
except SystemExit as left:
    assert left.code == 0
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"


def test_the_overview_names_every_command_and_shows_an_example(trialist):
    code, out, _ = trialist("--help")
    assert code == 0
    assert "Example" in out
    for name in COMMANDS:
        assert f"\n  {name} " in out


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_with_an_example_and_json(trialist, name):
    code, out, _ = trialist(name, "--help")
    assert code == 0
    assert "Example" in out
    assert f"trialist {name}" in out.split("Example", 1)[1]
    assert "--json" in out
    assert all(len(line) <= 80 for line in out.splitlines())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["runn"], "Use 'run'."),
        (["status", "--studdy", "x"], "--study"),
        (["show", "one"], "'one' is not a valid integer"),
        (["run", "python", "train.py", "--lr", "{1..2}"], "Put -- before the command"),
        (["run", "train.py"], "put -- before the command"),
        (["run", "--"], "nothing stands behind --"),
        (["run", "--budget", "20"], "none is given to go with --budget"),
        (["plan", "--minimize", "a"], "study.yaml: there is no such file"),
        (["plan", "--minimize", "a", "--", "t", "--lr", "{1..2 log}"], "budget: none is given"),
        (
            ["plan", "--budget", "3", "--", "t", "--lr", "{1..2 log}"],
            "Give a number that the command prints: --minimize",
        ),
        (["plan", "--budget", "3", "--minimize", "a", "--", "t", "--lr", "3"], "holds no dials"),
        (["plan", "--budget", "3", "--minimize", "a", "--maximize", "a", "--", "t", "{x: 1..2}"], "named twice"),
        (["plan", "--budget", "3", "--minimize", "a", "--workers", "0", "--", "t", "{x: 1..2}"], "workers: 0"),
        (["plan", "--budget", "3", "--minimize", "a", "--strategy", "sobl", "--", "t", "{x: 1..2}"], "sobol"),
        (["plan", "--budget", "3", "--minimize", "a", "--test", "t2", "--", "t", "{x: 1..2}"], "test: "),
        (
            ["plan", "--budget", "3", "--minimize", "a", "--trial-memory", "x", "--", "t", "{x: 1..2}"],
            "trial_memory: 'x'",
        ),
        (
            ["plan", "--budget", "3", "--minimize", "a", "--trial-memory", "512", "--", "t", "{x: 1..2}"],
            "trial_memory: 512 bytes are fewer than any process takes. Give bytes: 512 * 2**20; or, in a command or a "
            'study file, text: "512MB".',
        ),
        (
            ["run", "--budget", "3", "--minimize", "a", "--", "no-such-program", "{x: 1..2}"],
            "no program that can be run",
        ),
        (
            ["run", "--budget", "3", "--minimize", "a", "--", "python", "no.py", "--x={1..2}"],
            "there is no script 'no.py'",
        ),
        (
            ["run", "--budget", "3", "--minimize", "a", "--test", "no-such-program {x}", "--", "true", "{x: 1..2}"],
            "test: ",
        ),
        (["init"], "Give the script behind --"),
        (["rerun"], "Give --failed"),
    ],
)
def test_wrong_input_ends_with_2_and_one_line_before_anything_is_written(trialist, tmp_path, words, said):
    code, out, err = trialist(*words)
    assert code == 2
    assert said in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["status", "trials", "best", "ledger", "verify", "report", "statement", "export"])
def test_a_missing_store_is_one_line_and_makes_no_file(trialist, tmp_path, name):
    code, _, err = trialist(name)
    assert code in (1, 2)
    assert "trialist.db" in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_with_json_an_error_is_an_object(trialist):
    code, out, err = trialist("plan", "--json", "--budget", "soon", "--minimize", "a", "--", "t", "{x: 1..2}")
    assert code == 2
    assert not out
    error = json.loads(err)["error"]
    assert error["kind"] == "PlanError"
    assert error["field"] == "budget"
    assert error["remedy"]


def test_a_json_flag_behind_the_dashes_is_the_commands_own(trialist):
    _, _, err = trialist("plan", "--budget", "soon", "--minimize", "a", "--", "t", "--json", "{x: 1..2}")
    assert err.startswith("error: ")


def test_a_plan_says_what_would_be_done_and_writes_nothing(trialist, tmp_path):
    words = ["--budget", "20", "--minimize", "val_loss", "--", "python", "train.py", "--lr", "{1e-4..1 log =0.01}"]
    code, out, _ = trialist("plan", *words)
    assert code == 0
    assert "20 trials" in out
    assert "lr=0.01" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    code, out, _ = trialist("plan", "--json", *words)
    told = json.loads(out)
    assert told["study"] == "train"
    assert told["stages"]["search"] + told["stages"]["refine"] > 3
    assert told["baseline"] == {"lr": 0.01}
    assert not list(tmp_path.iterdir())


def test_the_same_plan_in_a_study_file(trialist, tmp_path):
    (tmp_path / "study.yaml").write_text(
        "command: python train.py --lr {lr} --act {relu,tanh} --out 'a b' --opts '{{}}'\n"
        "dials: {lr: {range: [1e-4, 1], log: true, default: 1e-2}}\n"
        "minimize: val_loss\nbudget: 20\ntest: ... --split test\n"
    )
    told = json.loads(trialist("plan", "--json")[1])
    assert told["command"] == ["python", "train.py", "--lr", "{lr}", "--act", "{act}", "--out", "a b", "--opts", "{{}}"]
    assert told["test"] == [*told["command"], "--split", "test"]
    assert told["stages"]["test_seeds"] == 5
    assert told["undeclared_defaults"] == ["act"]
    assert json.loads(trialist("plan", "study.yaml", "--budget", "7", "--json")[1])["budget"] == "7 trials"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("command: t --x {y}\ndials: {x: {range: [0, 1]}}", "{y}"),
        ("command: t --z {1..2}\ndials: {x: {range: [0, 1]}}", "it has no place for the dial 'x'"),
        ("command: t --x {x} --x {1..2}\ndials: {x: {range: [0, 1]}}", "declared twice"),
        ('command: "t --x {x} \'a"\ndials: {x: {range: [0, 1]}}', "cannot be split"),
        ("command: t --x {x}\ndials: {x: {range: [0, 1]}}\ntest: t --x {xx}", "test: "),
        ("command: t --x {x}\ndials: {x: {range: [0, 1]}}\ntest: t --x {0..1}", "test: "),
        ("command: t --x {x}\ndials: {x: {range: [0, 1], when: {z: 1}}}", "z"),
        ("command: t --x {x}\ndials: {x: {range: [0, 1]}}\nforbid: xx > 1", "xx"),
    ],
)
def test_a_study_file_that_contradicts_itself_is_refused(trialist, tmp_path, line, said):
    (tmp_path / "study.yaml").write_text(f"{line}\nminimize: loss\nbudget: 3\n")
    code, _, err = trialist("plan")
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_init_writes_a_file_that_plan_reads(trialist, tmp_path):
    (tmp_path / "fit.py").write_text(
        "import argparse\np = argparse.ArgumentParser()\n"
        "p.add_argument('--lr', type=float, default=0.01)\np.parse_args()\n"
    )
    code, out, _ = trialist("init", "--maximize", "accuracy", "--", sys.executable, "fit.py")
    assert code == 0
    assert "{0.0001..1.0 log =0.01}" in out
    assert json.loads(trialist("plan", "--json")[1])["study"] == "fit"
    code, _, err = trialist("init", "--", sys.executable, "fit.py")
    assert code == 2
    assert "--force" in err
    code, out, _ = trialist("init", "--force", "--json", "--", sys.executable, "fit.py")
    assert json.loads(out)["dials"]["lr"]["dial"] == "{0.0001..1.0 log =0.01}"


def tuned_function(name: str, value: float) -> None:
    """A study as Python makes one."""
    with Study.create(
        {"x": Float(0, 1)}, minimize="loss", budget=9, name=name, store="trialist.db", source="objective"
    ) as study:
        study.optimize(lambda trial: trial["x"] + value, trials=3)


def test_studies_of_python_functions_are_looked_at_but_run_by_their_own_script(trialist):
    tuned_function("first", 1.0)
    code, out, _ = trialist("best")
    assert code == 0
    assert "run it" not in out
    assert json.loads(trialist("best", "--json")[1])["command"] is None
    for words in (["run"], ["rerun", "--failed"], ["verify"]):
        code, _, err = trialist(*words)
        assert code == 2
        assert "Run that script again" in err


def test_the_newest_of_several_studies_is_shown_and_the_others_are_named(trialist):
    tuned_function("first", 1.0)
    tuned_function("second", 2.0)
    told = json.loads(trialist("status", "--json")[1])
    assert told["study"] == "second"
    assert told["other_studies"] == ["first"]
    assert "also there first" in trialist("status")[1]
    assert json.loads(trialist("status", "--study", "first", "--json")[1])["study"] == "first"
    code, _, err = trialist("status", "--study", "frist")
    assert code == 2
    assert "first" in err


def test_a_damaged_store_is_one_line(trialist, tmp_path):
    (tmp_path / "trialist.db").write_text("no database " * 100)
    code, _, err = trialist("status")
    assert code == 1
    assert err.count("\n") == 1
    assert "trialist.db" in err


def test_the_statement_is_one_line_and_the_same_in_json(trialist):
    tuned_function("first", 1.0)
    code, out, _ = trialist("statement")
    assert code == 0
    assert out.startswith("Hyperparameters were tuned with Trialist ")
    assert out.count("\n") == 1
    told = json.loads(trialist("statement", "--json")[1])
    assert told["text"] == out.rstrip("\n")
    assert told["trials"]["explored"] == 3


def test_parquet_is_written_or_its_extra_is_named(trialist, tmp_path):
    tuned_function("first", 1.0)
    code, out, err = trialist("export", "trials.parquet")
    if importlib.util.find_spec("pyarrow") is None:
        assert code == 1
        assert "pip install 'trialist[dataframes]'" in err
        assert not (tmp_path / "trials.parquet").exists()
    else:
        assert code == 0
        assert "wrote 3 trials" in out
        assert (tmp_path / "trials.parquet").read_bytes()[:4] == b"PAR1"
    assert trialist("export", "--format", "parquet")[0] == 2


def test_the_only_store_of_a_folder_is_looked_at_and_said(trialist):
    Study.create({"x": Float(0, 1)}, minimize="loss", store="digits.db", name="digits").close()
    code, out, err = trialist("status")
    assert code == 0 and "digits" in out and "note: the store is digits.db" in err
    Study.create({"x": Float(0, 1)}, minimize="loss", store="other.db", name="other").close()
    code, _, err = trialist("status")
    assert code == 2 and "digits.db, other.db" in err and "--store" in err


def test_a_first_run_without_anything_is_told_what_to_give(trialist, tmp_path):
    code, _, err = trialist("run")
    assert code == 2 and "neither a command behind --, nor a study.yaml, nor a study" in err and "run --help" in err
    (tmp_path / "train.py").write_text("print('loss=1')")
    code, _, err = trialist("run", "train.py")
    assert code == 2 and "'train.py' is no study file" in err and "put -- before the command" in err
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]
