"""A leaf: one event as canonical JSON (RFC 8785) of at most 8 kB.

    {"auth":"card","boot":"1f0c9a2e","dev":"lobby-01","ev":"item.removed","mono_ms":81234,"n":123,"salt":"...",
     "slot":7,"subs":[{"e":"...","p":"...","r":"holder"}],"tq":"ntp","ts":1767225600123,"v":1}

Keys are ASCII, numbers are integers below 2^53 in size, strings are NFC. Within these limits sorting the keys
by code point is the order of RFC 8785, section 3.2.3.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeAlias, cast

from cabinet.journal import b64
from cabinet.journal.errors import BatchTooLarge, LeafRefused
from cabinet.journal.json_text import text_of

Value: TypeAlias = "str | int | bool | list[Value] | dict[str, Value] | None"

MAX_LEAF: Final = 8192
MAX_BATCH_LEAVES: Final = 64
MAX_BATCH_BYTES: Final = 32_768
MAX_DEPTH: Final = 8
MAX_INTEGER: Final = 2**53 - 1
_INDEX_DIGITS: Final = len(str(MAX_INTEGER))

ENVELOPE: Final = frozenset({"v", "dev", "n", "boot", "mono_ms", "ts", "tq", "ev", "subs", "salt"})
CLOCK_QUALITIES: Final = frozenset({"ntp", "rtc", "none"})
_SUB_KEYS: Final = ({"r", "p", "e"}, {"r", "p"})
_SEALED_BYTES_MIN: Final = 12 + 16

_KIND = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")
_ROLE = re.compile(r"[a-z][a-z_]*")
_BOOT = re.compile(r"[0-9a-f]{8}")
_B64_OF_16 = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf that has no index yet.

    `ts` is wall time in ms since 1970 and `tq` its quality (ntp, rtc, none), `mono_ms` the time since boot,
    `boot` eight hex digits, `salt` 16 random bytes in base64. `fields` are the keys of this kind of event,
    never those of the envelope; `slot` is an integer and `item` a string. Each of `subs` has exactly the keys
    r (role), p (pseudonym, 16 bytes in base64) and e (sealed data in base64; not for somebody without a key).
    """

    ev: str
    ts: int
    tq: str
    mono_ms: int
    boot: str
    salt: str
    fields: Mapping[str, Value] = field(default_factory=dict)
    subs: tuple[Mapping[str, str], ...] = ()
    written: Written | None = field(default=None, repr=False, compare=False)
    """Set by `write`; nothing of the entry is changed afterwards."""


@dataclass(frozen=True, slots=True)
class Written:
    """The bytes of a leaf of this device around its index."""

    device: str
    head: bytes
    tail: bytes

    def at(self, n: int) -> bytes:
        return b"%b%d%b" % (self.head, n, self.tail)


def write(entry: Entry, device: str) -> Entry:
    """Gives the entry all its bytes but the index, so that they are written once: before its place in the journal is
    known. Raises LeafRefused for what no journal takes."""
    # In place: nothing of what the entry says changes, and a copy of it costs a sixth of the bytes.
    object.__setattr__(entry, "written", _around_index(entry, device))
    return entry


def encode(entry: Entry, device: str, n: int) -> bytes:
    """The leaf of this entry at index `n`. Raises LeafRefused."""
    written = entry.written
    if written is None or written.device != device:
        written = _around_index(entry, device)
    return written.at(n)


def _around_index(entry: Entry, device: str) -> Written:
    _check_envelope(entry)
    _check_fields(entry.fields)
    before: dict[str, Value] = {"boot": entry.boot, "dev": device, "ev": entry.ev, "mono_ms": entry.mono_ms}
    behind: dict[str, Value] = {"salt": entry.salt, "tq": entry.tq, "ts": entry.ts, "v": 1}
    for key, value in entry.fields.items():
        (before if key < "n" else behind)[key] = value
    if entry.subs:
        behind["subs"] = [_checked_sub(sub) for sub in entry.subs]
    head, tail = _text(before), _text(behind)
    written = Written(device, head[:-1] + b',"n":', b"," + tail[1:])
    length = len(written.head) + len(written.tail) + _INDEX_DIGITS
    if length > MAX_LEAF:
        raise LeafRefused(f"{entry.ev}: leaf of {length} bytes, at most {MAX_LEAF} are allowed")
    return written


def encode_batch(entries: Sequence[Entry], device: str, first: int) -> tuple[bytes, ...]:
    """The leaves of one transaction, from index `first` on. Raises LeafRefused, BatchTooLarge."""
    if not entries:
        raise LeafRefused("a transaction holds at least one leaf")
    leaves: list[bytes] = []
    total = 0
    for n, entry in enumerate(entries, first):
        leaf = encode(entry, device, n)
        total += len(leaf)
        if len(leaves) == MAX_BATCH_LEAVES or total > MAX_BATCH_BYTES:
            limits = f"{MAX_BATCH_LEAVES} leaves and {MAX_BATCH_BYTES} bytes"
            raise BatchTooLarge(f"{len(entries)} entries; a transaction holds {limits}", fits=len(leaves))
        leaves.append(leaf)
    return tuple(leaves)


def parse(data: bytes) -> dict[str, Value]:
    """The fields of a leaf, exactly if `data` is a JSON object in canonical form within the limits.

    Raises LeafRefused for anything else: duplicate keys, floats, NaN, integers of 2^53 and more, lone
    surrogates, strings that are not NFC, other white space or order, more than 8 kB.
    """
    if len(data) > MAX_LEAF:
        raise LeafRefused(f"leaf of {len(data)} bytes, at most {MAX_LEAF} are allowed")
    try:
        value = _DECODER.decode(data.decode())
    except LeafRefused:
        raise
    except (ValueError, RecursionError) as error:
        raise LeafRefused(f"leaf is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise LeafRefused("leaf is not a JSON object")
    if canonical(value) != data:
        raise LeafRefused("leaf is not in canonical form (RFC 8785) or repeats a key")
    return cast("dict[str, Value]", value)


def glance(data: bytes) -> dict[str, Any]:
    """The fields of a leaf whose hash has been checked: at half the cost of `parse`, form and types unchecked.

    Raises LeafRefused where it is no JSON object.
    """
    text = data.decode(errors="replace")
    try:
        value, end = _DECODER.scan_once(text, 0)
    except (ValueError, RecursionError, StopIteration) as error:
        raise LeafRefused(f"leaf is not JSON: {error}") from None
    if not isinstance(value, dict) or end != len(text):
        raise LeafRefused("leaf is not a JSON object")
    return value


def canonical(value: object) -> bytes:
    """RFC 8785 of text, integers, booleans, null, lists and dicts. Raises LeafRefused for anything else."""
    _check(value, MAX_DEPTH)
    return _text(value)


def _text(value: object) -> bytes:
    try:
        return text_of(value).encode()
    except UnicodeEncodeError:
        raise LeafRefused("a string holds a lone surrogate") from None


def _check(value: object, depth: int) -> None:
    if isinstance(value, str):
        if not value.isascii() and not unicodedata.is_normalized("NFC", value):
            raise LeafRefused(f"string {value!a} is not in Unicode form NFC")
    elif isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise LeafRefused("integers are below 2^53 in size; write larger ones as strings")
    elif isinstance(value, dict):
        _check_depth(depth)
        for key, inner in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise LeafRefused(f"key {key!a} is not an ASCII string")
            _check(inner, depth - 1)
    elif isinstance(value, list):
        _check_depth(depth)
        for inner in value:
            _check(inner, depth - 1)
    elif value is not None:
        raise LeafRefused(f"{type(value).__name__} is no value of a leaf; allowed: text, integer, list, dict, null")


def _check_depth(depth: int) -> None:
    if depth == 0:
        raise LeafRefused(f"lists and dicts are nested deeper than {MAX_DEPTH}")


def _check_envelope(entry: Entry) -> None:
    if not _is_kind(entry.ev):
        raise LeafRefused(f"kind {entry.ev!a} is not of the form noun.participle")
    if not _is_boot(entry.boot):
        raise LeafRefused(f"{entry.ev}: boot is eight lower-case hex digits")
    if entry.tq not in CLOCK_QUALITIES:
        raise LeafRefused(f"{entry.ev}: tq is one of ntp, rtc, none")
    if not (_is_time(entry.ts) and _is_time(entry.mono_ms)):
        name = "mono_ms" if _is_time(entry.ts) else "ts"
        raise LeafRefused(f"{entry.ev}: {name} is a number of milliseconds from 0")
    if not _B64_OF_16.fullmatch(entry.salt):
        raise LeafRefused(f"{entry.ev}: salt is 16 bytes in base64")


@lru_cache(maxsize=256)
def _is_kind(text: str) -> bool:
    return _KIND.fullmatch(text) is not None


@lru_cache(maxsize=4)
def _is_boot(text: str) -> bool:
    return _BOOT.fullmatch(text) is not None


@lru_cache(maxsize=64)
def _is_role(text: str) -> bool:
    return _ROLE.fullmatch(text) is not None


def _is_time(ms: int) -> bool:
    return type(ms) is int and 0 <= ms <= MAX_INTEGER


def _check_fields(fields: Mapping[str, Value]) -> None:
    for key, value in fields.items():
        if not (_is_plain(value) and type(key) is str and key.isascii()):
            _check({key: value}, MAX_DEPTH)
    if not ENVELOPE.isdisjoint(fields):
        raise LeafRefused(f"fields {', '.join(sorted(ENVELOPE.intersection(fields)))} belong to the envelope")
    if type(fields.get("slot", 0)) is not int:
        raise LeafRefused("slot is an integer; leave it out where there is none")
    if not isinstance(fields.get("item", ""), str):
        raise LeafRefused("item is a string; leave it out where there is none")


def _is_plain(value: Value) -> bool:
    """Most are: the walk is for the rest."""
    if type(value) is int:
        return -MAX_INTEGER <= value <= MAX_INTEGER
    return type(value) is str and value.isascii()


def _checked_sub(sub: Mapping[str, str]) -> dict[str, Value]:
    if sub.keys() not in _SUB_KEYS or not _is_role(sub["r"]):
        raise LeafRefused("a person in subs has r (role), p (pseudonym), perhaps e (sealed data)")
    if not _B64_OF_16.fullmatch(sub["p"]):
        raise LeafRefused("pseudonym p is 16 bytes in base64")
    if "e" in sub and not _is_sealed(sub["e"]):
        raise LeafRefused("sealed data e is a nonce of 12 bytes, the ciphertext and a tag of 16, in base64")
    return dict(sub)


def _is_sealed(text: str) -> bool:
    try:
        return len(b64.decode(text)) >= _SEALED_BYTES_MIN
    except ValueError:
        return False


def _refuse_number(text: str) -> NoReturn:
    raise LeafRefused(f"number {text[:32]} is not an integer")


_DECODER: Final[Any] = json.JSONDecoder(parse_float=_refuse_number, parse_constant=_refuse_number)
