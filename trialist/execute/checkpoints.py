"""Which trials keep their checkpoints: the best few and those that may go on, as long as the disk has room for them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

CHECKPOINT = "checkpoint"  # the name of a trial's checkpoint folder inside its own


def prune(
    ranked: Sequence[Path],
    running: Sequence[Path] = (),
    keep: int = 3,
    limit_bytes: int | None = None,
    paused: Sequence[Path] = (),
) -> tuple[Path, ...]:
    """Delete the checkpoint folders of all but the `keep` best closed trials; those that were deleted.

    ranked: the folders of closed trials, best first, failed ones last.  running: folders that are never touched.
    paused: those that are kept as long as there is room, the most worth keeping first.
    limit_bytes: for all that is left; beyond it the worst closed ones go too, but never the best one's, and then the
    paused ones.
    """
    spared = {path.resolve() for path in (*running, *paused)}
    closed = [path / CHECKPOINT for path in ranked if path.resolve() not in spared]
    kept, removed = closed[:keep], closed[keep:]
    if limit_bytes is not None:
        busy = {path.resolve() for path in running}
        may_go = [*kept[:1], *(path / CHECKPOINT for path in paused if path.resolve() not in busy), *kept[1:]]
        used = sum(_bytes(path / CHECKPOINT) for path in running)
        sizes = [_bytes(path) for path in may_go]
        least = min(1, len(kept))
        while len(may_go) > least and used + sum(sizes) > limit_bytes:
            removed.append(may_go.pop())
            sizes.pop()
    return tuple(path for path in removed if discard(path))


def discard(path: Path) -> bool:
    """Delete a checkpoint folder; False where there is none."""
    if path.is_symlink():
        path.unlink()  # the link was put there by somebody; what it points to is theirs
        return True
    if not path.is_dir():
        return False
    shutil.rmtree(path)
    return True


def _bytes(path: Path) -> int:
    """What its files take, counting no link's target; 0 where there is none."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                continue  # a running trial replaced it meanwhile
    return total
