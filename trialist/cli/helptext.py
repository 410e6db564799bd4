"""The options of a script, read from its `--help`: argparse, click, and whatever is laid out alike."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from trialist.cli.literals import literal
from trialist.errors import CommandError, shown

HELP_SECONDS = 60.0
_NOTHING = object()

_HEADER = re.compile(r" {1,10}(-\S.*)")
_FLAG = re.compile(r"(?<![\w-])(--?[A-Za-z][\w.-]*)")
_CHOICES = re.compile(r"\{([^{}]+)\}|\[([^\[\]\s]+\|[^\[\]]+)\]")
_DEFAULT = re.compile(r"""[\[(]?\b[Dd]efault(?:s\ to|:|=|\ is)\s*(.+?)(?:[\])](?=[\s.,;]|$)|;|\.\s|\.?$)""", re.VERBOSE)

# argparse shows defaults only when it is told to; this tells it, and runs the script as it is. Options without a
# help text of their own get one, since the default is shown behind it.
_SHOW_DEFAULTS = """
import argparse, runpy, sys
class Shown(argparse.ArgumentDefaultsHelpFormatter):
    def _format_action(self, action):
        action.help = action.help or "_"
        return super()._format_action(action)
init = argparse.ArgumentParser.__init__
def shown(self, *args, **kwargs):
    init(self, *args, **kwargs)
    self.formatter_class = Shown
argparse.ArgumentParser.__init__ = shown
sys.argv = sys.argv[1:]
sys.path[0] = __import__("os").path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True, slots=True)
class Option:
    """An option as its help tells it. default: a value, or text; None where none is shown."""

    flag: str  # the long one: "--learning-rate"
    takes_value: bool
    choices: tuple[str, ...] = ()
    default: object = None
    says_default: bool = False

    @property
    def name(self) -> str:
        """As a dial: "learning_rate"."""
        return self.flag.lstrip("-").replace("-", "_")


def ask_for_help(argv: Sequence[str], seconds: float = HELP_SECONDS) -> str:
    """What the command prints for `--help`; CommandError where it prints nothing, fails or takes too long."""
    shown_line = f"{argv[0]} ... --help" if len(argv) > 3 else " ".join([*argv, "--help"])
    if script := _script(argv):
        told = _run([argv[0], "-c", _SHOW_DEFAULTS, script, "--help"], seconds, shown_line)
        if told.returncode == 0 and told.stdout.strip():
            return told.stdout
    told = _run([*argv, "--help"], seconds, shown_line)
    text = told.stdout if told.stdout.strip() else told.stderr
    if told.returncode != 0 and not options_of(text):
        last = (told.stderr.strip() or told.stdout.strip() or "no output").splitlines()[-1]
        problem = f"`{shown_line}` ended with code {told.returncode}: {last}"
        raise CommandError(
            "command", problem, "Give a command that answers --help, or use braces: --lr '{1e-4..1 log}'."
        )
    return text


def options_of(text: str) -> list[Option]:
    """The options that a help text lists, in its order.

    >>> options_of("options:\\n  --lr LR   learning rate (default: 0.001)")
    [Option(flag='--lr', takes_value=True, choices=(), default=0.001, says_default=True)]
    """
    blocks: list[list[str]] = []
    indent = 0
    for line in text.translate({ord(mark): " " for mark in "│┃|" if mark != "|"}).expandtabs().splitlines():
        if header := _HEADER.match(line):
            blocks.append([header.group(1)])
            indent = len(line) - len(line.lstrip())
        elif blocks and line.strip() and len(line) - len(line.lstrip()) > indent:
            blocks[-1].append(line.strip())
        elif blocks and not line.strip():
            indent = 10**6  # a blank line ends a block
    found = {option.flag: option for block in blocks if (option := _option(block))}
    return list(found.values())


def _option(block: list[str]) -> Option | None:
    head, _, rest = block[0].partition("  ")
    told = " ".join([rest.strip(), *block[1:]]).strip()
    flags = _FLAG.findall(re.sub(r"\{.*?\}|\[.*?\]|=\S+", " ", head))
    if not flags:
        return None
    flag = next((f for f in flags if f.startswith("--")), flags[0])
    if flag in ("--help", "-h", "--version"):
        return None
    is_switch = " / " in head or "--no-" in head
    after = head[head.rfind(flags[-1]) + len(flags[-1]) :].strip(" =,")
    # Rich boxes put the kind (FLOAT, INTEGER) behind two spaces.
    kind = re.match(r"([A-Z]{3,}|\[[^\]\s]+\|[^\]]+\]|<[a-z]+>)(\s|$)", told)
    choices = _CHOICES.search(head) or _CHOICES.match(told)
    words = tuple(w.strip() for w in re.split(r"[,|]", choices.group(1) or choices.group(2))) if choices else ()
    default = _DEFAULT.search(told)
    value: object = None if default is None else literal(default.group(1).strip().strip("'\""))
    return Option(flag, not is_switch and bool(after or kind or words), words, value, default is not None)


def _script(argv: Sequence[str]) -> str | None:
    """The Python script that the command runs, where nothing else stands between."""
    is_python = re.fullmatch(r"python[\d.]*", os.path.basename(argv[0]))
    return argv[1] if is_python and len(argv) > 1 and argv[1].endswith(".py") else None


def _run(argv: list[str], seconds: float, shown_line: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=seconds,
            env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        problem = f"`{shown_line}` did not end within {seconds:g} s"
        raise CommandError("command", problem, "Give a command whose --help ends at once.") from None
    except OSError as error:
        problem = f"{shown(argv[0])} cannot be run ({error.strerror})"
        raise CommandError("command", problem, "Give a program that is there and executable.") from None
