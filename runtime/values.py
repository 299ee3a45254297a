"""A NamedTuple that costs microseconds to define instead of an import of ``typing``.

``typing`` costs nearly as much as the interpreter's whole start, and ``collections.namedtuple`` compiles
code for each class.  Modules on the hot path write

    if TYPE_CHECKING:
        from typing import NamedTuple
    else:
        from runtime.values import NamedTuple

so that a type checker sees the standard class, and the running program this one.
"""

from __future__ import annotations

from _collections import _tuplegetter  # type: ignore[import-not-found]  # no stub knows it

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

_MISSING = object()


class NamedTuple(tuple):  # type: ignore[type-arg]
    """Fields from the annotations, in order; defaults from the class body; immutable."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()
    _defaults: dict[str, Any] = {}

    def __init_subclass__(cls) -> None:
        own = tuple(cls.__annotations__)
        cls._fields = own
        cls._defaults = {name: cls.__dict__[name] for name in own if name in cls.__dict__}
        for index, name in enumerate(own):
            setattr(cls, name, _tuplegetter(index, None))

    def __new__(cls, *values: Any, **named: Any) -> Self:
        fields = cls._fields
        if len(values) != len(fields):
            if len(values) > len(fields):
                raise TypeError(f"{cls.__name__} takes {len(fields)} values, not {len(values)}")
            defaults = cls._defaults
            rest = []
            for name in fields[len(values) :]:
                value = named.pop(name, _MISSING)
                if value is _MISSING:
                    value = defaults.get(name, _MISSING)
                    if value is _MISSING:
                        raise TypeError(f"{cls.__name__} lacks {name!r}")
                rest.append(value)
            values += tuple(rest)
        if named:
            raise TypeError(f"{cls.__name__} has no further field {', '.join(named)}")
        return tuple.__new__(cls, values)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
        return f"{type(self).__name__}({inner})"

    def _replace(self, **changes: Any) -> Self:
        merged = type(self)(*(changes.pop(name, value) for name, value in zip(self._fields, self, strict=True)))
        if changes:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(changes)}")
        return merged

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))
