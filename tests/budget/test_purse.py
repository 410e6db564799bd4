"""A purse is never overspent by trials that end when their hold does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trialist.budget.purse import Purse

AMOUNT = st.floats(0.0, 40.0)


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["take", "raise", "end"]), AMOUNT), max_size=60))
def test_what_is_spent_and_held_never_exceeds_the_limit(moves: list[tuple[int, str, float]]) -> None:
    purse = Purse("cost", 100.0)
    running: set[int] = set()
    for number, move, amount in moves:
        if move == "take" and number not in running:
            purse.take(number, amount)
            running.add(number)
        elif move == "raise" and number in running:
            before = purse.hold(number)
            could = purse.raised(number, before + amount)
            assert purse.hold(number) >= before + amount - 1e-6 if could else purse.hold(number) == before
        elif move == "end" and number in running:
            purse.spent += min(amount, purse.hold(number))  # it took no more than it held
            purse.release(number)
            running.remove(number)
        assert purse.spent + purse.held <= purse.limit * (1 + 1e-6)


def test_a_trial_holds_what_it_likely_needs_or_what_is_left() -> None:
    purse = Purse("cost", 10.0)
    purse.take(1, 6.0)
    purse.take(2, 6.0)
    assert (purse.hold(1), purse.hold(2), purse.room) == (6.0, 4.0, 0.0)
    assert not purse.raised(1, 7.0)
    purse.spent += 1.0
    purse.release(2)  # it took less than it held
    assert purse.raised(1, 7.0) and purse.hold(1) > 7.0


def test_below_a_lower_ceiling_nothing_is_given_out_and_nothing_taken_back() -> None:
    purse = Purse("cost", 10.0)
    purse.take(1, 6.0)
    purse.ceiling = 5.0
    assert purse.room < 0 and purse.hold(1) == 6.0 and not purse.raised(1, 6.5) and purse.raised(1, 6.0)
    purse.take(2, 1.0)
    assert purse.hold(2) == 0.0
