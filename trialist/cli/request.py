"""What `trialist run` and `trialist plan` are asked for: study file, options and command line as one declaration."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trialist.cli.amounts import budget_of, bytes_of, fidelity_of, seconds_of, validation_of
from trialist.cli.braces import parse
from trialist.cli.options import STORE, store_option
from trialist.errors import CommandError, InputError, shown

if TYPE_CHECKING:
    from trialist.cli.studyfile import StudyFile
    from trialist.execute.command import Command
    from trialist.space.space import Space
    from trialist.study.earlier import Earlier
    from trialist.study.study import Study
    from trialist.trials.fidelity import Fidelity
    from trialist.trials.plan import Plan
    from trialist.trials.stopping import Rule, Stops

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])
DEFAULT_FILE = "study.yaml"
THE_COMMAND = "..."  # stands for the whole command at the start of a test command


@dataclass(frozen=True, slots=True)
class Request:
    """A declaration, whole and checked: what is tuned, how, what verifies it, where it is kept."""

    plan: Plan
    space: Space
    command: Command
    test: Command | None
    store: str
    workers: int
    notes: tuple[str, ...] = ()
    warm_start: tuple[Earlier, ...] = ()


def declaration_options(function: AnyFunction) -> AnyFunction:
    """The options of run and plan, in the order of their help."""
    options = (
        click.option("--budget", metavar="AMOUNT", help='Of trials, time and money: "20", "5m", "60, 10m, cost 5".'),
        click.option("--minimize", multiple=True, metavar="NAME", help="A metric that the command prints."),
        click.option("--maximize", multiple=True, metavar="NAME", help="The same, larger being better."),
        click.option("--test", metavar="COMMAND", help="Run by verification alone; ... stands for the command."),
        click.option("--workers", type=int, metavar="N", help="Trials at the same time [1]."),
        click.option("--name", metavar="NAME", help="Of the study [the script's]."),
        store_option,
        click.option("--seed", type=int, metavar="N", help="Of all that is drawn [0]."),
        click.option("--strategy", metavar="NAME", help="auto, grid, random, sobol, gp, tpe, cmaes, evolution [auto]."),
        click.option(
            "--warm-start", multiple=True, metavar="NAME[@STORE]", help="An earlier study to learn from; repeatable."
        ),
        click.option("--fidelity", metavar="DIAL", help="How far a run goes, {epochs} in the command: 'epochs 1..81'."),
        click.option(
            "--validation",
            metavar="HOW",
            help="Each step that the command reports is a score of its own: '5 folds', 'holdout 0.25', '4 seeds'.",
        ),
        click.option(
            "--scheduler", metavar="NAME", help="Ends hopeless trials: auto, halving, curve, ... none [auto]."
        ),
        click.option(
            "--stopping",
            multiple=True,
            metavar="RULE",
            help="Ends the search early: plateau, regret, emmr; none; or auto, which advises [auto]; repeatable.",
        ),
        click.option("--target", multiple=True, metavar="LEVEL", help="Ends it once reached: 0.05, or val_loss=0.05."),
        click.option("--worth", metavar="GAIN", help="Ends it once more is not worth it: '0.001 per hour'."),
        click.option("--trial-seconds", metavar="TIME", help="End a longer trial: 90s, 10m."),
        click.option("--trial-memory", metavar="SIZE", help="End a larger one: 512MB, 2GiB."),
        click.option("--trial-cost", type=float, metavar="MONEY", help="End a dearer one."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def gather(file: str | None, command: Sequence[str], options: dict[str, Any]) -> Request:
    """The request in study file, command and options; options count more than the file.

    Raises CommandError, SpaceError or PlanError, naming the field, for what cannot be.
    """
    from trialist.execute.command import Command
    from trialist.space.space import Space
    from trialist.study.declaring import plan_of
    from trialist.study.work import describe

    written = _file(file, command)
    given = {**written.keys, **{key: value for key, value in options.items() if value not in (None, ())}}
    words = list(command) or _words("command", written.command)
    fidelity: Fidelity | None = _read(fidelity_of, "fidelity", given)
    amount = None if fidelity is None else fidelity.name
    braced = parse(words, (*written.dials, *([amount] if amount else ())))
    if missing := [name for name in written.dials if name not in braced.placed]:
        remedy = f"Write {{{missing[0]}}} where its value goes, or remove the dial."
        raise CommandError("command", f"it has no place for the dial {shown(missing[0])}", remedy)
    dials = {**written.dials, **braced.dials}
    space = Space(dials, forbid=written.forbid, require=written.require)
    work = Command(braced.template, space.names, amount)
    test_text = given.get("test")
    test = None
    if test_text is not None:
        test = Command(_test(test_text, braced.template, space.names, amount), space.names, amount)
    if not given.get("minimize") and not given.get("maximize"):
        remedy = "Give a number that the command prints: --minimize val_loss, or --maximize accuracy."
        raise CommandError("minimize/maximize", "no metric is named", remedy)
    store = given.get("store", STORE)
    known = tuple(_earlier(text) for text in _names(given.get("warm_start")) or ())
    plan = plan_of(
        minimize=_names(given.get("minimize")),
        maximize=_names(given.get("maximize")),
        budget=_budget(options.get("budget"), written),
        name=given.get("name") or script_name(words),
        seed=given.get("seed", 0),
        strategy=given.get("strategy", "auto"),
        scheduler=given.get("scheduler", "auto"),
        stopping=_stopping(given),
        worth=given.get("worth"),
        trial_seconds=_read(seconds_of, "trial_seconds", given),
        trial_memory=_read(bytes_of, "trial_memory", given),
        trial_cost=given.get("trial_cost"),
        source=describe(work),
        test=None if test is None else describe(test),
        finalists=given.get("finalists"),
        replicates=given.get("replicates"),
        test_seeds=given.get("test_seeds", 5),
        warm_start=known,
        store=store,
        fidelity=fidelity,
        validation=_read(validation_of, "validation", given),
        prefer=given.get("prefer", "better"),
        matters=given.get("matters"),
    )
    return Request(plan, space, work, test, store, workers_of(given.get("workers", 1)), braced.notes, known)


def stored(study: Study) -> tuple[Command, Command | None]:
    """The command and test command that a study was declared with; CommandError where a function is tuned."""
    from trialist.execute.command import Command
    from trialist.study.onwards import is_command

    source, test, fidelity = study.declared.source, study.declared.test, study.declared.fidelity
    if not is_command(study.declared):
        problem = f"study {shown(study.name)} tunes the function {shown(source)}, which only its own script can call"
        raise CommandError("command", problem, "Run that script again instead: it goes on where it stopped.")
    amount = None if fidelity is None else fidelity.name
    work = Command(tuple(shlex.split(source)), None, amount)
    return work, None if test is None else Command(tuple(shlex.split(test)), None, amount)


def test_of(text: str, study: Study) -> Command:
    """A test command for a study that is there."""
    from trialist.execute.command import Command

    work, _ = stored(study)
    return Command(_test(text, work.template, study.space.names, work.fidelity), None, work.fidelity)


def workers_of(count: int) -> int:
    """A number of workers, from 1 on."""
    from trialist.trials.amounts import whole

    return whole("workers", count, at_least=1)


def check_program(field_name: str, template: Sequence[str]) -> None:
    """Refuse a program or a Python script that is not there, before a study is made of it."""
    if shutil.which(template[0]) is None:
        remedy = "Give the path of a program, or put its folder on PATH."
        raise CommandError(field_name, f"{shown(template[0])} is no program that can be run", remedy)
    script = next((word for word in template[1:] if not word.startswith("-")), "")
    is_python = re.fullmatch(r"python[\d.]*", os.path.basename(template[0])) and not {"-m", "-c"} & set(template)
    if is_python and script.endswith(".py") and not Path(script).is_file():
        raise CommandError(field_name, f"there is no script {shown(script)}", "Give its path from this folder.")


def script_name(argv: Sequence[str]) -> str:
    """What a command line runs, as a name: the script's or module's, else the program's.

    >>> script_name(["python", "-m", "pkg.train"]), script_name(["python", "-u", "code/fit.py"]), script_name(["./fit"])
    ('train', 'fit', 'fit')
    """
    if "-m" in argv[:-1] and re.match(r"(?:.*/)?python", argv[0]):
        return argv[argv.index("-m") + 1].rpartition(".")[2]
    script = next((word for word in argv if word.endswith((".py", ".sh"))), argv[0])
    return os.path.splitext(os.path.basename(script))[0] or "study"


@dataclass(frozen=True, slots=True)
class _NoFile:
    command: str = ""
    dials: dict[str, Any] = field(default_factory=dict)
    forbid: list[str] = field(default_factory=list)
    require: list[str] = field(default_factory=list)
    budget: None = None
    keys: dict[str, Any] = field(default_factory=dict)


def _file(file: str | None, command: Sequence[str]) -> StudyFile | _NoFile:
    if file is None and command:
        return _NoFile()
    # Loaded here: pydantic and the YAML reader cost more than everything else that a run needs from this room.
    from trialist.cli.studyfile import read_study_file

    if file is None:
        return read_study_file(DEFAULT_FILE)
    if not file.endswith((".yaml", ".yml")) and (not Path(file).is_file() or file.endswith((".py", ".sh"))):
        problem = f"{shown(file)} is no study file"
        raise CommandError("command", problem, "Give a study.yaml, or put -- before the command to run.")
    if command:
        problem = f"{shown(file)} and a command behind -- are both given"
        raise CommandError("command", problem, "Use one of them; the file has its own command.")
    return read_study_file(file)


def _words(field_name: str, text: str | list[str]) -> list[str]:
    if isinstance(text, list):
        return text
    try:
        return _split(text)
    except ValueError as error:
        raise CommandError(
            field_name, f"{shown(text)} cannot be split ({error})", "Give each quote its partner."
        ) from None


def _split(text: str) -> list[str]:
    """Words as a shell splits them, with braces kept whole: in a file they need no quotes."""
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(found.group(0))
        return f"\0{len(held) - 1}\0"

    words = shlex.split(re.sub(r"\{[^{}]*\}", hold, text))
    return [re.sub("\0(\\d+)\0", lambda found: held[int(found.group(1))], word) for word in words]


def _test(
    text: str | list[str], template: Sequence[str], dials: Sequence[str], fidelity: str | None
) -> tuple[str, ...]:
    words = _words("test", text)
    if words[:1] == [THE_COMMAND]:
        return (*template, *words[1:])
    try:
        braced = parse(words, (*dials, *([fidelity] if fidelity else ())), field="test")
    except InputError as error:
        raise CommandError("test", error.problem, f"Begin it with {THE_COMMAND}, or: {error.remedy}") from None
    if braced.dials:
        name = next(iter(braced.dials))
        raise CommandError("test", f"it declares the dial {shown(name)}", "Use the dials of the command, such as {lr}.")
    if missing := [name for name in dials if name not in braced.placed]:
        remedy = f"Write {{{missing[0]}}} into it, or begin it with {THE_COMMAND}, which stands for the whole command."
        raise CommandError("test", f"it has no place for the dial {shown(missing[0])}", remedy)
    return braced.template


def _budget(option: str | None, written: StudyFile | _NoFile) -> Any:
    if option is not None:
        return budget_of(option)
    if written.budget is None:
        raise CommandError("budget", "none is given", "Give trials or time: --budget 20, or --budget 5m.")
    return written.budget


def _stopping(given: dict[str, Any]) -> Stops:
    """The rules and targets that are given; with a target alone, models advise as ever."""
    from trialist.trials.stopping import target_of

    rules: list[str | Rule] = [*(_names(given.get("stopping")) or ["auto"])]
    targets = given.get("target") or ()
    return rules + [target_of(each) for each in (targets if isinstance(targets, (list, tuple)) else [targets])]


def _read(reader: Callable[[str, object], Any], key: str, given: dict[str, Any]) -> Any:
    return None if given.get(key) is None else reader(key, given[key])


def _names(given: str | Sequence[str] | None) -> list[str] | None:
    return None if not given else [given] if isinstance(given, str) else list(given)


def _earlier(text: str) -> Earlier:
    """NAME, or NAME@STORE for a study in another store."""
    name, _, place = text.rpartition("@")
    return (name, place) if name and place else text
