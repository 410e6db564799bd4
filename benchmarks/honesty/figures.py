"""What complete studies say: how often the selected configuration is worse than the default, and regret; by arm.

Arms are paired by study. Shares and means have 95 % bootstrap intervals over studies; a ratio below 1 is in our favour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from search_tables import show

Run = Mapping[str, Any]
Key = tuple[str, int, int]  # problem, seed, budget: one study
FIRST, AGAINST = "ours", "cv"
NAMES = {"ours": "selected", "cv": "best CV score", "model": "best by model", "random": "random, best CV"}
RESAMPLES = 4000
SMALL = 0.02  # a share of the default's loss, below which being worse hardly matters


class Choice(NamedTuple):
    """What one arm chose in one study."""

    gap: float  # true loss less the default's, 0 where the default itself was chosen
    gap_stderr: float
    small: float  # a difference that hardly matters
    regret: float  # true loss less that of the best configuration known in this study
    is_default: bool


def tables(runs: Sequence[Run]) -> None:
    by_arm = choices(runs)
    for title, chosen in (("real data", _real), ("simulated", _simulated)):
        found = {arm: {k: c for k, c in of.items() if chosen(k)} for arm, of in by_arm.items()}
        if found.get(FIRST):
            _main(title, found)
            for what, group in _GROUPS[title].items():
                _grouped(title, what, group, found)
    _verdicts([r for r in runs if r["optimizer"] == FIRST], by_arm)


def choices(runs: Sequence[Run]) -> dict[str, dict[Key, Choice]]:
    """By arm and study, those studies alone that every arm has; regrets are in units of the default's mean loss.

    The best configuration known is that of all arms. Losses of different metrics are on scales of their own, so that
    a regret is divided by the mean true loss of the defaults by the same metric; simulated losses have a scale already.
    """
    found: dict[str, dict[Key, Run]] = {}
    for run in runs:
        found.setdefault(run["optimizer"], {})[key_of(run)] = run
    if "cv" in found:
        by_model = {k: {**run, "pick": run["model"]} for k, run in found["cv"].items() if "model" in run}
        found |= {"model": by_model} if by_model else {}
    whole = set.intersection(*(set(of) for of in found.values())) if found else set()
    best = {k: min(of[k]["best"] for of in found.values()) for k in whole}
    unit = _units({k: next(iter(found.values()))[k] for k in whole})

    def choice(k: Key, run: Run) -> Choice:
        pick, scale = run["pick"], unit[k]
        return Choice(
            pick["gap"] / scale,
            pick["gap_stderr"] / scale,
            SMALL * (1.0 if _simulated(k) else run["default"]["true"] / scale),
            (pick["true"] - best[k]) / scale,
            pick["number"] == run["default"]["number"],
        )

    order = [arm for arm in NAMES if arm in found]
    return {arm: {k: choice(k, found[arm][k]) for k in sorted(whole)} for arm in order}


def key_of(run: Run) -> Key:
    return run["problem"], run["seed"], run["budget"]


def is_worse(c: Choice) -> bool:
    """By however little."""
    return c.gap > 1e-12


def is_clearly_worse(c: Choice) -> bool:
    """Beyond twice the standard error of the truth, which is measured on a few hundred rows."""
    return c.gap > max(2 * c.gap_stderr, 1e-12)


def is_much_worse(c: Choice) -> bool:
    """By more than a fiftieth of the default's loss; of the surface's standard deviation where it is simulated."""
    return c.gap > c.small


def interval(values: np.ndarray) -> tuple[float, float]:
    means = values[_resampled(len(values))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def ratio_interval(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Of our mean over theirs, paired by study."""
    which = _resampled(len(ours))
    ratios = ours[which].mean(axis=1) / np.maximum(theirs[which].mean(axis=1), 1e-12)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(low), float(high)


def _main(title: str, found: Mapping[str, Mapping[Key, Choice]]) -> None:
    rows = []
    for arm, of in found.items():
        row = [NAMES[arm]]
        for measure in (is_worse, is_clearly_worse, is_much_worse):
            row += [_share(of, measure), _ratio(found, arm, measure)]
        row += [_mean(of, _regret), _ratio(found, arm, _regret), f"{np.mean([c.is_default for c in of.values()]):.0%}"]
        rows.append(row)
    columns = ["worse", "/cv", "clearly", "/cv", "by 2 %", "/cv", "regret", "/cv", "default kept"]
    show(f"{title}: {len(next(iter(found.values())))} studies, worse than the default", ["arm", *columns], rows)


def _grouped(title: str, what: str, group: Callable[[Key], Any], found: Mapping[str, Mapping[Key, Choice]]) -> None:
    rows = []
    for value in sorted({group(k) for k in found[FIRST]}):
        part = {arm: {k: c for k, c in of.items() if group(k) == value} for arm, of in found.items()}
        row = [str(value), str(len(part[FIRST]))]
        for measure in (is_worse, is_clearly_worse):
            row.append(" ".join(f"{np.mean([measure(c) for c in of.values()]):4.0%}" for of in part.values()))
        row.append(" ".join(f"{np.mean([c.regret for c in of.values()]):.4f}" for of in part.values()))
        rows.append(row)
    show(f"{title} by {what}: {', '.join(NAMES[a] for a in found)}", [what, "n", "worse", "clearly", "regret"], rows)


def _verdicts(runs: Sequence[Run], by_arm: Mapping[str, Mapping[Key, Choice]]) -> None:
    """What the verdicts said, and what was true."""
    rows = []
    for title, chosen in (("real data", _real), ("simulated", _simulated)):
        part = [r for r in runs if chosen(key_of(r)) and key_of(r) in by_arm.get(FIRST, {})]
        for outcome in ("improved", "no difference shown", "worse"):
            said = [r for r in part if r["verdict"]["outcome"] == outcome]
            if not said:
                continue
            signs = [np.sign(round(r["pick"]["gap"], 12)) for r in said]
            rows.append(
                [f"{title}: {outcome}", *map(str, (len(said), signs.count(-1), signs.count(0), signs.count(1)))]
            )
    show("Verdicts, and what is true of the selected configuration", ["verdict", "n", "better", "same", "worse"], rows)
    for title, chosen in (("real data", _real), ("simulated", _simulated)):
        part = [r for r in runs if chosen(key_of(r)) and not r["verdict"]["same"] and r["verdict"]["interval"]]
        if part:
            inside = [r["verdict"]["interval"][0] <= -r["pick"]["gap"] <= r["verdict"]["interval"][1] for r in part]
            print(f"{title}: {np.mean(inside):.1%} of {len(part)} intervals cover the true difference")


def _share(of: Mapping[Key, Choice], measure: Callable[[Choice], bool]) -> str:
    values = np.array([float(measure(c)) for c in of.values()])
    low, high = interval(values)
    return f"{values.mean():.1%} ({low:.0%}–{high:.0%})"


def _mean(of: Mapping[Key, Choice], measure: Callable[[Choice], float]) -> str:
    values = np.array([measure(c) for c in of.values()])
    low, high = interval(values)
    return f"{values.mean():.4f} ({low:.4f}–{high:.4f})"


def _ratio(found: Mapping[str, Mapping[Key, Choice]], arm: str, measure: Callable[[Choice], float]) -> str:
    if arm == AGAINST or AGAINST not in found:
        return ""
    ours = np.array([float(measure(c)) for c in found[arm].values()])
    theirs = np.array([float(measure(c)) for c in found[AGAINST].values()])
    if not theirs.any():
        return "–"
    low, high = ratio_interval(ours, theirs)
    return f"{ours.mean() / theirs.mean():.2f} ({low:.2f}–{high:.2f})"


def _regret(c: Choice) -> float:
    return c.regret


def _units(runs: Mapping[Key, Run]) -> dict[Key, float]:
    metrics: dict[str, list[float]] = {}
    for k, run in runs.items():
        metrics.setdefault(_metric(k), []).append(run["default"]["true"])
    return {k: 1.0 if _simulated(k) else float(np.mean(metrics[_metric(k)])) for k in runs}


def _real(k: Key) -> bool:
    return k[0].startswith("real:")


def _simulated(k: Key) -> bool:
    return not _real(k)


def _metric(k: Key) -> str:
    return k[0].split("/")[2] if _real(k) else "simulated"


def _part(i: int) -> Callable[[Key], Any]:
    def part(k: Key) -> Any:
        text = k[0].partition(":")[2].split("/")[i]
        return float(text) if text.replace(".", "").isdigit() else text

    return part


def _budget(k: Key) -> int:
    return k[2]


_GROUPS: dict[str, dict[str, Callable[[Key], Any]]] = {
    "real data": {"metric": _metric, "model": _part(1), "data": _part(0), "rows": _part(3), "budget": _budget},
    "simulated": {"noise": _part(0), "effect of the rows": _part(1), "default is best of": _part(2), "budget": _budget},
}


def _resampled(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(n, size=(RESAMPLES, n))
