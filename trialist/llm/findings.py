"""What the preflight's findings make of the dials, and how a study keeps them, so that it is resumed with the same."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trialist.errors import UnknownStudyError
from trialist.llm.answers import LIMITS
from trialist.llm.clashes import Clash
from trialist.llm.dialspace import Dials
from trialist.llm.preflight import Finding, Treatment

if TYPE_CHECKING:
    from trialist.protocols import Store
    from trialist.study.study import Study

PREFLIGHT = "preflight"  # the stage that keeps what was found of each dial


def acted_on(dials: Dials, finding: Finding) -> tuple[Dials, str]:
    """The dials as the finding leaves them, and what becomes of its own, in words."""
    if finding.dial not in dials.dials:
        return dials, finding.treatment.value
    left, what = _treated(dials, finding)
    if not finding.clashes:
        return left, what
    for clash in finding.clashes:
        left = left.apart(clash)
    apart = ", ".join(dict.fromkeys(clash.dial for clash in finding.clashes))
    return left, f"{what}, and not beside {apart}, which the endpoint refuses together with it"


def _treated(dials: Dials, finding: Finding) -> tuple[Dials, str]:
    name, reason = finding.dial, finding.reason
    if finding.treatment is Treatment.REJECTED:
        left = dials.without(name, reason, finding.rejected)
        return left, "loses levels" if name in left.dials else "dropped"
    if finding.treatment is Treatment.IGNORED:
        if name in LIMITS:
            # Another prompt may make answers long enough to be cut.
            return dials, "kept, since it may act on longer answers"
        return dials.without(name, reason), "dropped"
    return dials, finding.treatment.value


def known_findings(store: Store, study: str) -> tuple[Finding, ...]:
    """What an earlier run of that study found."""
    kept = kept_stage(store, study, PREFLIGHT)
    listed = [] if kept is None else kept["findings"]
    return tuple(
        Finding(
            each["dial"],
            Treatment(each["treatment"]),
            each["reason"],
            (),
            tuple(each["rejected"]),
            clashes=tuple(Clash(c["dial"], each["dial"], tuple(c["levels"])) for c in each.get("clashes", ())),
        )
        for each in listed
    )


def kept_stage(store: Store, study: str, stage: str) -> Mapping[str, Any] | None:
    """What an earlier run of that study kept under that name."""
    try:
        return store.load_study(study).stages.get(stage)
    except UnknownStudyError:
        return None


def findings_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """For the stage, as plain JSON."""
    return {
        "findings": [
            {
                "dial": finding.dial,
                "treatment": finding.treatment.value,
                "reason": finding.reason,
                "rejected": list(finding.rejected),
                "calls": finding.calls,
                "cost": finding.cost,
                "clashes": [{"dial": clash.dial, "levels": list(clash.levels)} for clash in finding.clashes],
            }
            for finding in findings
        ]
    }


def keep(study: Study, stage: str, outcome: Mapping[str, Any]) -> None:
    """Keep it with the study, under that name."""
    study.store.write_stage(study.name, stage, _storable(dict(outcome)), time.time())


def _storable(value: Any) -> Any:
    """The same with texts that any file can hold: a model or a server may have cut a character in half."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_storable(str(key)): _storable(part) for key, part in value.items()}
    return [_storable(part) for part in value] if isinstance(value, (list, tuple)) else value
