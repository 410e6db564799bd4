"""The tables of search.py: regrets, by family, beside each peer, beside the best single peer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import regret
from regret import Curves, Record

POINTS = (25, 50, 100)


def scales(
    every: Iterable[Record], references: Mapping[str, Any], suite: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """{problem: (best, median)}: what its regret is measured by. A run that found better than the reference counts."""
    best = {problem: references[problem]["best"] for problem in suite}
    for run in every:
        best[run["problem"]] = min(best[run["problem"]], float(regret.incumbents(run).min()))
    return {problem: (best[problem], references[problem]["median"]) for problem in suite}


def report(runs: Sequence[Record], ours: Sequence[str], scale: Mapping[str, tuple[float, float]], budget: int) -> None:
    """All tables, on standard output."""
    curves = regret.regrets(runs, scale)
    curves = dict(sorted(curves.items(), key=lambda item: (item[0] not in ours, item[0])))
    points = [n for n in POINTS if n < budget] + [budget]
    late = {name: [ms for r in runs if r["optimizer"] == name for ms in r["overhead_ms"][-20:]] for name in curves}
    every_optimizer(curves, late, points)
    by_family(curves, points[-1])
    peers = {name: found for name, found in curves.items() if name not in ours}
    for name in ours:
        if name in curves and peers:
            beside_each(name, curves[name], peers, points)
            beside_best(name, curves[name], peers, points)


def every_optimizer(curves: Mapping[str, Curves], late: Mapping[str, Sequence[float]], points: Sequence[int]) -> None:
    rows = [
        [
            name,
            len(found),
            sum(map(len, found.values())),
            *(_estimated(regret.at(found, n)) for n in points),
            f"{np.median(late[name]):.1f}",
        ]
        for name, found in curves.items()
    ]
    show("Mean normalised regret", ["optimizer", "problems", "runs", *(f"@{n}" for n in points), "ms"], rows)


def by_family(curves: Mapping[str, Curves], point: int) -> None:
    families = sorted({_family(problem) for found in curves.values() for problem in found})
    rows = []
    for name, found in curves.items():
        parts = [{p: seeds for p, seeds in found.items() if _family(p) == family} for family in families]
        values = [regret.at(part, point) for part in parts]
        if any(_is_known(v) for v in values):
            rows.append([name, *(f"{v.mean():.3f} ({len(v)})" if _is_known(v) else "-" for v in values)])
    show(f"Regret @{point} by family (problems)", ["optimizer", *families], rows)


def beside_each(name: str, ours: Curves, peers: Mapping[str, Curves], points: Sequence[int]) -> None:
    """Pair by pair, on the problems and seeds that both have."""
    rows = []
    for peer, found in peers.items():
        own, other = regret.common(ours, found)
        cells = []
        for n in points:
            x, y = regret.at(own, n), regret.at(other, n)
            known = _is_known(x) and _is_known(y)
            cells.append(f"{x.mean():.3f} / {y.mean():.3f} = {regret.ratio(x, y).text(2)}" if known else "-")
        rows.append([peer, len(own), sum(map(len, other.values())), *cells])
    head = ["peer", "problems", "runs", *(f"ours / peer @{n}" for n in points)]
    show(f"{name} beside each peer, on the same problems and seeds", head, rows)


def beside_best(name: str, ours: Curves, peers: Mapping[str, Curves], points: Sequence[int]) -> None:
    """On each set of problems that some peer has run: the single peer with the lowest mean, at each point."""
    sets = {tuple(p for p in ours if p in found) for found in peers.values()} - {()}
    rows, notes = [], []
    for problems in sorted(sets, key=len, reverse=True):
        own = {p: ours[p] for p in problems}
        able = {peer: {p: found[p] for p in problems} for peer, found in peers.items() if found.keys() >= set(problems)}
        for n in points:
            x = regret.at(own, n)
            theirs = {peer: regret.at(found, n) for peer, found in able.items()}
            theirs = {peer: y for peer, y in theirs.items() if _is_known(y)}
            if not theirs or not _is_known(x):
                continue
            best = min(theirs, key=lambda peer: theirs[peer].mean())
            y = theirs[best]
            share = np.mean(x <= np.min(list(theirs.values()), axis=0) + 1e-12)
            found = f"{best} of {len(theirs)}"
            ratio = regret.ratio(x, y).text(2)
            rows.append([len(problems), f"@{n}", found, f"{y.mean():.3f}", f"{x.mean():.3f}", ratio, f"{share:.0%}"])
            if n == points[-1]:
                notes.append(_reached(own, able, best, theirs, n))
    head = ["problems", "at", "best peer", "its", "ours", "ratio", "problems where ours <= every peer's"]
    show(f"{name} beside the best single peer on the same problems, each over all of its seeds", head, rows)
    print("\n" + "\n".join(notes))


def _reached(own: Curves, able: Mapping[str, Curves], best: str, peers: Iterable[str], n: int) -> str:
    """How many of our trials reach what the best single peer, and what each problem's best peer, has after n."""
    results = {peer: {p: float(np.median([c[n - 1] for c in able[peer][p].values()])) for p in own} for peer in peers}
    hardest = {p: min(result[p] for result in results.values()) for p in own}
    return (
        f"{len(own)} problems, trials needed for {best}'s median result @{n}: "
        f"{regret.trials_to_reach(own, results[best]).text(0)}, where {best} itself needs "
        f"{regret.trials_to_reach(able[best], results[best]).value:.0f}; for that of each problem's best peer: "
        f"{regret.trials_to_reach(own, hardest).text(0)}"
    )


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A Markdown table, aligned for the eye."""
    table = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    lines = []
    for row in table:
        first, *others = (
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append(f"| {' | '.join([first, *others])} |")
    lines.insert(1, f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    print(f"\n{title}\n\n" + "\n".join(lines), flush=True)


def _family(problem: str) -> str:
    return problem.split(":")[0]


def _is_known(values: np.ndarray) -> bool:
    """There are problems, and all runs are long enough."""
    return len(values) > 0 and not np.isnan(values).any()


def _estimated(values: np.ndarray) -> str:
    return regret.mean(values).text() if _is_known(values) else "-"
