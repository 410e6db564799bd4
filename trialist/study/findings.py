"""What a study found, in sentences: which configuration was selected and how, and what the test data said."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from trialist.scoring.digits import digits_for, in_digits, rounded
from trialist.study.prose import counted, in_words, measured, named, on_one_line, setting, was

Facts = Mapping[str, Any]

_MOST = 12  # dials told one by one
_SIZES = {
    "of practical size": "this one does, by all of its interval",
    "too small to matter": "this one is smaller, by all of its interval",
    "of practical size or not, the data do not tell": "whether this one does, the interval leaves open",
}


def selection(facts: Facts) -> Iterator[str]:
    selected, finalists, selection = facts["selected"], facts["finalists"], facts["selection"]
    if selected is None:
        yield "No trial has a score, so nothing was selected."
        return
    which = _trial(facts, selected["trial"])
    if not finalists or selection is None:
        what = "was selected" if selection is not None else "is the best so far"
        yield (
            f"No finalist was scored again on fresh seeds; {which} {what} by its score in the search"
            + (", which is too good by selection." if facts["trials"]["states"]["complete"] > 1 else ".")
        )
    else:
        runs = {each["runs"] for each in finalists}
        often = _often(runs)
        default = ", the default configuration among them," if _has_default(facts) else ""
        fresh = "fresh splits and seeds" if facts["validation"] is not None else "fresh seeds"
        finalist = "finalist" if len(finalists) == 1 else "finalists"
        each = " each" if len(finalists) > 1 else ""
        yield (
            f"{in_words(len(finalists)).capitalize()} {finalist}{default} {was(len(finalists))} scored again "
            f'{often}{each} on {fresh}, and {which} was selected ("{on_one_line(selection["reason"])}").'
        )
    yield from _scores(facts)


def _scores(facts: Facts) -> Iterator[str]:
    selected, baseline = facts["selected"], facts["baseline"]
    is_default = baseline is not None and baseline["trial"] == selected["trial"]
    other = None if is_default else baseline
    for metric in (objective["name"] for objective in facts["objectives"]):
        if (score := selected["search"].get(metric)) is not None:
            of_default = other["search"].get(metric) if other is not None else None
            against = f", that of the default {measured(of_default)}" if of_default else ""
            yield f"The {named(metric)} of {_whose(facts)} was {measured(score)} in the search{against}."
    if selected["fresh"] is not None:
        of_default = other["fresh"] if other is not None else None
        against = f", against {measured(of_default)} of the default" if of_default else ""
        fresh = "fresh splits and seeds" if facts["validation"] is not None else "fresh seeds"
        what = "it" if len(facts["objectives"]) == 1 else named(facts["objectives"][0]["name"])
        yield f"On {fresh} {what} was {measured(selected['fresh'])}{against}."
    if (found := facts.get("optimism")) is not None:
        yield f"{found['sentence'][:1].upper()}{found['sentence'][1:]}."
    if (noise := facts.get("noise")) is not None:
        yield noise["words"]
    if not selected["is_feasible"]:
        yield "It violates a measured constraint; no trial satisfied all of them."


def test(facts: Facts) -> Iterator[str]:
    verdict = facts["verdict"]
    if facts["leaks"] is not None and not facts["leaks"]:
        yield "No leak was found between the parts of the data."
    for leak in facts["leaks"] or ():
        yield f"Found in the data beforehand ({leak['severity']}): {on_one_line(leak['words'])}."
    if verdict is None:
        if facts["selected"] is not None:
            yield "Nothing was verified on test data: these scores are those of the search and the selection."
        return
    if doubt := facts.get("doubt"):
        yield f"The verdict that follows is in doubt: {on_one_line(doubt)}"
    of = f"{verdict['examples']:,} test examples" if verdict["examples"] else "the test data"
    look = (
        "the first look on record at these data" if verdict["looks"] == 1 else f"look {verdict['looks']} at these data"
    )
    known = f", fingerprint {verdict['fingerprint'][:12]}" if verdict["fingerprint"] else ""
    seeds = counted(verdict["seeds"], "seed")
    if verdict["same_configuration"]:
        score = rounded(verdict["baseline_score"], digits_for(0.0, verdict["baseline_score"]))
        yield (
            f"Since the default itself was selected, it alone was trained anew with {seeds} and scored on {of} "
            f"({look}{known}): test {named(verdict['metric'])} {score}."
        )
        return
    yield (
        f"The default and the selected configuration were each trained anew with {seeds} and scored on {of} "
        f"({look}{known})."
    )
    yield _difference(verdict)
    if (words := _SIZES.get(verdict.get("size"))) is not None:
        yield f"A difference of {in_digits(verdict['matters'])} or more was declared to matter: {words}."
    if (least := verdict.get("detectable")) is not None:
        known = "By what was known before the test data were opened"
        yield f"{known}, a true difference of about {in_digits(least)} would likely have been shown."
    if facts["selected"] is not None and facts["verified"] not in (None, facts["selected"]["trial"]):
        now = facts["selected"]["trial"]
        yield f"This verdict is on trial {facts['verified']}; trial {now}, which is selected now, was not verified."


def _difference(verdict: Facts) -> str:
    interval = verdict["interval"]
    half = (interval[1] - interval[0]) / 2 if interval else 0.0
    decimals = digits_for(half, verdict["baseline_score"], verdict["selected_score"])
    default, selected = (rounded(verdict[f"{side}_score"], decimals) for side in ("baseline", "selected"))
    scores = f"Test {named(verdict['metric'])} was {default} for the default and {selected} for the selected one"
    if interval is None:
        return f"{scores}; no interval can be given ({verdict['reason']}), so no difference is shown."
    # Of how much the default is better, where it is.
    ends = interval if verdict["difference"] >= 0 else (-interval[1], -interval[0])
    ahead = "selected one" if verdict["difference"] >= 0 else "default"
    size = (
        f"a difference of {rounded(abs(verdict['difference']), decimals)} in favour of the {ahead} "
        f"({100 * verdict['level']:.4g} % interval {' to '.join(rounded(end, decimals) for end in ends)}; "
        f"{verdict['method']})"
    )
    said = {
        "improved": "the selected configuration is better",
        "worse": "the selected configuration is worse",
        "no difference shown": "no difference was shown, which does not say that there is none",
    }
    return f"{scores}, {size}: {said[verdict['outcome']]}."


def chosen(facts: Facts) -> Iterator[str]:
    selected, baseline = facts["selected"], facts["baseline"]
    if selected is None or (baseline is not None and baseline["trial"] == selected["trial"]):
        return
    params = selected["params"]
    told = [f"{named(name)} = {setting(value)}" for name, value in list(params.items())[:_MOST]]
    more = f" and {len(params) - _MOST} more" if len(params) > _MOST else ""
    which = f"Configuration of trial {selected['trial']}" if facts["selection"] is None else "Selected configuration"
    yield f"{which}: {', '.join(told)}{more}."


def _whose(facts: Facts) -> str:
    """Whose scores are told: nothing is selected before the selection."""
    which = _trial(facts, facts["selected"]["trial"])
    if which.startswith("trial") and facts["selection"] is not None:
        return "the selected configuration"
    return which


def _often(runs: Collection[int]) -> str:
    least, most = min(runs), max(runs)
    if least < most:
        return f"{least} to {most} times"
    return {1: "once", 2: "twice"}.get(most, f"{in_words(most)} times")


def _trial(facts: Facts, number: int) -> str:
    baseline = facts["baseline"]
    return "the default configuration" if baseline is not None and baseline["trial"] == number else f"trial {number}"


def _has_default(facts: Facts) -> bool:
    baseline = facts["baseline"]
    return baseline is not None and any(each["trial"] == baseline["trial"] for each in facts["finalists"])
