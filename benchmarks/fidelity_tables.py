"""The tables of fidelity.py: regret by epochs spent, beside the best peer, beside full trainings, and what was lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from fidelity_optimizers import FULL, KEPT, OURS
from regret import MISS, Estimate, Record, interval, resampled
from search_tables import show

SHARES = (0.1, 0.25, 0.5, 1.0)
LATER = SHARES[1:]
REACH = len(SHARES)  # the column behind those of the shares
RANDOM = ("random", "basic:random")  # full trainings of random configurations

Levels = Mapping[str, tuple[float, float, float]]  # problem -> best loss, median loss, random search's final loss
Groups = dict[tuple[str, int], list[Record]]  # (family, workers) -> runs
Cells = dict[tuple[str, int], np.ndarray]  # (problem, seed) -> regret at each share, then share of the budget to reach


def report(runs: Sequence[Record], every: Iterable[Record], references: Mapping[str, Any], seeds: int) -> None:
    """All tables, on standard output.  every: all runs at hand, of any tag, among which the best loss is looked for.

    seeds: of the runs that are compared with peers, who have no more; what is compared with ourselves may have.
    """
    level = levels(every, references)
    groups = _grouped(run for run in runs if run["seed"] < seeds)
    for (family, workers), here in groups.items():
        by_optimizer(
            f"{family}, {workers} worker{'s' if workers > 1 else ''}: mean regret by epochs spent", here, level
        )
    beside_best(groups, level)
    beside_top_ten(groups, level)
    beside_full(_grouped(runs), level)
    left_behind(groups, level)


def _grouped(runs: Iterable[Record]) -> Groups:
    groups: Groups = defaultdict(list)
    for run in sorted(runs, key=lambda run: (family_of(run), run["workers"])):
        groups[family_of(run), run["workers"]].append(run)
    return groups


def levels(every: Iterable[Record], references: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    """What regrets and targets are measured by.  A run that found better than the reference counts."""
    finals, randoms = defaultdict(list), defaultdict(list)
    for run in every:
        if run["trace"]:
            finals[run["problem"]].append(run["trace"][-1][2])
            if run["optimizer"] in RANDOM:
                randoms[run["problem"]].append(run["trace"][-1][2])
    return {
        problem: (
            min([known["best"], *finals[problem]]),
            known["median"],
            float(np.median(randoms[problem])) if randoms[problem] else float("nan"),
        )
        for problem, known in references.items()
    }


def cells(runs: Iterable[Record], level: Levels) -> dict[str, Cells]:
    """By optimizer, ours first."""
    found: dict[str, Cells] = defaultdict(dict)
    for run in runs:
        found[run["optimizer"]][run["problem"], run["seed"]] = measured(run, *level[run["problem"]])
    return dict(sorted(found.items(), key=lambda item: (not is_ours(item[0]), item[0])))


def measured(run: Record, best: float, median: float, target: float) -> np.ndarray:
    """(5,): regret of the best checkpoint at each share of the budget; share at which random's final is reached.

    1 where there is no checkpoint yet; MISS where the target is never reached.
    """
    limit = run["budget"] * run["max_fidelity"]
    at = []
    for share in SHARES:
        losses = [loss for epochs, _, loss in run["trace"] if epochs <= share * limit]
        at.append(((losses[-1] if losses else median) - best) / _scale((best, median)))
    reached = next((epochs for epochs, _, loss in run["trace"] if loss <= target + 1e-9), MISS * limit)
    return np.array([*at, np.nan if np.isnan(target) else reached / limit])


def by_optimizer(title: str, runs: Sequence[Record], level: Levels) -> None:
    rows = []
    for name, found in cells(runs, level).items():
        table, own = np.array(list(found.values())), [run for run in runs if run["optimizer"] == name]
        rows.append(
            [
                name,
                len(_problems(found)),
                len(found),
                *(f"{x:.3f}" for x in table[:, :REACH].mean(axis=0)),
                f"{np.exp(np.log(table[:, REACH]).mean()):.2f}",
                f"{np.mean(table[:, REACH] == MISS):.0%}",
                f"{np.mean([run['configs'] for run in own]):.0f}, {np.mean([run['full'] for run in own]):.0f}",
                f"{np.mean([1e3 * run['overhead_s'] / run['jobs'] for run in own]):.1f}",
            ]
        )
    head = [
        "optimizer",
        "problems",
        "runs",
        *map(_at, SHARES),
        "to random's final",
        "missed",
        "begun, full",
        "ms a job",
    ]
    show(title, head, rows)


def beside_best(groups: Groups, level: Levels) -> None:
    """Column by column, the peer that is hardest to beat; one that has only runs of one worker gives those."""
    rows = []
    for (family, workers), here in groups.items():
        found = cells(here, level)
        peers = {name: own for name, own in found.items() if not is_ours(name)}
        for name, own in cells(groups.get((family, 1), []), level).items():
            if not is_ours(name) and name not in peers:
                peers[f"{name}, 1 worker"] = own
        for ours in filter(is_rival, found):
            able = {name: own for name, own in peers.items() if _problems(own) >= _problems(found[ours])}
            for column in range(REACH + 1):
                pairs = {name: pair for name, own in able.items() if (pair := common(found[ours], own, column))}
                if pairs:
                    best = max(pairs, key=lambda name: hardness(*pairs[name], column))
                    at = _at(SHARES[column]) if column < REACH else "to random's final"
                    rows.append([ours, family, workers, at, f"{best} of {len(pairs)}", *compared(*pairs[best], column)])
    head = ["ours", "problems", "workers", "at", "best peer", "runs", "ours", "its", "ratio"]
    _show_any("Beside the best peer of each column, on the problems and seeds of both", head, rows)


def beside_top_ten(groups: Groups, level: Levels) -> None:
    """Beside training many briefly and finishing the ten best, at the same cost."""
    rows = []
    for (family, workers), here in groups.items():
        found = cells(here, level)
        for ours in filter(is_rival, found):
            for name in found:
                pair = common(found[ours], found[name], REACH - 1)
                if pair and name.startswith(f"top{KEPT}@"):
                    rows.append([ours, family, workers, name, *compared(*pair, REACH - 1)])
    head = ["ours", "problems", "workers", "beside", "runs", "ours", "its", "ratio"]
    _show_any("Beside 'train all briefly, keep the top ten, finish those': regret @100%", head, rows)


def beside_full(groups: Groups, level: Levels) -> None:
    """Where early epochs mislead: our search with a scheduler beside the same search of full trainings."""
    rows = []
    for (family, workers), here in groups.items():
        found = cells(here, level)
        for ours in filter(is_rival, found if family == "misleading" else ()):
            kinds = sorted({_kind(problem) for problem, _ in found[ours]})
            for kind, column in ((kind, column) for kind in [*kinds, ""] for column in range(1, REACH)):
                pair = common(found[ours], found.get(FULL, {}), column, kind)
                if pair:
                    numbers, gap = compared(*pair, column), difference(*pair).text(3)
                    rows.append([ours, kind or "all", workers, _at(SHARES[column]), *numbers, gap])
    head = ["ours", "problems", "workers", "at", "runs", "ours", "full", "ratio", "difference"]
    _show_any(f"Misleading problems: beside {FULL}, the same search with full trainings alone", head, rows)


def left_behind(groups: Groups, level: Levels) -> None:
    """What trainings that were ended or paused on the way would have come to, which the simulation knows."""
    rows = []
    for (family, workers), here in groups.items():
        for name in cells(here, level):
            own = [run for run in here if run["optimizer"] == name and run.get("wrong") is not None]
            left, wrong = (sum(run[what] for run in own) for what in ("left", "wrong"))
            if not left:
                continue
            missed = [run["missed"] / _scale(level[run["problem"]]) for run in own]
            some = np.mean([run["wrong"] > 0 for run in own])
            numbers = [f"{left / len(own):.0f}", f"{wrong / left:.2%}", f"{some:.0%}", f"{np.mean(missed):.3f}"]
            rows.append([name, family, workers, len(own), *numbers])
    head = ["optimizer", "problems", "workers", "runs", "left", "wrongly", "runs with such", "regret lost"]
    _show_any("Trainings left behind: those that would have ended below every full one were left wrongly", head, rows)


# Statistics over cells, that is problems and seeds


def common(one: Cells, other: Cells, column: int, kind: str = "") -> tuple[np.ndarray, np.ndarray] | None:
    """A column of both, in the cells (of that kind) that both have; None where there are none, or no numbers."""
    both = [cell for cell in one if cell in other and kind in ("", _kind(cell[0]))]
    x, y = (np.array([own[cell][column] for cell in both]) for own in (one, other))
    return (x, y) if both and not np.isnan([x, y]).any() else None


def compared(x: np.ndarray, y: np.ndarray, column: int) -> list[Any]:
    """Cells, our mean, theirs, and the ratio of these."""
    return [len(x), f"{mean(x, column):.3f}", f"{mean(y, column):.3f}", ratio(x, y, column).text(2)]


def mean(values: np.ndarray, column: int) -> float:
    """Arithmetic of regrets, geometric of shares of the budget."""
    return float(np.exp(np.log(values).mean()) if column == REACH else values.mean())


def ratio(x: np.ndarray, y: np.ndarray, column: int) -> Estimate:
    """Our mean over theirs, cell by cell in the same resamples."""
    which = resampled(len(x))
    if column == REACH:
        logs = np.log(x) - np.log(y)
        return Estimate(float(np.exp(logs.mean())), *interval(np.exp(logs[which].mean(axis=1))))
    ratios = x[which].mean(axis=1) / np.maximum(y[which].mean(axis=1), 1e-12)
    return Estimate(float(x.mean() / max(y.mean(), 1e-12)), *interval(ratios))


def hardness(x: np.ndarray, y: np.ndarray, column: int) -> tuple[float, float]:
    """Sorts peers: by the ratio first, since not all have the same seeds."""
    return ratio(x, y, column).value, -mean(y, column)


def difference(x: np.ndarray, y: np.ndarray) -> Estimate:
    gap = x - y
    return Estimate(float(gap.mean()), *interval(gap[resampled(len(gap))].mean(axis=1)))


def is_ours(optimizer: str) -> bool:
    return optimizer.startswith(OURS)


def is_rival(optimizer: str) -> bool:
    """Ours, with a scheduler."""
    return is_ours(optimizer) and optimizer != FULL


def family_of(run: Record) -> str:
    return str(run["problem"].partition(":")[0])


def _kind(problem: str) -> str:
    return problem.partition(":")[2].partition("/")[0]


def _problems(found: Cells) -> set[str]:
    return {problem for problem, _ in found}


def _scale(level: Sequence[float]) -> float:
    """From the best loss to the median."""
    return max(level[1] - level[0], 1e-12)


def _at(share: float) -> str:
    return f"@{share:.0%}"


def _show_any(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        show(title, head, rows)
