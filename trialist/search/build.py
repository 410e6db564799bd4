"""The strategies by name, each imported when it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trialist.protocols import Strategy
from trialist.search.design import Grid, Random, Sobol
from trialist.space.space import Space


def _gp(trials: int | None, within: Space | None) -> Strategy:
    from trialist.search.bayesian import Bayesian

    return Bayesian(within=within)


def _cmaes(trials: int | None, within: Space | None) -> Strategy:
    from trialist.search.cmaes import CMAES

    return CMAES()


def _tpe(trials: int | None, within: Space | None) -> Strategy:
    from trialist.search.tpe import TPE

    return TPE()


def _evolution(trials: int | None, within: Space | None) -> Strategy:
    from trialist.search.evolution import Evolution

    return Evolution()


# One line for each strategy; when `auto` takes it, `auto` says.
_BUILDERS: Mapping[str, Callable[[int | None, Space | None], Strategy]] = {
    "grid": lambda trials, within: Grid(trials),
    "random": lambda trials, within: Random(),
    "sobol": lambda trials, within: Sobol(),
    "gp": _gp,
    "cmaes": _cmaes,
    "tpe": _tpe,
    "evolution": _evolution,
}
NAMED = tuple(_BUILDERS)
FOCUSED = ("gp",)  # those that can keep to a part of the space


def build(name: str, trials: int | None = None, within: Space | None = None) -> Strategy:
    """The strategy of that name, one of NAMED.

    trials: of the search, which size a grid.  within: for those of FOCUSED, where to propose.
    """
    return _BUILDERS[name](trials, within)
