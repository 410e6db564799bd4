"""Runs a study of many quick trials, for a dashboard that looks on: writer.py STORE TRIALS [HALT].

HALT: the trial before which it waits until there is a file STORE.go, however slow whoever looks on is.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import trialist as tl

HALT = int(sys.argv[3]) if len(sys.argv) > 3 else None


def objective(trial: tl.Trial) -> float:
    while trial.number == HALT and not Path(f"{sys.argv[1]}.go").exists():
        time.sleep(0.02)
    for step in range(1, 6):
        time.sleep(0.004)
        trial.report((trial["x"] - 0.3) ** 2 + 1 / step)
    print(f"trial {trial.number} is done", flush=True)
    return trial.last


if __name__ == "__main__":
    study = tl.Study.create(
        tl.Space(x=tl.Float(0.0, 1.0, default=0.5)), minimize="loss", budget=int(sys.argv[2]), store=sys.argv[1],
        name="live", strategy="random", scheduler="none",
    )  # fmt: skip
    study.optimize(objective)
    study.close()
