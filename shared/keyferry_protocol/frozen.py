"""Frozen dataclasses that are cheap to import.

`dataclasses` takes 11 ms to import and more than 1 ms for each class, because it compiles code, and
every application that calls `load` would pay for that at each start (benchmarks/). Other code can
treat these classes as dataclasses: `dataclasses.replace`, `fields`, and `asdict` accept them.
"""

from typing import Any, TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True)
def frozen(cls: type[_T]) -> type[_T]:
    """Like `@dataclass(frozen=True)`. The fields are the annotations, base classes first."""
    names = tuple(
        dict.fromkeys(
            name
            for base in reversed(cls.__mro__)
            for name in getattr(base, "__annotations__", ())  # only its own since Python 3.10
        )
    )
    defaults = {name: getattr(cls, name) for name in names if hasattr(cls, name)}
    known = frozenset(names)

    def init(self: object, *values: Any, **members: Any) -> None:
        fields = self.__dict__
        fields.update(members)
        if values:
            fields.update(zip(names, values, strict=False))
        passed = len(fields)
        if passed < len(names):
            fields.update({**defaults, **fields})
        if passed != len(values) + len(members) or fields.keys() != known:
            raise TypeError(f"{cls.__name__} takes {', '.join(names)}")

    def key(self: object) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in names])

    methods: dict[str, Any] = {
        "__init__": init,
        "__eq__": lambda self, other: (
            key(self) == key(other) if type(self) is type(other) else NotImplemented
        ),
        "__hash__": lambda self: hash(key(self)),
        "__repr__": lambda self: (
            f"{cls.__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"
        ),
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__match_args__": names,
        "__dataclass_fields__": _Fields(names),
    }
    for name, method in methods.items():
        setattr(cls, name, method)
    return cls


def _refuse(self: object, name: str, *value: object) -> None:
    raise AttributeError(f"{type(self).__name__}.{name} is never changed")


class _Fields:
    """The `__dataclass_fields__` that `dataclasses` reads from a class, built on access."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def __get__(self, instance: object, owner: type) -> dict[str, Any]:
        from dataclasses import fields, make_dataclass

        return {field.name: field for field in fields(make_dataclass("Fields", self._names))}
