"""A draft of study.yaml from a script's own options and their defaults: what `trialist init` writes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialist.cli.braces import brace
from trialist.cli.helptext import Option, ask_for_help, options_of
from trialist.cli.propose import Proposed, propose
from trialist.cli.request import script_name
from trialist.cli.studyfile import study_file
from trialist.errors import CommandError
from trialist.space.parameter import Categorical, Int, Parameter


@dataclass(frozen=True, slots=True)
class Draft:
    """A study file before it is written: its dials, what was left alone and why, and its text."""

    dials: dict[str, Proposed]
    left_alone: dict[str, str]
    text: str


def draft(argv: Sequence[str], minimize: str | None, maximize: str | None, budget: str | None) -> Draft:
    """Run the command's `--help` and propose dials; CommandError where it shows no option that could be one."""
    options = options_of(ask_for_help(argv))
    dials: dict[str, Proposed] = {}
    left_alone: dict[str, str] = {}
    placed: list[str] = list(argv)
    for option in options:
        made = "it is given on the command line" if _is_given(option, argv) else propose(option)
        if isinstance(made, str):
            left_alone[option.name] = made
        else:
            dials[option.name] = made
            placed += [option.flag, f"{{{option.name}}}"]
    if not dials:
        problem = f"none of the {len(options)} options in its --help looks like a dial"
        remedy = "Give dials in braces instead: trialist run -- python train.py --lr '{1e-4..1 log =0.01}'."
        raise CommandError("command", problem, remedy)
    text = "\n".join(_file(placed, dials, left_alone, minimize, maximize, budget)) + "\n"
    study_file("study.yaml", text)  # what is written can be read
    return Draft(dials, left_alone, text)


def check_free(path: Path, force: bool) -> None:
    """Refuse a file that is there already, unless forced."""
    if path.exists() and not force:
        remedy = "Use --force to overwrite it, or --file for another name."
        raise CommandError(str(path), "the file is there already", remedy)


def write(path: Path, text: str) -> None:
    """Write the file."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        problem = f"it cannot be written ({error.strerror})"
        raise CommandError(str(path), problem, "Give another path with --file.") from None


def told(drafted: Draft, path: Path) -> list[str]:
    """What was proposed, for people."""
    width = max(len(name) for name in (*drafted.dials, *drafted.left_alone))
    count = len(drafted.dials)
    lines = [f"wrote {path}: {count} dial{'s' if count > 1 else ''}"]
    lines += [f"  {name:{width}}  {brace(made.parameter)}  {made.why}" for name, made in drafted.dials.items()]
    if drafted.left_alone:
        lines.append("left alone:")
        lines += [f"  {name:{width}}  {why}" for name, why in drafted.left_alone.items()]
    lines.append("Look it over, the metric's name above all; then: trialist plan, trialist run")
    return lines


def as_json(drafted: Draft, path: Path) -> dict[str, Any]:
    """The same for programs."""
    dials = {name: {"dial": brace(made.parameter), "why": made.why} for name, made in drafted.dials.items()}
    return {"file": str(path), "dials": dials, "left_alone": drafted.left_alone}


def _is_given(option: Option, argv: Sequence[str]) -> bool:
    return any(word == option.flag or word.startswith(f"{option.flag}=") for word in argv)


def _file(
    argv: Sequence[str],
    dials: dict[str, Proposed],
    left_alone: dict[str, str],
    minimize: str | None,
    maximize: str | None,
    budget: str | None,
) -> list[str]:
    lines = [
        "# A study: what may vary, what is better, what it may cost. `trialist plan` shows what will be done with it.",
        f"name: {_scalar(script_name(argv))}",
        f"command: {json.dumps(list(argv), ensure_ascii=False)}",
        "",
        "dials:                      # default: the baseline, always measured first",
    ]
    lines += [f"  {_scalar(name)}: {_dial(made.parameter)}    # {made.why}" for name, made in dials.items()]
    if left_alone:
        lines += ["", "# Left alone; write it under dials, and into the command, to tune it:"]
        lines += [f"#   {name}: {why}" for name, why in left_alone.items()]
    lines.append("")
    if minimize or not maximize:
        lines.append(
            f"minimize: {_scalar(minimize or 'val_loss')}          # a number that the script prints: val_loss=0.41"
        )
    if maximize:
        lines.append(f"maximize: {_scalar(maximize)}          # a number that the script prints: accuracy=0.93")
    lines += [
        f"budget: {budget or 20}                  # trials; or time, such as 5m; or both: {{trials: 60, minutes: 10}}",
        f"workers: {min(2, os.cpu_count() or 1)}",
        "# trial_seconds: 10m        # a longer trial is ended",
        "# trial_memory: 2GiB",
        "# The verdict needs scores on data that the search never saw: a command for these alone.",
        "# `...` stands for the command above.",
        "# test: ... --split test",
    ]
    return lines


def _dial(parameter: Parameter) -> str:
    if isinstance(parameter, Categorical):
        parts = [f"choices: [{', '.join(_scalar(choice) for choice in parameter.choices)}]"]
        default = parameter.baseline if parameter.default_index is not None else None
        parts += [] if parameter.default_index is None else [f"default: {_scalar(default)}"]
    else:
        parts = [f"range: [{parameter.low!r}, {parameter.high!r}]"]
        parts += ["int: true"] if isinstance(parameter, Int) else []
        parts += ["log: true"] if parameter.log else []
        parts += [f"default: {parameter.default!r}"]
    return "{" + ", ".join(parts) + "}"


def _scalar(value: Any) -> str:
    """A YAML scalar; JSON's quoted text is YAML too."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return repr(value)
    is_plain = value.replace("_", "").isalnum() and not value[0].isdigit()
    return (
        value if is_plain and value.lower() not in ("true", "false", "null") else json.dumps(value, ensure_ascii=False)
    )
