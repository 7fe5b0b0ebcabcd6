"""From what pydantic found to problems a person can act on: what is wrong, what is allowed, what was meant.

Values are not repeated, since a PIN or a card number may stand among them; names of keys and words of a fixed
list are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from hal.problems import Problem

Path = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)

_SHOWN: Final = 40
_CANDIDATES: Final = 200

_SENTENCES: Final = {
    "string_type": "should be text in quotes",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "bool_type": "should be true or false",
    "list_type": "should be a list: [...]",
    "model_type": "should be a table",
    "model_attributes_type": "should be a table",
    "dict_type": "should be a table",
}

_NUMBERS: Final = ("int_type", "int_from_float", "float_type")


def did_you_mean(word: str, known: Collection[str]) -> str:
    """`; did you mean "x"?`, or nothing when no known word is near. Of many words it looks at those that begin
    or end like this one."""
    from difflib import get_close_matches  # for a mistake only: a running daemon has none

    near = [k for k in known if abs(len(k) - len(word)) <= 2]
    if len(near) > _CANDIDATES:
        near = [k for k in near if k[:2] == word[:2] or k[-2:] == word[-2:]][:_CANDIDATES]
    folded = {k.casefold(): k for k in near}
    match = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f'; did you mean "{folded[match[0]]}"?' if match else ""


def quoted(word: object) -> str:
    """A key or word as it may stand in a message: printable and short."""
    text = str(word)
    text = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return '"' + "".join(c if c.isprintable() else "?" for c in text) + '"'


def allowed(words: Collection[str]) -> str:
    return "allowed: " + ", ".join(words) if words else "nothing is allowed here"


def unknown_key(key: object, known: Collection[str]) -> str:
    return f"unknown key {quoted(key)}, {allowed(known)}{did_you_mean(str(key), known)}"


def problems_of(error: ValidationError, model: type[BaseModel], base: Path = ()) -> Iterator[Problem]:
    """One problem for each error, its path beginning with `base`. `model` names the keys that are allowed."""
    for detail in error.errors(include_url=False, include_context=True, include_input=True):
        path = base + tuple(detail["loc"])
        yield Problem(path, _message(detail, model))


def rest_of(error: ValidationError, model: type[M], raw: Mapping[str, Any]) -> M:
    """The entry without the keys that are wrong, so that checks across entries still see the others. Never to be
    stored: nothing of it is checked as a whole, and an id that is missing or wrong is empty."""
    wrong = {detail["loc"][0] for detail in error.errors() if detail["loc"]}
    return model.model_construct(**{"id": ""} | {key: value for key, value in raw.items() if key not in wrong})


def _message(detail: Mapping[str, Any], model: type[BaseModel]) -> str:
    kind, loc = detail["type"], detail["loc"]
    if kind == "extra_forbidden":
        return unknown_key(loc[-1], keys_of(model_at(model, loc[:-1])))
    name = f"{_dotted(loc)}: " if loc else ""
    if kind == "missing":
        return f'the key "{loc[-1]}" is missing'
    if kind == "literal_error":
        expected = detail["ctx"]["expected"].replace("'", "")
        words = expected.replace(" or ", ", ").split(", ")
        given = detail["input"]
        hint = did_you_mean(given, words) if isinstance(given, str) else ""
        shown = f"{quoted(given)} is not one of them, " if isinstance(given, str) else ""
        return f"{name}{shown}{allowed(words)}{hint}"
    if kind in ("value_error", "assertion_error"):
        return f"{name}{detail['ctx']['error']}"
    bounds = _bounds(model_at(model, loc[:-1]), loc[-1] if loc else "")
    if bounds and kind in ("greater_than_equal", "less_than_equal"):
        return f"{name}should be {bounds}"
    sentence = _SENTENCES.get(kind) or str(detail["msg"]).replace("Input should", "should")
    return name + sentence + (f", {bounds}" if bounds and kind in _NUMBERS else "")


def _bounds(model: type[BaseModel] | None, key: str | int) -> str | None:
    """What a number may be, when its field has a least and a greatest value."""
    field = model.model_fields.get(str(key)) if model else None
    limits = {
        name: getattr(m, name) for m in (field.metadata if field else ()) for name in ("ge", "le") if hasattr(m, name)
    }
    return f"{limits['ge']} to {limits['le']}" if len(limits) == 2 else None


def keys_of(model: type[BaseModel] | None) -> list[str]:
    """The keys a table of this model may have, as they are written."""
    return [f.alias or name for name, f in model.model_fields.items()] if model else []


def model_at(model: type[BaseModel], loc: Path) -> type[BaseModel] | None:
    """The model of the table that `loc` leads to, through fields and lists of models."""
    found: type[BaseModel] | None = model
    for step in loc:
        if isinstance(step, int) or found is None:
            continue
        fields = {f.alias or name: f for name, f in found.model_fields.items()}
        found = _model_in(fields[step].annotation) if step in fields else None
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model), None)


def _dotted(loc: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc).lstrip(".")
