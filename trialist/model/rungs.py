"""Where trials are looked at: the rungs of a study, as shares of a full run."""

from __future__ import annotations

from trialist.trials.plan import Plan

SHARES = (1 / 27, 1 / 9, 1 / 3)  # of a run's own length, where the plan has no dial of cost


def rungs_of(plan: Plan) -> tuple[float, ...]:
    """Shares of a full run at which trials are looked at, ascending, the full run not among them."""
    if plan.fidelity is None:
        return SHARES
    return tuple(plan.fidelity.share(amount) for amount in plan.fidelity.rungs[:-1])


def amount_told(plan: Plan, share: float, length: float) -> str:
    """A share of a full run as people say it: "step 6" of a run of `length` steps, or "epochs = 3" of a dial."""
    if plan.fidelity is not None:
        return f"{plan.fidelity.name} = {share * plan.fidelity.high:.6g}"
    if not length > 0:
        return f"{100 * share:.2g} % of the steps"
    return f"step {max(1, -int(-share * length * (1 - 1e-9) // 1))}"


def amount_of(plan: Plan, share: float) -> float | None:
    """A rung's share of a full run in the unit of the plan's dial; None where it has none."""
    return None if plan.fidelity is None else plan.fidelity.rungs[rungs_of(plan).index(share)]
