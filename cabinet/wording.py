"""The words for what is wrong in a file; they live beside the device table, which needs them too."""

from hal.wording import (
    Path,
    allowed,
    did_you_mean,
    keys_of,
    model_at,
    problems_of,
    quoted,
    rest_of,
    unknown_key,
)

__all__ = [
    "Path",
    "allowed",
    "did_you_mean",
    "keys_of",
    "model_at",
    "problems_of",
    "quoted",
    "rest_of",
    "unknown_key",
]
