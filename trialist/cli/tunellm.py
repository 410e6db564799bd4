"""`trialist tune-llm`: settings of a language model, searched over a suite and verified on its sealed items."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trialist.cli.options import json_option, store_option
from trialist.errors import CommandError, shown

if TYPE_CHECKING:
    from trialist.llm.onedial import OneDial
    from trialist.llm.tuning import Tuning
    from trialist.study.study import Study

_MOST_EFFECTS = 20  # rows of a table
_PROMPT = 300  # columns of a prompt that are shown


@click.command("tune-llm", short_help="tune the settings of a language model over a suite of items")
@click.option("--suite", required=True, metavar="FILE", help="JSONL, CSV, promptfoo YAML, Inspect log, chat JSONL.")
@click.option("--format", metavar="NAME", help="Of the suite, where it cannot be seen.")
@click.option("--dial", multiple=True, required=True, metavar="NAME=LEVELS", help="What to tune; repeatable.")
@click.option(
    "--clash", multiple=True, metavar="TEXT", help="What is refused together: 'top_p beside reasoning_effort=low,high'."
)
@click.option("--default", multiple=True, metavar="NAME=LEVEL", help="What stands now, also of what is not tuned.")
@click.option("--base-url", required=True, metavar="URL", help="The endpoint, up to /v1.")
@click.option("--key-env", default="OPENAI_API_KEY", metavar="NAME", help="Variable with the key [OPENAI_API_KEY].")
@click.option("--model", default="", metavar="NAME", help="As the endpoint knows it, where it is no dial.")
@click.option("--scorer", default="exact", metavar="NAME", help="exact, number, choice, ..., FILE.py:function [exact].")
@click.option("--judge", metavar="MODEL", help="For --scorer judge, and for rubrics of a promptfoo suite.")
@click.option(
    "--budget", required=True, metavar="AMOUNT", help='"$5", "3000 calls", "200k tokens", "40 trials", "10m".'
)
@click.option("--price", multiple=True, metavar="PRICE", help="in=0.15/M,out=0.60/M; MODEL:in=... where they differ.")
@click.option("--holdout", default="30%", metavar="SHARE", help="Sealed items: 30%, or a number of them [30%].")
@click.option("--objective", default="score", metavar="NAMES", help="'score; cost; p95_latency' [score].")
@click.option("--one-at-a-time", is_flag=True, help="Only measure each dial alone against the default.")
@click.option("--strategy", default="auto", metavar="NAME", help="What is tried: auto, grid, random, gp, ... [auto].")
@click.option(
    "--scheduler", default="auto", metavar="NAME", help="Who is asked further: auto, racing, knockout, none [auto]."
)
@click.option(
    "--stopping", multiple=True, metavar="RULE",
    help="auto, none, 'flawless 3', 'plateau 20', 'worth 0.01 per trial', ...; repeatable [auto: and 'flawless 3'].",
)  # fmt: skip
@click.option("--replicates", type=int, default=1, metavar="N", help="Answers to each item [1].")
@click.option("--sealed-replicates", type=int, metavar="N", help="Answers to each sealed item [2 where drawn].")
@click.option("--blocks", type=int, metavar="N", help="Of items, in which settings are raced [8 to 20].")
@click.option(
    "--failed", default="wrong", metavar="HOW", help="An item without any answer is wrong, or missing [wrong]."
)
@click.option("--max-output", type=int, metavar="N", help="Tokens of a reply, where no dial limits them.")
@click.option("--concurrency", type=int, default=16, metavar="N", help="Requests at the same time, at most [16].")
@click.option("--rpm", type=float, metavar="N", help="Requests per minute.")
@click.option("--tpm", type=float, metavar="N", help="Tokens per minute.")
@click.option("--timeout", metavar="TIME", help="For one request [2m].")
@click.option("--cache", metavar="FILE", help="Answers that were paid [beside the store].")
@click.option("--no-preflight", is_flag=True, help="Do not look first which dials act.")
@click.option("--name", default="tune-llm", metavar="NAME", help="Of the study [tune-llm].")
@store_option
@click.option("--seed", type=int, default=0, metavar="N", help="Of all that is drawn [0].")
@click.option("--again", is_flag=True, help="Look at the sealed items once more: recorded.")
@click.option("--yes", is_flag=True, help="Do not ask before the first paid call.")
@json_option
@click.pass_context
def tune_llm_command(ctx: click.Context, /, as_json: bool, yes: bool, again: bool, **options: Any) -> int:
    """Search settings of a model over a suite; verify the choice once on sealed items.

    Works with any server of OpenAI's Chat Completions. The key is read from the environment and kept nowhere. A dial
    is a range, levels, or both: temperature=0..1.3, max_tokens=64,256, reasoning_effort=unset,low,high,
    system=@prompts/*.txt, shots=0..4, votes=1,3,5, model=a,b. Run the same again to resume: nothing is paid twice.

    \b
    Example, a hosted API:
      export OPENAI_API_KEY=...
      trialist tune-llm --base-url https://api.openai.com/v1 \\
          --model gpt-4.1-mini --suite evals.jsonl --scorer number \\
          --dial 'temperature=0..1.3' --dial 'system=@prompts/*.txt' \\
          --default max_tokens=400 --price in=0.40/M,out=1.60/M --budget '$5'
    """
    from contextlib import closing

    from trialist.cli.notice import answered
    from trialist.cli.progress import progress_for
    from trialist.cli.run import tell_stopped
    from trialist.study.interrupt import Interrupted

    with closing(_prepared(options)) as tuning:
        for line in tuning.lines:
            click.echo(line, err=True)
        if not yes and sys.stdin.isatty() and sys.stderr.isatty():
            click.confirm("Go on?", abort=True, err=True)
        try:
            for line in tuning.found():
                click.echo(line, err=True)
            with tuning.study() as study:
                with closing(progress_for(study, 1, quiet=as_json)) as progress, answered(progress.say):
                    for event in tuning.events(study, again):
                        progress.take(event)
                return _tell(tuning, study, as_json)
        except Interrupted:
            tell_stopped("stopped; nothing is lost", shlex.join(["trialist", *ctx.find_root().obj]), as_json)
            return 130


def _prepared(options: dict[str, Any]) -> Tuning:
    from trialist.cli.amounts import seconds_of
    from trialist.cli.options import STORE
    from trialist.llm.declare import prepare
    from trialist.llm.endpoint import Endpoint
    from trialist.llm.pace import Pace
    from trialist.llm.suite import read_suite

    concurrency = options["concurrency"]
    pace = Pace(options["rpm"], options["tpm"], concurrency, first=min(4, max(1, concurrency)))
    if options["timeout"] is not None:
        pace = replace(pace, timeout_seconds=seconds_of("timeout", options["timeout"]))
    return prepare(
        read_suite(options["suite"], format=options["format"]),
        list(options["dial"]),
        endpoint=Endpoint(options["base_url"], options["key_env"] or None),
        budget=options["budget"],
        model=options["model"],
        defaults=defaults_of(options["default"]),
        scorer=scorer_from(options["scorer"], options["judge"]),
        holdout=share_of(options["holdout"]),
        objective=options["objective"],
        prices=prices_of(options["price"]),
        cache=options["cache"],
        pace=pace,
        output_ceiling=options["max_output"],
        store=options["store"] or STORE,
        name=options["name"],
        seed=options["seed"],
        failed=options["failed"],
        sealed_replicates=options["sealed_replicates"],
        replicates=options["replicates"],
        blocks=options["blocks"],
        preflight=not options["no_preflight"],
        clashes=options["clash"],
        strategy=options["strategy"],
        scheduler=options["scheduler"],
        stopping=options["stopping"] or "auto",
        one_at_a_time=options["one_at_a_time"],
    )


def defaults_of(texts: Sequence[str]) -> dict[str, Any]:
    """Defaults by name.

    >>> defaults_of(["temperature=1.0", "max_tokens=24", "system=Be brief."])
    {'temperature': 1.0, 'max_tokens': 24, 'system': 'Be brief.'}
    """
    from trialist.llm.dials import level_of

    found: dict[str, Any] = {}
    for text in texts:
        name, equals, level = text.partition("=")
        if not equals or not name or not level:
            raise CommandError("default", f"{shown(text)} is no default", "Write such as --default temperature=1.0.")
        found[name.strip()] = level_of(name.strip(), level.strip())
    return found


def share_of(text: str) -> float:
    """The holdout: a share, or a number of items.

    >>> share_of("30%"), share_of("0.25"), share_of("60")
    (0.3, 0.25, 60)
    """
    try:
        if text.endswith("%"):
            return float(text[:-1]) / 100
        return float(text) if "." in text else int(text)
    except ValueError:
        raise CommandError(
            "holdout", f"{shown(text)} is no share", 'Give "30%", "0.3", or a number of items.'
        ) from None


def prices_of(texts: Sequence[str]) -> str | dict[str, str] | None:
    """One price for all models, or one for each, "gpt-x:in=0.15/M,out=0.60/M"."""
    if not texts:
        return None
    if len(texts) == 1 and not texts[0].partition("=")[0].count(":"):
        return texts[0]
    priced = {}
    for text in texts:
        model, colon, price = text.partition("=")[0].rpartition(":")[0], ":" in text.partition("=")[0], text
        if not colon:
            problem = f"{shown(text)} does not say of which model"
            raise CommandError("price", problem, "Write such as --price 'gpt-x:in=0.15/M,out=0.60/M' for each.")
        priced[model] = price[len(model) + 1 :]
    return priced


def scorer_from(text: str, judge: str | None) -> Any:
    """A scorer by name with options, "number absolute=0.5", or a function of a file, "score.py:is_right"."""
    from trialist.llm.dials import level_of
    from trialist.llm.judge import Judge
    from trialist.llm.scorers import scorer_of

    head, *rest = shlex.split(text) or [""]
    path, colon, function = head.rpartition(":")
    if colon and path.endswith(".py"):
        return _function(Path(path), function)
    options: dict[str, Any] = {}
    for word in rest:
        name, _, value = word.partition("=")
        options[name] = level_of(name, value) if value else True
    if judge is not None:
        if head == "judge":
            options.setdefault("model", judge)
        elif head == "checks":
            options.setdefault("judge", Judge(judge))
        else:
            raise CommandError("judge", f"the scorer {head!r} asks no judge", "Use --scorer judge, or --scorer checks.")
    return scorer_of(head, **options)


def _function(path: Path, name: str) -> Any:
    """A function of a file that the user names, loaded from there."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise CommandError("scorer", f"there is no file {shown(str(path))}", "Give its path from this folder.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, name, None)
    if not callable(found):
        raise CommandError("scorer", f"{path} has no function {shown(name)}", "Name a function of (text, item).")
    return found


def _tell(tuning: Tuning, study: Study, as_json: bool) -> int:
    from trialist.cli.asjson import print_json, study_json
    from trialist.cli.format import cut, safe
    from trialist.cli.result import result_lines
    from trialist.cli.table import labelled, width
    from trialist.llm.account import STAGE
    from trialist.llm.declare import tuned

    found, room = tuned(tuning, study), width()
    if as_json:
        findings = [{"dial": f.dial, "treatment": f.treatment.value, "reason": f.reason} for f in found.findings]
        effects = None if found.effects is None else found.effects.to_json()
        print_json(
            {
                **study_json(study),
                "settings": found.settings,
                "prompt": found.prompt,
                "preflight": findings,
                "one_at_a_time": effects,
                "llm": study.stage(STAGE),
                "spent": asdict(tuning.client.spent),
            }
        )
    elif found.effects is not None:
        click.echo("\n".join(effect_lines(found.effects, room)))
    else:
        lines = result_lines(study, room) + labelled("send", _settings_line(found.settings), room)
        if found.prompt is not None:
            lines += labelled("prompt", safe(cut(" ".join(found.prompt.split()), _PROMPT)), room)
        for words in _words(study):
            lines += labelled("cut", words, room, "yellow")
        click.echo("\n".join([*lines, *labelled("spent", _spent(tuning), room)]))
    return 0 if study.best is not None else 1


def effect_lines(found: OneDial, room: int) -> list[str]:
    """The effects as tables, the largest first; then what pairs do beyond the sum of both."""
    from trialist.cli.format import safe
    from trialist.cli.table import Column, labelled, table

    heads = [Column("level", flexible=True), Column("score", right=True), Column("effect", right=True)]
    heads += [Column("95 % interval", right=True), Column("tokens", right=True), Column("", flexible=True)]
    rows = [
        [safe(e.name), f"{e.score:.3f}", f"{e.difference:+.3f}", _interval(e.interval), f"{e.tokens:.3g}", _mark(e)]
        for e in found.effects[:_MOST_EFFECTS]
    ]
    lines = labelled("default", f"score {found.score:.3f} on {found.items} items", room)
    lines += table(heads, rows, room)
    for effect in found.effects:
        if effect.words:
            lines += labelled("cut", f"{safe(effect.name)}: {effect.words}", room, "yellow")
    if found.pairs:
        heads = [Column("together", flexible=True), Column("score", right=True), Column("beyond sum", right=True)]
        heads += [Column("95 % interval", right=True), Column("")]
        rows = [
            [safe(e.name), f"{e.score:.3f}", f"{e.beyond or 0.0:+.3f}", _interval(e.beyond_interval), _mark(e)]
            for e in found.pairs[:_MOST_EFFECTS]
        ]
        lines += ["", *table(heads, rows, room)]
    for name, reason in found.left_out.items():
        lines += labelled("left out", f"{safe(name)}: {reason}", room)
    return lines


def _mark(effect: Any) -> str:
    return "clear" if effect.is_clear else "may be chance"


def _interval(interval: tuple[float, float] | None) -> str:
    return "–" if interval is None else f"{interval[0]:+.3f} to {interval[1]:+.3f}"


def _settings_line(settings: dict[str, Any]) -> str:
    import json

    return json.dumps(settings, ensure_ascii=False)


def _words(study: Study) -> list[str]:
    """What is said of truncation, for the configurations that are compared in the end."""
    from trialist.llm.account import STAGE

    kept = study.stage(STAGE) or {}
    return [
        f"{each['role']} (trial {each['trial']}): {each['truncated']}"
        for each in kept.get("settings", ())
        if each.get("truncated") and each["role"] in ("default", "selected")
    ]


def _spent(tuning: Tuning) -> str:
    spent, lost = tuning.client.spent, tuning.client.lost
    money = "" if tuning.client.prices.are_nothing else f"${spent.money:.4g}, "
    gone = f"; of it perhaps unpaid, since nobody saw an answer: {lost.calls:,} calls" if lost.calls else ""
    return f"{money}{spent.calls:,} calls, {spent.tokens:,} tokens{gone}"
