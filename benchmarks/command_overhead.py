"""What a trial that runs a command costs over the bare script, in milliseconds: medians, measured in turn.

python benchmarks/command_overhead.py [--rounds 3] [--trials 20]
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from beside import Line, in_turn, median, show

SCRIPT = """
import argparse
import itertools
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--act")
given = parser.parse_args()
print(f"loss={given.lr + len(given.act)}")
"""


def bare(script: Path, runs: int) -> list[float]:
    """Milliseconds of the script on its own, each with its output read as a shell would."""
    took = []
    for run in range(runs):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, str(script), "--lr", str(0.01 * (run + 1)), "--act", "relu"],
            capture_output=True,
            check=True,
        )
        took.append(1e3 * (time.perf_counter() - started))
    return took


def tuned(script: Path, trials: int) -> list[float]:
    """Milliseconds from one closed trial to the next: proposing, starting, reading and storing included."""
    import trialist as tl
    from trialist.execute.command import Command
    from trialist.study.events import TrialClosed

    space = tl.Space(lr=tl.Float(1e-4, 1, log=True), act=tl.Categorical(["relu", "tanh"]))
    command = Command((sys.executable, str(script), "--lr", "{lr}", "--act", "{act}"))
    folder = tempfile.mkdtemp(dir=script.parent)
    study = tl.Study.create(
        space, minimize="loss", budget=trials + 1, store=f"{folder}/s.db", name="commands", strategy="random"
    )
    closed = []
    for event in study.run(command, workers=1):
        if isinstance(event, TrialClosed):
            if not event.record.is_scored:
                sys.exit(f"a trial failed: {event.record.failure}")
            closed.append(time.perf_counter())
    study.close()
    return [1e3 * (later - earlier) for earlier, later in itertools.pairwise(closed)]


def measure(folder: str, rounds: int, trials: int) -> list[Line]:
    script = Path(folder) / "train.py"
    script.write_text(SCRIPT)
    alone, within = in_turn(rounds, lambda: median(bare(script, trials)), lambda: median(tuned(script, trials)))
    extra = median([w - a for a, w in zip(alone, within, strict=True)])
    return [
        Line("the bare script", "ms", median(alone), None),
        Line("a trial that runs it", "ms", median(within), None),
        Line("  over the bare script", "ms", extra, None, target=50),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=20, help="of each round")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show("Command trials", measure(folder, given.rounds, given.trials))


if __name__ == "__main__":
    main()
