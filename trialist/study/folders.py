"""Where a study keeps its files: a folder beside the store, one folder in it per trial."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from trialist.trials.feasibility import ranked
from trialist.trials.history import History
from trialist.trials.trial import Stage, State, TrialRecord

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


def prepare_checkpoint(folder: Path, record: TrialRecord) -> None:
    """What a trial that begins finds as its checkpoint: its own, or a copy of the one that it inherits, or nothing.

    OSError where it cannot be copied, or what is left of another study cannot be deleted.
    """
    ours = trial_folder(folder, record.number) / "checkpoint"
    if record.attempt == 0 and os.path.lexists(ours):
        from trialist.execute.checkpoints import discard

        discard(ours)  # of an earlier study of that name, whose file is gone
    if record.inherits is None or (ours.is_dir() and any(ours.iterdir())):
        return
    theirs = trial_folder(folder, record.inherits) / "checkpoint"
    if theirs.is_dir():
        partial = ours.with_name("checkpoint.partial")  # whole, or not at all, also when this process dies over it
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(theirs, partial, symlinks=True)
        partial.replace(ours)


def prune_checkpoints(folder: Path, halted: int, history: Callable[[], History]) -> None:
    """Keep the checkpoints of the best few trials and of those that may go on, and delete the others.

    Called when trial `halted` is closed or paused: one without a checkpoint changes nothing.  Paused trials may go on,
    and others may inherit from them; where there is no room for all of them, those that came least far go first, and
    would be run anew.
    """
    if not os.path.isdir(trial_folder(folder, halted) / "checkpoint"):
        return
    from trialist.execute.checkpoints import prune

    records = history().records
    best_first = ranked(r for r in records if r.state.is_closed and r.loss is not None and r.stage is not Stage.SWEEP)
    lost = [r for r in records if r.state.is_closed and (r.loss is None or r.stage is Stage.SWEEP)]
    paused = sorted((r for r in records if r.state is State.PAUSED), key=lambda r: (-_reached(r), r.number))
    begun = [r for r in records if r.state in (State.WAITING, State.RUNNING)]
    parents = {r.inherits for r in begun if r.inherits is not None}
    prune(
        [trial_folder(folder, r.number) for r in (*best_first, *lost)],
        keep=KEPT_CHECKPOINTS,
        limit_bytes=CHECKPOINT_BYTES,
        paused=[trial_folder(folder, r.number) for r in paused],
        running=[trial_folder(folder, number) for number in {*(r.number for r in begun), *parents}],
    )


def _reached(record: TrialRecord) -> float:
    return record.reports[-1].step if record.reports else 0.0
