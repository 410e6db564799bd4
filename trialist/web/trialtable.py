"""The trials one by one: a table with scores, configurations and reasons; the failures by their cause."""

from __future__ import annotations

from collections.abc import Sequence

from trialist.space.parameter import Categorical
from trialist.study.onwards import to_start
from trialist.study.summary import unit_noun
from trialist.trials.amounts import duration
from trialist.trials.course import course_of
from trialist.trials.feasibility import violations
from trialist.trials.trial import Failure, State, TrialRecord
from trialist.web.data import ReportData
from trialist.web.figure import figure
from trialist.web.html import Child, Html, el, join, name
from trialist.web.layout import section, table
from trialist.web.numbers import count, gain, measured, setting

_BYTES = 300_000  # of rows, about: the newest, the default and the best stay, and the file below 2 MB
_COLUMNS = 10  # more dials than these share one column
_TRACEBACK = 6_000  # characters of a traceback's end, where the error is
_NUMBERS = 40  # trial numbers named for one kind of failure


def trials_section(data: ReportData) -> Html:
    """Every trial with its stage, state, scores, time, configuration and reason."""
    if not data.records:
        advice = f"No trial was run yet: {to_start(data.plan)}."
        return section("trials", "Trials", el("p", advice, class_="note"))
    filter_box = el(
        "label",
        "Show trials with ",
        el("input", type="search", id="filter", placeholder="any text, such as failed"),
        class_="filter",
    )
    filtered = el("span", id="filtered", class_="note", role="status")
    shown = _shown(data)
    left_out = len(data.records) - len(shown)
    note = f"{count(left_out, 'older trial')} left out here; trialist export has all." if left_out else None
    return section(
        "trials",
        "Trials",
        el("p", filter_box, " ", filtered),
        trials_table(data, shown),
        el("p", note, class_="note") if note else None,
    )


def trials_table(data: ReportData, shown: Sequence[TrialRecord], at: str = "") -> Html:
    """Some of the trials, a row each.

    at: the address under which each has a page of its own; without, as in a report, the page sorts them itself.
    """
    dials = list(dict.fromkeys([*data.space.names, *(dial for record in shown for dial in record.params)]))
    apart = len(dials) <= _COLUMNS
    metrics = list(dict.fromkeys([o.name for o in data.plan.objectives] + [m for r in shown for m in r.metrics]))
    head = [
        "trial",
        "stage",
        "state",
        *metrics,
        "vs default",
        "time",
        *(dials if apart else ["configuration"]),
        "reason",
    ]
    rows = [_row(data, record, metrics, dials if apart else None, at) for record in shown]
    numeric = {*metrics, "vs default", "time", *(dial for dial in dials if _is_numeric(data, dial))}
    return table(head, rows, "Trials, one a row", numeric=numeric, sortable=not at)


def failures_section(data: ReportData) -> Html | None:
    """Failures of the same cause and message are one entry, the most frequent first."""
    if not data.failed:
        return None
    groups: dict[tuple[str, str], list[TrialRecord]] = {}
    for record in data.failed:
        failure = record.failure
        key = (failure.cause.value, failure.message) if failure is not None else ("unknown", "no reason was recorded")
        groups.setdefault(key, []).append(record)
    entries = [
        _failures(cause, message, records)
        for (cause, message), records in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]
    said = f"{count(len(data.failed), 'trial')} of {len(data.records):,} failed. A failed trial costs only itself."
    return section("failures", "Failures", el("p", said), figure("failures", data), *entries)


def _is_numeric(data: ReportData, dial: str) -> bool:
    return dial in data.space and not isinstance(data.space[dial], Categorical)


def _shown(data: ReportData) -> Sequence[TrialRecord]:
    """By number: the default, the best, and of all others the newest that there is room for."""
    always = {0, *([data.best.number] if data.best is not None else [])}
    shown, room = [], _BYTES
    for record in reversed(data.records):
        if room > 0 or record.number in always:
            shown.append(record)
            cells = 8 + len(record.metrics) + len(record.params)
            room -= 36 * cells + min(len(record.reason), 400) + 200 * (record.failure is not None)
    return shown[::-1]


def _row(data: ReportData, record: TrialRecord, metrics: Sequence[str], dials: Sequence[str] | None, at: str) -> Html:
    best = data.best is not None and record.number == data.best.number
    label = f"{record.number}" + (" (default)" if record.number == 0 else "") + (" ★" if best else "")
    configuration = [_dial(record, dial) for dial in dials] if dials is not None else [el("td", _configuration(record))]
    return el(
        "tr",
        el("th", el("a", label, href=f"{at}/{record.number}") if at else label, scope="row", data_v=record.number),
        el("td", record.stage.value + (f" of {record.repeats}" if record.repeats is not None else "")),
        el("td", record.state.value, class_=record.state.value),
        *(_score(data, record, metric) for metric in metrics),
        _versus_default(data, record),
        _number(None if record.seconds is None else duration(record.seconds), record.seconds),
        *configuration,
        el("td", el("bdi", why := _reason(data, record), title=why if at else None), class_="reason"),
        class_="best" if best else None,
    )


def _score(data: ReportData, record: TrialRecord, metric: str) -> Html:
    score, validation = record.metrics.get(metric), data.plan.validation
    if score is None:
        return _number(None, None)
    words = measured(score.mean, score.stderr)
    if validation is not None and len(score.replicates) < validation.units:
        words += f", {len(score.replicates)} of {validation.units} {unit_noun(validation)}"
    is_partial = record.state is State.PAUSED and record.reports
    return _number(f"{words} at {record.reports[-1].step:g}" if is_partial else words, score.mean)


def _versus_default(data: ReportData, record: TrialRecord) -> Html:
    baseline = data.baseline
    if baseline is None or baseline.loss is None or record.loss is None or record.number == 0:
        return _number(None, None)
    better = baseline.loss - record.loss
    noise = record.score.stderr if record.score is not None else None
    return _number(gain(better, noise), better)


def _number(words: str | None, value: float | None) -> Html:
    return el("td", words or "–", class_="number", data_v=None if value is None else f"{value:.9g}")


def _dial(record: TrialRecord, dial: str) -> Html:
    if dial not in record.params:
        return el("td", "–")
    value = record.params[dial]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(setting(value), float(value)) if abs(value) < 1e300 else el("td", setting(value))
    return el("td", el("bdi", setting(value)))


def _configuration(record: TrialRecord) -> Html:
    parts: list[Child] = []
    for dial, value in record.params.items():
        parts += [", " if parts else None, name(dial), " = ", el("bdi", setting(value))]
    return join(*parts)


def _reason(data: ReportData, record: TrialRecord) -> str:
    ends = f"; stopped: {record.stop_reason}" if record.stop_reason and not record.course else ""
    ends += "".join(f"; {told[:200]}" for told in course_of(record, data.plan.fidelity))
    retried = f"; tried again after: {record.earlier[-1].message}" if record.earlier else ""
    failed = f"; failed: {record.failure.message[:200]}" if record.failure is not None else ""
    violated = "" if record.is_feasible else f"; {violations(record)}"
    return f"{record.reason[:400]}{violated}{retried}{failed}{ends}"


def _failures(cause: str, message: str, records: Sequence[TrialRecord]) -> Html:
    numbers = ", ".join(str(record.number) for record in records[:_NUMBERS])
    more = f" and {len(records) - _NUMBERS:,} more" if len(records) > _NUMBERS else ""
    trace = _traceback(records[0].failure)
    return el(
        "div",
        el("h3", f"{cause}: {count(len(records), 'trial')}"),
        el("p", el("bdi", message[:2_000]), class_="message"),
        el("p", f"trial {numbers}{more}" if len(records) == 1 else f"trials {numbers}{more}", class_="note"),
        el("details", el("summary", f"Traceback of trial {records[0].number}"), el("pre", trace)) if trace else None,
        class_="failure",
    )


def _traceback(failure: Failure | None) -> str:
    if failure is None or len(failure.traceback) <= _TRACEBACK:
        return failure.traceback if failure is not None else ""
    return "… " + failure.traceback[-_TRACEBACK:]
