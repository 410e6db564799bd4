"""How much each dial matters, with error bars: alone, with what it does together with others, and near the best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialist.web.panels.plain import number, numbers

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_MOST = 30  # dials


def of(data: ReportData) -> dict[str, Any] | None:
    """None where no dial is known, or where nothing computed effects."""
    if data.effects is None or not data.space.names:
        return None
    found = data.effects.importance()
    if not found.enough or not found.shares:
        return {"chart": "importance", "empty": f"{found.words}"}
    shares = found.shares[:_MOST]
    local = data.effects.local()
    near = {each.dial: each for each in local.shares} if local.enough else {}
    legend = [("bar complete", "share of the variance of " + found.metric + ", 95 % interval")]
    if any(share.ped is not None for share in shares):
        legend.append(("diamond", "in the region of the best tenth (PED-ANOVA)"))
    if near:
        legend.append(("dot again", "round the best configuration"))
    return {
        "chart": "importance",
        "rows": [
            {
                "dial": share.dial,
                "share": number(share.share),
                "range": numbers((share.low, share.high)),
                "ped": number(share.ped),
                "near": number(near[share.dial].share) if share.dial in near else None,
            }
            for share in shares
        ],
        "legend": legend,
        "words": found.words,
        "label": f"Importance of dials. {found.words}",
        "height": 56 + 30 * len(shares),
        "table": {
            "head": ["dial", "share", "95 % interval", "best tenth", "round the best"],
            "rows": [
                [
                    share.dial,
                    f"{share.share:.0%}",
                    f"{share.low:.0%} to {share.high:.0%}",
                    "–" if share.ped is None else f"{share.ped:.0%}",
                    f"{near[share.dial].share:.0%}" if share.dial in near else "–",
                ]
                for share in shares
            ],
            "caption": f"Shares of the variance of {found.metric}",
        },
    }
