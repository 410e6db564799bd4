"""Plot: what `study.plot` gives, a picture by each method, drawn into the axes that it returns."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trialist.errors import PlanError, SpaceError, shown
from trialist.plots.canvas import HEIGHT, WIDTH, new_axes, nothing, together
from trialist.study.prose import listed, named, setting
from trialist.trials.plan import Objective

if TYPE_CHECKING:
    from trialist.effects.effects import Effects
    from trialist.study.study import Study

_MOST_SLICES = 9


class Plot:
    """Pictures of a study by matplotlib.

    Each method draws one and gives back its Axes, or an array of them where it takes several; `ax` is where to draw it,
    by default a figure of its own.  Nothing is shown, and no setting of matplotlib changed: `ax.figure.savefig(path)`
    writes a picture, and a notebook shows it by itself.  Where there is nothing to see yet the picture says why.
    MissingExtraError without matplotlib.
    """

    def __init__(self, study: Study) -> None:
        self._study = study

    def __repr__(self) -> str:
        names = listed([name for name in dir(self) if not name.startswith("_")])
        return f"Plot of {self._study.name!r}: {names}"

    # The course

    def history(self, metric: str | None = None, ax: Any = None) -> Any:
        """Every trial by number, the best so far with the noise of its score, the default, failures, stages.

        Of several objectives one picture each, or that of `metric`.
        """
        from trialist.plots.course import draw_history
        from trialist.study.views.best import best_so_far, objective_of

        history = self._study.history
        chosen = history.plan.objectives if metric is None else (objective_of(history, metric),)
        if ax is not None and hasattr(ax, "plot"):
            chosen = chosen[:1]
        axes = new_axes(ax, len(chosen))
        for each, objective in zip(axes, chosen, strict=True):
            draw_history(each, best_so_far(history, objective.name, self._best))
        return together(axes)

    def curves(self, ax: Any = None) -> Any:
        """What trials reported on the way, where they were looked at, and how each ended."""
        from trialist.plots.course import draw_curves
        from trialist.study.views.curves import curves

        (axes,) = new_axes(ax)
        draw_curves(axes, curves(self._study.history, self._best))
        return axes

    def timeline(self, ax: Any = None) -> Any:
        """Which worker ran which trial when, idle time in grey."""
        from trialist.plots.course import draw_timeline
        from trialist.study.views.timeline import timeline

        view = timeline(self._study.history, time.time())
        (axes,) = new_axes(ax, height=min(1.9 + 0.42 * max(view.lanes, 1), 9.0))
        draw_timeline(axes, view)
        return axes

    def budget(self, ax: Any = None) -> Any:
        """What is spent of each limit over the working time, what is committed, and what it will come to."""
        from trialist.plots.course import draw_budget
        from trialist.study.views.burndown import burndown

        study = self._study
        view = burndown(study.history, study.spent, study.forecast().outlays, time.time())
        (axes,) = new_axes(ax)
        draw_budget(axes, view)
        return axes

    # What scores are worth

    def noise(self, ax: Any = None) -> Any:
        """What each configuration scored each time, in the search and on fresh seeds, with an interval of its mean."""
        from trialist.plots.worth import draw_noise
        from trialist.study.views.noise import spreads

        view = spreads(self._study.history, self._best)
        (axes,) = new_axes(ax, height=max(2.4 + 0.32 * len(view.spreads), HEIGHT - 0.6))
        draw_noise(axes, view)
        return axes

    def front(self, ax: Any = None) -> Any:
        """Objectives against each other, two at a time, with the front that no trial beats in all of them."""
        from trialist.plots.worth import draw_front
        from trialist.study.views.front import tradeoffs

        view = tradeoffs(self._study.history, self._best)
        pairs = view.pairs if view.enough else ((0, 0),)
        pairs = pairs[:1] if hasattr(ax, "plot") else pairs
        wide = len(pairs) > 1
        axes = new_axes(ax, len(pairs), width=1.5 * WIDTH if wide else WIDTH, height=4.8, columns=2 if wide else 1)
        for each, (across, up) in zip(axes, pairs, strict=True):
            draw_front(each, view, across, up)
        return together(axes)

    def calibration(self, ax: Any = None, *, metric: str | None = None) -> Any:
        """What the model expects of each trial that it has not seen, against what the trial scored.

        metric: of several objectives, which one.
        """
        from trialist.plots.worth import draw_calibration

        view = self._effects(metric).calibration()
        (axes,) = new_axes(ax, height=4.8)
        draw_calibration(axes, view, self._named(metric).name)
        return axes

    def foretold(self, ax: Any = None, *, metric: str | None = None) -> Any:
        """What the search's model foretold of each trial before the trial ran, against what the trial scored.

        metric: of several objectives, which one.
        """
        from trialist.plots.foretold import draw_foretold

        (axes,) = new_axes(ax)
        draw_foretold(axes, self._effects(metric).foretold(), self._named(metric))
        return axes

    # What the dials do

    def importance(self, ax: Any = None, *, metric: str | None = None) -> Any:
        """The share of each dial in what moves the metric over the space, with its interval.

        metric: of several objectives, which one.
        """
        from trialist.plots.dials import draw_importance

        view = self._effects(metric).importance()
        (axes,) = new_axes(ax, height=max(2.2 + 0.36 * len(view.shares), 3.2))
        draw_importance(axes, view)
        return axes

    def interaction(
        self, a: str | None = None, b: str | None = None, ax: Any = None, *, metric: str | None = None
    ) -> Any:
        """How strongly each two dials act together, as a matrix; of two dials, the slices of `a` at values of `b`.

        metric: of several objectives, which one.
        """
        from trialist.plots.dials import draw_matrix, draw_slices

        if (a is None) != (b is None):
            raise PlanError("interaction", "one dial is named", "Name two, or none for the matrix of all.")
        if a is None or b is None:
            interactions = self._effects(metric).interactions()
            side = max(3.2, 1.9 + 0.62 * len(interactions.dials))
            (axes,) = new_axes(ax, width=max(4.4, side + 1.8), height=side)
            draw_matrix(axes, interactions)
            return axes
        self._dial(a), self._dial(b)
        effects = self._effects(metric)
        slices = [(f"{named(b)} = {setting(value)}", effects.slice(a, given={b: value})) for value in self._levels(b)]
        (axes,) = new_axes(ax)
        draw_slices(axes, slices, self._dial(a), self._named(metric), title=f"{a} at values of {b}")
        return axes

    def slice(self, dial: str | None = None, ax: Any = None, *, metric: str | None = None) -> Any:
        """What the model expects along a dial, with its band and the trials; without a name, of all dials.

        Of many dials, the nine that matter most.  metric: of several objectives, which one.
        """
        from trialist.plots.dials import draw_slices

        dials = list(self._study.space.names) if dial is None else [dial]
        for name in dials:
            self._dial(name)
        if len(dials) > _MOST_SLICES:
            shares = {share.dial: share.share for share in self._effects(metric).importance().shares}
            dials = sorted(dials, key=lambda name: -shares.get(name, 0.0))[:_MOST_SLICES]
        if not dials:
            (axes,) = new_axes(ax)
            nothing(axes, "Slices", "No dial is known yet: the objective declares them as it runs.")
            return axes
        columns = min(len(dials), 2)
        if ax is not None and hasattr(ax, "plot"):
            dials = dials[:1]
        found = new_axes(ax, len(dials), width=WIDTH * (0.75 * columns if columns > 1 else 1), columns=columns)
        chosen = {} if self._study.best is None else self._study.best.params
        for each, name in zip(found, dials, strict=True):
            view = self._effects(metric).slice(name)
            draw_slices(each, [("", view)], self._dial(name), self._named(metric), chosen.get(name))
        return together(found)

    def sweep(self, dial: str | None = None, ax: Any = None) -> Any:
        """The response at each level of a dial that was swept, paired with the chosen level; the last sweep unnamed."""
        from trialist.plots.dials import draw_sweep

        if dial is not None:
            self._dial(dial)
        sweeps = [each for each in self._study.sweeps if dial is None or each.dial == dial]
        (axes,) = new_axes(ax)
        if not sweeps:
            example = dial or next(iter(self._study.space.names), "learning_rate")
            which = "No dial was" if dial is None else f"{named(dial)} was not"
            told = f"{which} swept yet. Try: study.sweep({example!r}, objective=...), or trialist sweep {example}."
            nothing(axes, "One dial at a time", told)
            return axes
        view = sweeps[-1]
        draw_sweep(axes, view, self._dial(view.dial), self._objective.direction)
        return axes

    def parallel(self, ax: Any = None) -> Any:
        """Each configuration as a line over the dials to its score."""
        from trialist.plots.dials import draw_parallel
        from trialist.study.views.parallel import parallel

        view = parallel(self._study.history, self._best)
        (axes,) = new_axes(ax, width=max(WIDTH, 1.35 * len(view.axes)))
        draw_parallel(axes, view)
        return axes

    @property
    def _best(self) -> int | None:
        best = self._study.best
        return None if best is None else best.number

    @property
    def _objective(self) -> Objective:
        return self._study.declared.objective

    def _named(self, metric: str | None) -> Objective:
        found = (each for each in self._study.declared.objectives if metric in (None, each.name))
        return next(found, self._objective)

    def _effects(self, metric: str | None) -> Effects:
        """PlanError for a metric that is no objective."""
        from trialist.effects.effects import Effects

        best = self._study.best
        return Effects(self._study.history, None if best is None else best.params, metric=metric)

    def _dial(self, name: str) -> Any:
        space = self._study.space
        if name not in space:
            known = listed([repr(each) for each in list(space.names)[:12]]) or "none yet"
            raise SpaceError("dial", f"{shown(name)} is no dial of the study", f"Its dials are {known}.")
        return space[name]

    def _levels(self, dial: str) -> Sequence[Any]:
        """Up to four choices, or three values: low, middle and high on the dial's own scale."""
        parameter = self._dial(dial)
        if hasattr(parameter, "choices"):
            return list(parameter.choices[:4])
        return [parameter.decode(u) for u in (0.1, 0.5, 0.9)]
