"""Leaves are RFC 8785 within the limits of the format, and nothing else is taken for one."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from cabinet.journal import b64
from cabinet.journal.errors import BatchTooLarge, LeafRefused
from cabinet.journal.leaf import MAX_INTEGER, MAX_LEAF, canonical, encode, encode_batch, glance, parse
from tests.journal.making import DEVICE, entry

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(
    lambda text: unicodedata.normalize("NFC", text)
)
scalars = texts | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.booleans() | st.none()
keys = st.text(st.characters(max_codepoint=127), max_size=8)
values: st.SearchStrategy[Any] = scalars
for _level in range(3):
    values = scalars | st.lists(values, max_size=3) | st.dictionaries(keys, values, max_size=3)
objects = st.dictionaries(keys, values, max_size=6)


@settings(max_examples=150, deadline=None)
@given(objects)
def test_the_same_bytes_as_the_oracle(value: dict[str, Any]) -> None:
    ours = canonical(value)
    assert ours == rfc8785.dumps(value)
    assert parse(ours) == glance(ours) == value


@settings(max_examples=150, deadline=None)
@given(objects, st.data())
def test_no_other_bytes_of_the_same_value(value: dict[str, Any], data: st.DataObject) -> None:
    loose = json.dumps(value, indent=data.draw(st.sampled_from([None, 1])), ensure_ascii=data.draw(st.booleans()))
    try:
        assert parse(loose.encode()) == value
    except LeafRefused:
        return
    assert loose.encode() == canonical(value)


@given(st.binary(max_size=200))
def test_noise_never_gives_a_traceback(noise: bytes) -> None:
    for read in (parse, glance):
        try:
            assert isinstance(read(noise), dict)
        except LeafRefused:
            continue


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b'{"a":1,"a":1}', "repeats a key"),
        (b'{"a":1.5}', "not an integer"),
        (b'{"a":1e3}', "not an integer"),
        (b'{"a":NaN}', "not an integer"),
        (b'{"a":-Infinity}', "not an integer"),
        (b'{"a":-0}', "canonical"),
        (b'{"a":9007199254740992}', "2^53"),
        (b'{"a":' + b"9" * 5000 + b"}", "JSON"),
        (b'{"a":"\\ud800"}', "surrogate"),
        ('{"a":"e\u0301"}'.encode(), "NFC"),
        ('{"\u00e9":1}'.encode(), "ASCII"),
        (b'{"b":1,"a":2}', "canonical"),
        (b'{"a": 1}', "canonical"),
        (b'{"a":1}\n', "canonical"),
        (b'{"a":"\xff"}', "JSON"),
        (b"[1]", "object"),
        (b"", "JSON"),
        (b"[" * MAX_LEAF, "JSON"),
        (b'{"a":' + b"[" * 9 + b"]" * 9 + b"}", "nested"),
        (b'{"a":"' + b"x" * MAX_LEAF + b'"}', "8192"),
    ],
)
def test_refused_bytes(data: bytes, what: str) -> None:
    with pytest.raises(LeafRefused, match=what.replace("^", r"\^")):
        parse(data)


@pytest.mark.parametrize("value", [1.5, float("nan"), b"x", (1,), {1}, {1: 2}, {"a": [object()]}, "\ud800", 2**53])
def test_refused_values(value: object) -> None:
    with pytest.raises(LeafRefused):
        canonical(value)


def test_a_leaf_holds_its_entry() -> None:
    made = entry(5)
    leaf = parse(encode(made, DEVICE, 123))
    assert leaf == {
        "v": 1,
        "dev": DEVICE,
        "n": 123,
        "boot": "1f0c9a2e",
        "mono_ms": 5,
        "ts": 1_767_225_600_005,
        "tq": "ntp",
        "ev": "item.removed",
        "slot": 6,
        "item": "K-0005",
        "auth": "card+pin",
        "subs": [dict(made.subs[0])],
        "salt": made.salt,
    }
    assert "subs" not in parse(encode(entry(person=None), DEVICE, 0)), "nobody concerned, no key"


def _with_sub(**changed: str) -> tuple[dict[str, str], ...]:
    return ({**entry().subs[0], **changed},)


@pytest.mark.parametrize(
    "changes",
    [
        {"ev": "removed"},
        {"ev": "Item.removed"},
        {"ev": "item.removed\n"},
        {"boot": "1F0C9A2E"},
        {"boot": "1f0c9a2"},
        {"tq": "gps"},
        {"ts": -1},
        {"ts": True},
        {"mono_ms": 2**53},
        {"salt": ""},
        {"salt": b64.encode(bytes(15))},
        {"salt": b64.encode(bytes(16))[:-3] + "B=="},
        {"fields": {"n": 5}},
        {"fields": {"salt": "x"}},
        {"fields": {"slot": "7"}},
        {"fields": {"slot": True}},
        {"fields": {"item": 7}},
        {"fields": {"weight": 1.5}},
        {"fields": {"note": "x" * MAX_LEAF}},
        {"subs": _with_sub(p="short")},
        {"subs": _with_sub(e=b64.encode(bytes(27)))},
        {"subs": _with_sub(r="Holder")},
        {"subs": _with_sub(name="Ada")},
        {"subs": ({"r": "holder"},)},
    ],
)
def test_refused_entries(changes: dict[str, Any]) -> None:
    assert encode(entry(), DEVICE, 0)
    with pytest.raises(LeafRefused):
        encode(replace(entry(), **changes), DEVICE, 0)


def test_somebody_without_a_key_keeps_role_and_pseudonym() -> None:
    erased = {key: value for key, value in entry().subs[0].items() if key != "e"}
    assert parse(encode(replace(entry(), subs=(erased,)), DEVICE, 0))["subs"] == [erased]


def test_a_batch_has_limits_and_says_what_fits() -> None:
    assert len(encode_batch([entry(n) for n in range(64)], DEVICE, 0)) == 64
    with pytest.raises(BatchTooLarge) as refused:
        encode_batch([entry(n) for n in range(70)], DEVICE, 0)
    assert refused.value.fits == 64
    with pytest.raises(BatchTooLarge) as refused:
        encode_batch([entry(n, note="x" * 7000) for n in range(10)], DEVICE, 0)
    assert refused.value.fits == 4
    with pytest.raises(LeafRefused):
        encode_batch([], DEVICE, 0)
