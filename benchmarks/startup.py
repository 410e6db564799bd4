"""How long a person waits before anything happens: `import` and `--help`, beside Optuna.

python benchmarks/startup.py [--rounds 7]          BENCH_QUICK=1 takes 3 rounds
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from beside import Line, in_turn, median, require_optuna, show

# Seconds and modules that a statement costs in a fresh interpreter, without the interpreter's own start.
PROBE = """
import sys, time
modules, started = len(sys.modules), time.perf_counter()
{statement}
print(time.perf_counter() - started, len(sys.modules) - modules)
"""

# What is put off at import is paid at the first trial: both, up to a first result kept in memory.
FIRST_TRIAL = {
    "trialist": """
import trialist
study = trialist.Study.create(minimize="loss", strategy="random", store="memory", name="first")
trial = study.ask(); trial.suggest_float("x", 0, 1); study.tell(trial, 1.0)
""",
    "optuna": """
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(sampler=optuna.samplers.RandomSampler())
trial = study.ask(); trial.suggest_float("x", 0, 1); study.tell(trial, 1.0)
""",
}


def cost_of(statement: str) -> tuple[float, int]:
    """Milliseconds and modules of a statement in a fresh interpreter."""
    run = subprocess.run(
        [sys.executable, "-c", PROBE.format(statement=statement)], capture_output=True, text=True, check=True
    )
    seconds, modules = run.stdout.split()[-2:]
    return 1e3 * float(seconds), int(modules)


def help_of(program: str) -> float:
    """Milliseconds of `program --help`, from the shell's point of view."""
    command = [str(Path(sys.executable).parent / program), "--help"]
    started = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return 1e3 * (time.perf_counter() - started)


def main() -> None:
    quick = bool(os.environ.get("BENCH_QUICK"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3 if quick else 7, help="medians are over so many rounds")
    rounds = parser.parse_args().rounds
    require_optuna()
    for program in ("trialist", "optuna"):  # compiled and in the page cache before anything is timed
        cost_of(f"import {program}")
        help_of(program)

    imports, other_imports = in_turn(rounds, lambda: cost_of("import trialist"), lambda: cost_of("import optuna"))
    helps, other_helps = in_turn(rounds, lambda: help_of("trialist"), lambda: help_of("optuna"))
    firsts, other_firsts = in_turn(
        rounds, lambda: cost_of(FIRST_TRIAL["trialist"]), lambda: cost_of(FIRST_TRIAL["optuna"])
    )
    (ours, ours_modules), (theirs, theirs_modules) = (
        [median(column) for column in zip(*results, strict=True)] for results in (imports, other_imports)
    )
    show(
        f"Start, medians of {rounds} rounds in turn",
        [
            Line("import", "ms", ours, theirs, target=0.5),
            Line("  modules loaded by it", "", ours_modules, theirs_modules),
            Line("--help", "ms", median(helps), median(other_helps), target=0.5),
            Line(
                "import, and a first trial in memory",
                "ms",
                median([ms for ms, _ in firsts]),
                median([ms for ms, _ in other_firsts]),
            ),
        ],
    )


if __name__ == "__main__":
    main()
