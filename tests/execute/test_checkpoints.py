"""Which checkpoints stay."""

from __future__ import annotations

from pathlib import Path

from trialist.execute.checkpoints import prune


def trial(folder: Path, number: int, size: int = 100) -> Path:
    path = folder / str(number)
    (path / "checkpoint" / "deep").mkdir(parents=True)
    (path / "checkpoint" / "deep" / "model").write_bytes(b"x" * size)
    (path / "log.txt").write_text("kept")
    return path


def kept(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.iterdir() if (path / "checkpoint").exists())


def test_the_best_and_the_running_ones_are_kept(tmp_path: Path) -> None:
    trials = [trial(tmp_path, number) for number in range(6)]
    removed = prune(trials[:5], running=[trials[5]], keep=2)
    assert kept(tmp_path) == [0, 1, 5]
    assert removed == tuple(path / "checkpoint" for path in trials[2:5])


def test_only_checkpoints_are_deleted(tmp_path: Path) -> None:
    trials = [trial(tmp_path, number) for number in range(3)]
    prune(trials, keep=0)
    assert kept(tmp_path) == []
    assert all((path / "log.txt").read_text() == "kept" for path in trials)


def test_beyond_the_limit_the_worst_go_but_never_the_best(tmp_path: Path) -> None:
    trials = [trial(tmp_path, number) for number in range(4)]
    prune(trials, keep=4, limit_bytes=250)
    assert kept(tmp_path) == [0, 1]
    prune(trials, keep=4, limit_bytes=1)
    assert kept(tmp_path) == [0]


def test_running_trials_count_but_are_never_touched(tmp_path: Path) -> None:
    trials = [trial(tmp_path, number) for number in range(4)]
    prune(trials[:3], running=[trials[3]], keep=3, limit_bytes=300)
    assert kept(tmp_path) == [0, 1, 3]
    prune(trials, running=[trials[3]], keep=0)
    assert kept(tmp_path) == [3]


def test_trials_without_checkpoints_are_nothing_to_prune(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    assert prune([tmp_path / "0", tmp_path / "gone"], keep=0, limit_bytes=10) == ()


def test_a_link_is_cut_and_what_it_points_to_stays(tmp_path: Path) -> None:
    treasure = trial(tmp_path, 9)
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "checkpoint").symlink_to(treasure)
    prune([tmp_path / "0"], keep=0)
    assert not (tmp_path / "0" / "checkpoint").exists()
    assert (treasure / "log.txt").exists()


def test_paused_trials_keep_theirs_while_there_is_room_and_the_last_named_go_first(tmp_path: Path) -> None:
    trials = [trial(tmp_path, number) for number in range(7)]
    paused, running = trials[3:6], [trials[6]]
    prune(trials[:3], running=running, paused=paused, keep=1)
    assert kept(tmp_path) == [0, 3, 4, 5, 6]
    prune(trials[:1], running=running, paused=paused, keep=1, limit_bytes=350)
    assert kept(tmp_path) == [0, 3, 6]
    prune(trials[:1], running=running, paused=paused, keep=1, limit_bytes=1)
    assert kept(tmp_path) == [0, 6]
