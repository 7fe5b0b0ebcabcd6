"""JSON with sorted keys and without white space: the canonical form, for values within the limits of a leaf."""

from __future__ import annotations

import json
from collections.abc import Callable
from json import encoder
from typing import Any, Final

_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)


def _made_once() -> Callable[[object], str]:
    """What `_ENCODER.encode` does; it makes what it does it with anew for each value, which is a third of the work."""
    make: Any = getattr(encoder, "c_make_encoder", None)
    if make is None:
        return _ENCODER.encode
    chunks = make(None, _ENCODER.default, encoder.encode_basestring, None, ":", ",", True, False, True)
    return lambda value: "".join(chunks(value, 0))


text_of: Final = _made_once()
