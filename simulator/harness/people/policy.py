"""The policy as text: roster files that say the same as the roster, but for a label on everybody and everything."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping


def labelled(files: Mapping[str, bytes], label: str) -> dict[str, str]:
    """Roles and tags decide nothing but who is a visitor. What is not among the columns stays as it is."""
    people = [[row["id"], row["name"], _and(row["roles"], label)] for row in _rows(files["people.csv"])]
    items = [[row["id"], _and(row["tags"], label)] for row in _rows(files["items.csv"])]
    return {
        "people.csv": _sheet(["id", "name", "roles"], people),
        "items.csv": _sheet(["id", "tags"], items),
        "rights.toml": files["rights.toml"].decode(),
    }


def _and(labels: str, label: str) -> str:
    return f"{labels};{label}" if labels else label


def _rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def _sheet(columns: list[str], rows: list[list[str]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows([columns, *rows])
    return file.getvalue()
