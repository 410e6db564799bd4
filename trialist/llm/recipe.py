"""The recipe: a configuration and an item become requests, the answers to them one answer.

    system prompt, shots, the item's own messages ──▶ as many requests as there are votes ──▶ the majority's answer

Shots are other items with their targets, of the search part alone: the holdout is asked without ever having been
shown.  Item and shots never share a group, since a conversation or a document would tell the answer.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trialist.errors import InputError, SuiteError
from trialist.llm.dials import MODEL, MOST_VOTES, PROMPT, SHOT_ORDER, SHOTS, SYSTEM, TEMPLATE, TEXTS
from trialist.llm.dialspace import Dials, votes_of
from trialist.llm.formats.prompts import chat_of
from trialist.llm.item import Item, Message
from trialist.llm.request import Request
from trialist.llm.templates import render
from trialist.numerics.keys import Key

Extract = Callable[[Item, str], object]  # what an answer comes down to: equal for answers that vote together
_HEADS = ("system", "developer")
_EACH = MOST_VOTES + 1  # replicates of a request that one run may use: votes share the first ones


@dataclass(frozen=True, slots=True)
class Recipe:
    """How requests are made.  dials: with what is fixed; model: where no dial says which.

    examples: items that may be shown, those of the search part.  seed: of their order.
    """

    dials: Dials
    examples: tuple[Item, ...]
    model: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        if MODEL not in self.dials.dials and not (self.dials.fixed.get(MODEL) or self.model):
            raise InputError("model", "none is named", "Name the model as the endpoint knows it.")

    def requests(self, params: Mapping[str, Any], item: Item, replicate: int = 0) -> tuple[Request, ...]:
        """The requests of an item, one for each vote.

        replicate: which of several runs; of a greedy configuration all runs are the same.  A vote is the same request
        whatever the number of votes, so that 5 votes take up what 3 votes were answered before.
        """
        model = self.dials.value(MODEL, params) or self.model
        messages, settings = self.messages(params, item), self.dials.settings(params)
        first = 0 if self.dials.is_greedy(params) else _EACH * replicate
        return tuple(Request(model, messages, settings, first + vote) for vote in range(votes_of(self.dials, params)))

    def messages(self, params: Mapping[str, Any], item: Item) -> tuple[Message, ...]:
        """What is sent: the system prompt, the shots, and the item's own turns, the last one in its template."""
        system, own = self.dials.value(SYSTEM, params), self._own(params, item)
        head = [message for message in own if message.role in _HEADS]
        if system is not None:
            head = [Message("system", render(str(system), _variables(item), where=f"system prompt of {item.where}"))]
        turns = [message for message in own if message.role not in _HEADS]
        shown: list[Message] = []
        for example in self.shots(params, item):
            asked = next(m for m in reversed(self._own(params, example)) if m.role == "user")
            shown += [asked, Message("assistant", _target(example))]
        return (*head, *shown, *turns)

    def shots(self, params: Mapping[str, Any], item: Item) -> tuple[Item, ...]:
        """The examples that the item is shown: the first so many in the order that is tuned, its own group left out."""
        count = int(self.dials.value(SHOTS, params) or 0)
        if not count:
            return ()
        order = int(self.dials.value(SHOT_ORDER, params) or 0)
        known = [e for e in self._ordered(order) if e.id != item.id and (e.group is None or e.group != item.group)]
        asked = {item.question}
        return tuple(e for e in known if e.question not in asked)[:count]

    def check(self, items: Sequence[Item]) -> None:
        """Raises SuiteError where templates or shots cannot be made, before anything is asked."""
        most = self.dials.dials.get(SHOTS)
        wanted = int(self.dials.fixed.get(SHOTS) or 0)
        if most is not None:
            ends = (*most.levels, *(() if most.span is None else (most.span.high,)))
            wanted = max(int(end) for end in ends)
        if wanted:
            have = sum(1 for example in self.examples if example.targets)
            if have < wanted + 1:
                problem = f"{wanted} shots are asked for, and {have} search items have a target"
                raise SuiteError(SHOTS, problem, "Ask for fewer shots, or give items with targets.")
        for name in TEXTS:
            dial = self.dials.dials.get(name)
            fixed = self.dials.fixed.get(name)
            texts = list(dial.texts.values()) if dial is not None else [fixed] if fixed is not None else []
            for text in texts:
                for item in items:
                    if name == PROMPT:
                        made = chat_of(str(text), _variables(item), item.where)
                        if not any(message.role == "user" for message in made):
                            raise SuiteError(PROMPT, f"no user message, for {item.where}", "Give one.")
                    else:
                        render(str(text), _variables(item), where=f"{name} of {item.where}")

    def _own(self, params: Mapping[str, Any], item: Item) -> list[Message]:
        """The item's turns, made by the prompt that is tuned, the last one in the template that is."""
        prompt, template = self.dials.value(PROMPT, params), self.dials.value(TEMPLATE, params)
        own = list(item.messages)
        if prompt is not None:
            own = list(chat_of(str(prompt), _variables(item), item.where))
            prefix, suffix = item.metadata.get("affixes", ("", ""))
            own[-1] = replace(own[-1], content=f"{prefix}{own[-1].content}{suffix}")
        if template is not None:
            last = max((i for i, message in enumerate(own) if message.role == "user"), default=len(own) - 1)
            asked = render(str(template), _variables(item), where=f"template of {item.where}")
            own[last] = replace(own[last], content=asked)
        return own

    def _ordered(self, order: int) -> list[Item]:
        known = [example for example in self.examples if example.targets]
        ranks = Key(self.seed, -1).generator(f"shots {order}").permutation(len(known))
        return [known[rank] for rank in ranks.tolist()]


def majority(answers: Sequence[str], extract: Callable[[str], object]) -> int:
    """The index of the answer that speaks for the most: the first of those that come down to the commonest one.

    Wang et al. 2022, "Self-consistency improves chain of thought reasoning in language models".  Of ties the one that
    was given first; answers from which nothing can be taken do not vote while others do.

    >>> majority(["it is 4", "it is 5", "5, surely"], lambda text: "".join(filter(str.isdigit, text)))
    1
    """
    votes = [extract(answer) for answer in answers]
    counts = Counter(vote for vote in votes if vote not in (None, ""))
    if not counts:
        return 0
    return votes.index(max(counts, key=lambda vote: (counts[vote], -votes.index(vote))))


def extract_of(scorer: object) -> Extract:
    """What answers come down to, for the scorer that judges them: numbers, letters of choices, else words."""
    from trialist.llm.grading.extracted import Choice, Number, chosen_letter, last_number
    from trialist.llm.grading.text import Normalise

    if isinstance(scorer, Number):
        return lambda item, text: last_number(text)
    if isinstance(scorer, Choice):
        return lambda item, text: chosen_letter(text, scorer.letters, list(item.metadata.get("choices") or ()))
    return lambda item, text: Normalise.WORDS.of(text)


def _variables(item: Item) -> dict[str, Any]:
    """What templates know of an item: its question, and the variables that the suite gives it."""
    own = item.metadata.get("vars")
    return {"question": item.question, "input": item.question, **(dict(own) if isinstance(own, Mapping) else {})}


def _target(example: Item) -> str:
    target = example.targets[0]
    return target if isinstance(target, str) else json.dumps(target, ensure_ascii=False)
