"""Lines for the operator that are more than one answer carries."""

from __future__ import annotations

from collections.abc import Sequence

from cabinet.service.views import View

_BYTES_MAX = 32_000
"""Of a page; one character may take six bytes of an answer."""


class Lines:
    """Of the last change that was asked for them."""

    def __init__(self, lines: Sequence[str] = ()) -> None:
        self._lines = lines

    def page(self, after: int) -> View:
        """`lines` that follow the first `after`, as far as they fit; `next` is after what to go on, None at the end."""
        lines = self._fitting(after)
        end = after + len(lines)
        return {"lines": lines, "next": end if end < len(self._lines) else None}

    def _fitting(self, after: int) -> list[str]:
        """At least one."""
        page: list[str] = []
        size = 0
        for line in self._lines[after:]:
            size += len(line.encode()) + 8
            if page and size > _BYTES_MAX:
                break
            page.append(line)
        return page
