"""One program on a simulated bus: each line is a JSON object with an `id`, and gets one answer with the same."""

from __future__ import annotations

import json
from typing import Any

from simulator.line_server import LINE_MAX


class JsonSession:
    """Subclasses say in `perform` what a request does. What cannot be is a ValueError that says why."""

    async def answer(self, line: str) -> str:
        number: object = None
        try:
            request = _object(line)
            number = request.get("id")
            if type(number) is not int:
                number = None
                raise ValueError('"id" must be a whole number')
            answer = {"id": number} | await self.perform(request)
        except ValueError as refused:
            answer = {"id": number, "error": str(refused)}
        return json.dumps(answer)

    def too_long(self) -> str:
        return json.dumps({"id": None, "error": f"a line has at most {LINE_MAX} bytes"})

    def close(self) -> None:
        """The program has gone."""

    async def perform(self, request: dict[str, Any]) -> dict[str, object]:
        """The answer without its id. Raises ValueError."""
        raise NotImplementedError


def only(request: dict[str, Any], *known: str) -> None:
    """Raises ValueError for a key that is not among `known`, id and op."""
    if unknown := sorted(request.keys() - {"id", "op", *known}):
        raise ValueError(f'"{unknown[0][:40]}" is not known here; there are {", ".join(known)}')


def _object(line: str) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(request, dict):
        raise ValueError("not a JSON object")
    return request
