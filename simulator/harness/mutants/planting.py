"""A planted bug is the source of a production function with a few words replaced, compiled anew and put in its place
for as long as the bug lives. No line of the production code knows of it."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import FunctionType
from typing import Any, Final

from simulator.harness.mutants.trials import Trial

_PACKAGES: Final = ("cabinet", "drivers", "hal", "sync")


class NotPlanted(ValueError):
    """The production code has changed, and the bug does not fit it any more; the text says where."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`where` is `module:function` or `module:Class.method`; `old` occurs in its source once."""

    where: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Rebind:
    """A module's constant, in all modules that have it, becomes `value(of what it was)`."""

    where: str
    value: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    what: str
    """In one sentence, what is wrong."""
    changes: Sequence[Edit | Rebind]
    trials: Sequence[Trial]
    """Where it is to be caught, tried in this order."""


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """While it lives. Raises NotPlanted."""
    with ExitStack() as undo:
        edits: dict[str, list[Edit]] = {}
        for change in mutant.changes:
            if isinstance(change, Edit):
                edits.setdefault(change.where, []).append(change)
            else:
                undo.callback(_rebind(change))
        for where, of_function in edits.items():
            undo.callback(_edit(where, of_function))
        yield


def _edit(where: str, edits: Sequence[Edit]) -> Callable[[], None]:
    module_name, _, path = where.partition(":")
    module = import_module(module_name)
    function: Any = module
    for name in path.split("."):
        function = inspect.getattr_static(function, name)
    if not isinstance(function, FunctionType):
        raise NotPlanted(f"{where} is no function")
    source = inspect.getsource(function)
    for edit in edits:
        if source.count(edit.old) != 1:
            raise NotPlanted(f"{where}: {edit.old!r} stands there {source.count(edit.old)} times")
        source = source.replace(edit.old, edit.new)
    made: dict[str, Any] = {}
    text = f"from __future__ import annotations\n{textwrap.dedent(source)}"
    try:
        code = compile(text, where, "exec")
    except SyntaxError as error:
        raise NotPlanted(f"{where}: {error}") from None
    exec(code, module.__dict__, made)  # noqa: S102 - a planted bug is our own text
    before, after = function.__code__, made[function.__name__].__code__
    if before.co_freevars != after.co_freevars:
        raise NotPlanted(f"{where} is a closure")
    function.__code__ = after

    def undo() -> None:
        function.__code__ = before

    return undo


def _rebind(rebind: Rebind) -> Callable[[], None]:
    module_name, _, name = rebind.where.partition(":")
    before = getattr(import_module(module_name), name)
    after = rebind.value(before)
    places = [
        (module, key)
        for module in list(sys.modules.values())
        if getattr(module, "__name__", "").partition(".")[0] in _PACKAGES
        for key, value in list(vars(module).items())
        if value is before
    ]
    for module, key in places:
        setattr(module, key, after)

    def undo() -> None:
        for module, key in places:
            setattr(module, key, before)

    return undo
