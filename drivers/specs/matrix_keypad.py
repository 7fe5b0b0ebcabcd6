"""Configuration of a matrix keypad."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from drivers.specs.gpio_lines import LineNumber, all_different
from hal.specs import DeviceSpec


class MatrixKeypadSpec(DeviceSpec):
    """4x3 or 4x4 keys; link: gpio. Rows become open-drain outputs, columns inputs with pull-up."""

    type: Literal["matrix-keypad"]
    rows: Annotated[tuple[LineNumber, ...], Field(strict=False, min_length=4, max_length=4)]
    """Lines of the rows, from the top (1 2 3) to the bottom (* 0 #)."""
    columns: Annotated[tuple[LineNumber, ...], Field(strict=False, min_length=3, max_length=4)]
    """Lines of the columns, from the left (1 4 7 *); a fourth column (A B C D) is read and ignored."""
    scan_ms: Annotated[int, Field(ge=2, le=50)] = 8
    """From one scan of all rows to the next, while a key is down."""
    scans: Annotated[int, Field(ge=2, le=10)] = 3
    """How many equal scans settle a key."""
    entry_s: Annotated[int, Field(ge=3, le=120)] = 15
    """Digits that are not ended with # are forgotten so long after the last one."""
    digits_max: Annotated[int, Field(ge=4, le=32)] = 12
    """Digits beyond these are ignored."""

    @model_validator(mode="after")
    def _lines_differ(self) -> MatrixKeypadSpec:
        all_different(self.rows + self.columns)
        return self

    def claimed_lines(self) -> dict[int, str]:
        return dict.fromkeys(self.rows, "rows") | dict.fromkeys(self.columns, "columns")
