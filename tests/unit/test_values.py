"""runtime.values.NamedTuple behaves as typing.NamedTuple does where the runtime uses it."""

from __future__ import annotations

import typing

import pytest

from runtime.values import NamedTuple


class Point(NamedTuple):
    x: int
    y: int = 2


class StandardPoint(typing.NamedTuple):
    x: int
    y: int = 2


def test_positional_named_and_default_values_fill_the_fields() -> None:
    assert Point(1) == StandardPoint(1)
    assert Point(1, 3) == StandardPoint(1, 3)
    assert Point(y=4, x=1) == StandardPoint(y=4, x=1)


def test_fields_read_by_name_index_and_unpacking() -> None:
    x, y = Point(5, 6)
    assert (x, y, Point(5, 6).y, Point(5, 6)[0]) == (5, 6, 6, 5)


def test_replace_gives_a_changed_copy() -> None:
    point = Point(1)
    assert point._replace(y=9) == Point(1, 9)
    assert point == Point(1)


@pytest.mark.parametrize("wrong", [Point, lambda: Point(1, 2, 3), lambda: Point(1, z=3), lambda: Point(1, 2, y=3)])
def test_wrong_arguments_are_a_type_error(wrong: typing.Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        wrong()


def test_replacing_an_unknown_field_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        Point(1)._replace(z=1)


def test_a_value_is_immutable() -> None:
    with pytest.raises(AttributeError):
        Point(1).x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Point(1).anything = 2  # type: ignore[attr-defined]


def test_the_representation_names_the_fields() -> None:
    assert repr(Point(1)) == "Point(x=1, y=2)"
    assert Point(1)._asdict() == {"x": 1, "y": 2}
