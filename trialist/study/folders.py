"""Where a study keeps its files: a folder beside the store, one folder in it per trial."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from trialist.trials.feasibility import ranked
from trialist.trials.history import History
from trialist.trials.trial import State

KEPT_CHECKPOINTS = 3
CHECKPOINT_BYTES = 10 * 2**30  # of all checkpoints together; the best ones stay


def study_folder(store_url: str, name: str) -> Path:
    """The study's folder; not made here. A study in memory keeps its files in the system's temporary folder."""
    if store_url == "memory":
        return Path(tempfile.gettempdir()) / f"trialist-{os.getuid()}" / f"{os.getpid()}" / slug(name)
    path = store_url.removeprefix("sqlite:///")
    return Path(f"{path}.files") / slug(name)


def trial_folder(study: Path, number: int) -> Path:
    return Path(f"{study}/{number:05d}")


def slug(name: str) -> str:
    """A file name for any text: itself where it is harmless, else its letters and a short hash.

    >>> slug("digits-mlp"), slug("../../etc")
    ('digits-mlp', 'etc-74ccf3c5')
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:60]
    if plain == name:
        return name
    return f"{plain or 'study'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def prune_checkpoints(folder: Path, closed: int, history: Callable[[], History]) -> None:
    """Keep the checkpoints of the best few trials and of those still open, and delete the others.

    Called when trial `closed` is: one without a checkpoint changes nothing.
    """
    if not os.path.isdir(f"{folder}/{closed:05d}/checkpoint"):
        return
    from trialist.execute.checkpoints import prune

    records = history().records
    best_first = ranked(r for r in records if r.loss is not None)
    open_ones = [r for r in records if not r.state.is_closed or r.state is State.PAUSED]
    lost = [r for r in records if r.state.is_closed and r.loss is None]
    prune(
        [trial_folder(folder, r.number) for r in (*best_first, *lost)],
        keep=KEPT_CHECKPOINTS,
        limit_bytes=CHECKPOINT_BYTES,
        running=[trial_folder(folder, r.number) for r in open_ones],
    )
