"""The dials of fine-tuning by low-rank adapters, for a Space: ranges and defaults from practice, with their sources."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trialist.errors import SpaceError, shown
from trialist.rates.schedule import Schedule, dial_name
from trialist.space.parameter import Categorical, Float, Int, Parameter, declare

Range = tuple[float, float]

# Where practice begins.  2e-4 and 0.03: the QLoRA and Alpaca recipes (Dettmers et al. 2023), TRL's pages and others
# since; a tenth of it or less is for full fine-tuning.  Linear, 3 epochs, no weight decay: Transformers' own defaults.
# Rank 16 with alpha = rank: PEFT's examples; its default is 8 with alpha 8, the same ratio (Hu et al. 2022 fix alpha at
# the first rank they try).  All linear layers: Dettmers et al. 2023, Schulman et al. 2025.  No dropout: PEFT's default.
LR, LR_DEFAULT = (1e-5, 1e-2), 2e-4
SHAPES, SHAPE_DEFAULT = ("constant", "linear", "cosine"), "linear"
WARMUP, WARMUP_DEFAULT = (0.0, 0.2), 0.03
EPOCHS, EPOCHS_DEFAULT = (1, 5), 3
BATCHES, BATCH_DEFAULT = (8, 16, 32, 64, 128), 16
RANK, RANK_DEFAULT = (4, 64), 16
ALPHA_RATIO, ALPHA_RATIO_DEFAULT = (0.5, 4.0), 1.0
DROPOUT, DROPOUT_DEFAULT = (0.0, 0.2), 0.0
WEIGHT_DECAY, WEIGHT_DECAY_DEFAULT = (0.0, 0.1), 0.0
TARGETS, TARGETS_DEFAULT = ("attention", "all-linear"), "all-linear"


@dataclass(frozen=True, slots=True, eq=False)
class Preset(Mapping[str, Parameter]):
    """A mapping of names to dials, for a Space, and the values of those that were fixed instead."""

    dials: Mapping[str, Parameter]
    fixed: Mapping[str, Any]

    def settings(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A configuration with the fixed values beside it: what `lora_config` and `training_arguments` read."""
        return {**self.fixed, **params}

    def __getitem__(self, name: str) -> Parameter:
        return self.dials[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.dials)

    def __len__(self) -> int:
        return len(self.dials)


def lora(
    *,
    lr: Range | Float = LR,
    shape: str | Sequence[str] | Categorical = SHAPES,
    warmup: float | Range | Float = WARMUP,
    end: float | Range | Float = 0.0,
    cooldown: float | Range | Float = 0.2,
    epochs: float | Range | Int | Float | None = EPOCHS,
    steps: int | Range | Int | None = None,
    batch: int | Sequence[int] | Categorical | Int | None = BATCHES,
    rank: int | Range | Int | None = RANK,
    alpha_ratio: float | Range | Float | None = ALPHA_RATIO,
    dropout: float | Range | Float | None = DROPOUT,
    targets: str | Sequence[str] | Categorical | None = TARGETS,
    weight_decay: float | Range | Float | None = WEIGHT_DECAY,
    when: Mapping[str, Any] | None = None,
) -> Preset:
    """The dials of LoRA fine-tuning (Hu et al. 2022), for a Space: `Space(lora())`, or `Space({**lora(), ...})`.

      lr            peak of the learning rate, 1e-5 to 1e-2 (log); 2e-4 by default
      lr_shape      constant, linear or cosine (also inverse_sqrt, wsd; see `Schedule`); linear by default
      lr_warmup     share of the run until the peak is reached, 0 to 0.2; 0.03 by default
      lr_end, lr_cooldown   as in `Schedule`: fixed at 0 and, for wsd, at 0.2
      epochs        passes over the data, 1 to 5; 3 by default.  Or `steps`, updates, which takes their place
      batch         sequences per update, that is batch × accumulation: 8, 16, ... 128; 16 by default
      rank          r of the adapters, 4 to 64 (log); 16 by default
      alpha_ratio   alpha / r, by which the adapters' output is scaled, 0.5 to 4 (log); 1 by default
      dropout       before the adapters, 0 to 0.2; 0 by default
      targets       layers that get adapters, "attention" or "all-linear", or a pattern of PEFT; all-linear by default
      weight_decay  of AdamW, 0 to 0.1; 0 by default

    Each may be given as a range (low, high) or a list of choices; as a value, which fixes it and makes no dial; as a
    dial of your own; or as None, which leaves it to PEFT and Transformers. The schedule's parts as in `Schedule`.
    when: what must hold for all of them to be active, as for any dial: {"method": "lora"}.

    Raises SpaceError, naming the dial, for what cannot be.

    >>> dials = lora(rank=(4, 32), dropout=0.05, epochs=None, steps=120, weight_decay=None)
    >>> list(dials)
    ['lr', 'lr_shape', 'lr_warmup', 'batch', 'rank', 'alpha_ratio', 'targets']
    >>> dials.fixed["steps"], dials.fixed["dropout"]
    (120, 0.05)
    """
    schedule = _schedule(lr, shape, warmup, end, cooldown, when)
    if steps is not None:
        if epochs not in (None, EPOCHS):
            raise SpaceError("steps", f"epochs are given too, {shown(epochs)}", "Give one length of the run.")
        epochs = None
    given: dict[str, Any] = {
        "epochs": _number("epochs", Int, epochs, EPOCHS_DEFAULT, least=0.01),
        "steps": _number("steps", Int, steps, None, log=True, least=1.0),
        "batch": _sequences(batch),
        "rank": _number("rank", Int, rank, RANK_DEFAULT, log=True, least=1.0),
        "alpha_ratio": _number("alpha_ratio", Float, alpha_ratio, ALPHA_RATIO_DEFAULT, log=True, least=1e-6),
        "dropout": _number("dropout", Float, dropout, DROPOUT_DEFAULT, least=0.0, most=1.0),
        "targets": _choice("targets", targets, TARGETS_DEFAULT),
        "weight_decay": _number("weight_decay", Float, weight_decay, WEIGHT_DECAY_DEFAULT, least=0.0),
    }
    dials: dict[str, Parameter] = dict(schedule)
    fixed = {dial_name(schedule.name, part): value for part, value in schedule.fixed.items()}
    for name, value in given.items():
        if isinstance(value, Float | Int | Categorical):
            dials[name] = replace(value, when={**(value.when or {}), **when}) if when else value
        elif value is not None:
            fixed[name] = value
    return Preset(dials, fixed)


def _schedule(
    lr: Range | Float,
    shape: str | Sequence[str] | Categorical,
    warmup: float | Range | Float,
    end: float | Range | Float,
    cooldown: float | Range | Float,
    when: Mapping[str, Any] | None,
) -> Schedule:
    peak = _number("lr", Float, lr, LR_DEFAULT, log=True)
    if not isinstance(peak, Float) or not peak.log:
        remedy = "Give a range such as (1e-5, 1e-3): it is the dial that matters most."
        raise SpaceError("lr", f"{shown(lr)} is no range of a log scale", remedy)
    if not isinstance(shape, str | Categorical):
        shape = _choice("lr_shape", shape, SHAPE_DEFAULT)
    return Schedule(
        peak.low,
        peak.high,
        default=peak.default,
        shape=shape,
        warmup=_number("lr_warmup", Float, warmup, WARMUP_DEFAULT, least=0.0, most=0.9),
        end=end,
        cooldown=cooldown,
        when=when,
    )


def _number(
    name: str,
    kind: Callable[..., Any],
    given: Any,
    default: float | None,
    *,
    log: bool = False,
    least: float = -math.inf,
    most: float = math.inf,
) -> Any:
    """A numeric dial of a range, whose default is the usual value where that lies in it; a value and None as they are.

    least, most: of what the dial can stand for, whatever the range.
    """
    if given is None:
        return None
    if isinstance(given, Float | Int):
        ends: Sequence[Any] = (given.low, given.high)
    elif isinstance(given, Sequence) and not isinstance(given, str):
        ends = given
        if len(ends) != 2:
            raise SpaceError(name, f"{shown(given)} is no range", "Give (low, high), a value, or a dial of your own.")
        given = declare(name, kind, *ends, log=log)
        if default is not None and given.low <= default <= given.high:
            given = replace(given, default=default)
    else:
        ends = (given, given)
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise SpaceError(name, f"{shown(given)} is no number", "Give a range, a value, or a dial of your own.")
    if not ends[0] >= least:
        raise SpaceError(name, f"{shown(ends[0])} is below {least:g}", f"Begin at {least:g} or above.")
    if not ends[1] <= most:
        raise SpaceError(name, f"{shown(ends[1])} is above {most:g}", f"End at {most:g} or below.")
    return given


def _sequences(given: Any) -> Any:
    """The dial of the batch, whose choices are whole numbers."""
    dial = _choice("batch", given, BATCH_DEFAULT, ordered=True)
    if isinstance(dial, Int):
        known: Sequence[Any] = (dial.low, dial.high)
    else:
        known = dial.choices if isinstance(dial, Categorical) else () if dial is None else (dial,)
    for batch in known:
        if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
            raise SpaceError("batch", f"{shown(batch)} is no number of sequences", "Give whole numbers from 1 on.")
    return dial


def _choice(name: str, given: Any, default: Any, ordered: bool = False) -> Any:
    """A categorical dial of a list, whose default is the usual choice where that is one; else as it is."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        return given
    if len(given) == 1:
        return given[0]
    usual = {"default": default} if default in given else {}
    return declare(name, Categorical, list(given), ordered=ordered, **usual)
