"""Errors: each says field, problem and remedy, crosses process borders whole, and stands in the drawn tree."""

from __future__ import annotations

import inspect
import pickle

import pytest

from trialist import errors


def _classes() -> list[type[Exception]]:
    return [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, errors.TrialistError)]


@pytest.mark.parametrize("kind", [c for c in _classes() if issubclass(c, errors.InputError)])
def test_wrong_input_names_field_problem_and_remedy_also_after_a_process_border(kind: type[errors.InputError]) -> None:
    error = pickle.loads(pickle.dumps(kind("lr", "low 2.0 is above high 1.0", "Swap them.")))
    assert type(error) is kind and str(error) == "lr: low 2.0 is above high 1.0. Swap them."
    assert (error.field, error.remedy) == ("lr", "Swap them.") and isinstance(error, ValueError)


def test_every_error_stands_in_the_tree() -> None:
    tree = errors.__doc__ or ""
    for kind in _classes():
        line = next((line for line in tree.splitlines() if f" {kind.__name__} " in f" {line.strip()} "), None)
        assert line is not None, kind
        depth = len(kind.__mro__[: kind.__mro__.index(errors.TrialistError)])
        assert line.index(kind.__name__) == 4 * depth, kind


def test_a_missing_extra_says_its_install_line() -> None:
    error = pickle.loads(pickle.dumps(errors.MissingExtraError("Ray workers need", "ray")))
    assert str(error) == "Ray workers need the 'ray' extra: pip install 'trialist[ray]'"
    assert isinstance(error, ImportError)


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@pytest.mark.parametrize("value", ["x" * 10**6, list(range(10**5)), Unprintable()])
def test_a_value_is_shown_short_and_never_fails(value: object) -> None:
    assert 0 < len(errors.shown(value)) < 120


@pytest.mark.parametrize(("name", "shown"), [("lr", "lr"), ("", "''"), ("a\nb", "'a\\nb'"), ("n" * 600, None)])
def test_a_field_s_name_keeps_the_message_on_one_line(name: str, shown: str | None) -> None:
    text = errors.shown_name(name)
    assert "\n" not in text and len(text) < 120
    assert shown is None or text == shown
