"""`trialist`: the commands by name, loaded when they are called, and what becomes of errors.

Exit codes: 0 done, 1 failed, 2 wrong input, 130 interrupted. An error is one line on standard error, with --json a JSON
object; never a traceback, unless Trialist itself is at fault.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from trialist.errors import InputError, PlanChangedError, StudyExistsError, TrialistError, UnknownStudyError

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

# In the order in which a study needs them. The line is told by --help, which must not load the command to know it.
COMMANDS = {
    "init": ("trialist.cli.init", "write a study.yaml from a script's own options"),
    "lr-find": ("trialist.cli.lrfind", "find bounds for a learning rate by short runs"),
    "tune-llm": ("trialist.cli.tunellm", "tune the settings of a language model over a suite of items"),
    "plan": ("trialist.cli.plan", "say what a run would do, and why; runs nothing"),
    "run": ("trialist.cli.run", "search, refine, select and verify; run again, it resumes"),
    "status": ("trialist.cli.look", "where a study stands: best against default, budget, failures"),
    "trials": ("trialist.cli.look", "all trials, with scores and reasons"),
    "show": ("trialist.cli.look", "one trial in full: dials, reports, log, failure"),
    "best": ("trialist.cli.look", "the chosen configuration, ready to paste"),
    "ledger": ("trialist.cli.look", "every look at the sealed test data"),
    "sweep": ("trialist.cli.sweep", "one dial at a time round the chosen configuration"),
    "importance": ("trialist.cli.importance", "which dials matter, which act together, and how far to move them"),
    "verify": ("trialist.cli.verify", "score default and chosen once on test data; recorded"),
    "rerun": ("trialist.cli.steer", "try failed trials again"),
    "stop": ("trialist.cli.steer", "end a trial that runs or waits"),
    "pause": ("trialist.cli.steer", "start nothing new until resume"),
    "resume": ("trialist.cli.steer", "go on after a pause"),
    "note": ("trialist.cli.steer", "keep a remark on a study or a trial"),
    "extend": ("trialist.cli.steer", "give a study a larger budget"),
    "report": ("trialist.cli.report", "write one offline HTML file"),
    "serve": ("trialist.cli.serve", "the live dashboard on 127.0.0.1"),
    "statement": ("trialist.cli.statement", "one paragraph for a paper; --json for machines"),
    "export": ("trialist.cli.export", "write the trials as CSV, JSON or Parquet"),
}


class _Lazy(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[name][0]), f"{name.replace('-', '_')}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            near = get_close_matches(args[0], COMMANDS, 1)
            remedy = f"Use {near[0]!r}." if near else f"Use one of {', '.join(COMMANDS)}."
            raise click.UsageError(f"there is no command {args[0]!r}. {remedy}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(package_name="trialist", message="%(prog)s %(version)s")
def trialist() -> None:
    """Tune what a training script leaves open, and know whether it helped.

    \b
    Example, dials in quoted braces:
      trialist run --budget 20 --minimize val_loss -- \\
          python train.py --lr '{1e-4..1 log =0.01}' --act '{relu,tanh}'
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command line and leave with its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    own = words[: words.index("--")] if "--" in words else words
    sys.exit(_run(words, as_json="--json" in own))


def _run(words: list[str], as_json: bool) -> int:
    try:
        code = trialist.main(args=words, prog_name="trialist", standalone_mode=False, obj=words)
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return WRONG_INPUT
    except click.UsageError as error:
        _tell({"kind": "UsageError", "message": _usage(error)}, as_json)
        return WRONG_INPUT
    except (click.Abort, KeyboardInterrupt):
        _tell({"kind": "Interrupted", "message": "interrupted"}, as_json)
        return INTERRUPTED
    except TrialistError as error:
        _tell(_described(error), as_json)
        wrong_input = isinstance(error, (InputError, UnknownStudyError, StudyExistsError, PlanChangedError))
        return WRONG_INPUT if wrong_input else FAILED
    except BrokenPipeError:
        # The reader had enough (`trialist trials | head`); a second error at exit would be noise.
        sys.stdout = None
        return DONE


def _usage(error: click.UsageError) -> str:
    message = error.format_message()
    help_line = f" See {error.ctx.command_path} --help." if error.ctx else ""
    return f"{message[:1].lower()}{message[1:]}{help_line}"


def _described(error: TrialistError) -> dict[str, Any]:
    described: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, InputError):
        described.update(field=error.field, problem=error.problem, remedy=error.remedy)
    return described


def _tell(error: dict[str, Any], as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps({"error": error}, ensure_ascii=False), err=True)
    else:
        from trialist.cli.format import safe

        click.echo(f"{click.style('error:', fg='red', bold=True)} {safe(error['message'], keep_lines=True)}", err=True)


if __name__ == "__main__":
    main()
