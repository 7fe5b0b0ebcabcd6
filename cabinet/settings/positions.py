"""Where a value stands in a TOML text. tomllib does not tell, tree-sitter does; imported only to report problems."""

from __future__ import annotations

from functools import cache

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

Path = tuple[str | int, ...]


class Positions:
    """Line and column (from 1, in characters) of every key, table and array element of one text."""

    def __init__(self, text: str) -> None:
        self._lines = text.encode("utf-8", "replace").split(b"\n")
        self._points: dict[Path, tuple[int, int]] = {}
        self._arrays: dict[Path, int] = {}
        root = _parser().parse(b"\n".join(self._lines)).root_node
        for child in root.named_children:
            self._top_level(child)

    def of(self, path: Path) -> tuple[int, int]:
        """The place of `path`, or of the nearest table around it if nothing stands there (a missing key)."""
        for length in range(len(path), 0, -1):
            point = self._points.get(path[:length])
            if point is not None:
                return self._line_and_column(point)
        return 1, 1

    def _top_level(self, node: Node) -> None:
        if node.type == "pair":
            self._pair(node, ())
        elif node.type in ("table", "table_array_element"):
            self._table(node)

    def _table(self, node: Node) -> None:
        key, *rest = node.named_children
        path = self._resolved(_keys(key))
        if node.type == "table_array_element":
            index = self._arrays.get(path, -1) + 1
            self._arrays[path] = index
            self._points.setdefault(path, node.start_point)
            path = (*path, index)
        self._points[path] = node.start_point
        for child in rest:
            if child.type == "pair":
                self._pair(child, path)

    def _resolved(self, keys: list[str]) -> Path:
        """`[device.sub]` after `[[device]]` means the newest device."""
        path: Path = ()
        for position, key in enumerate(keys):
            path = (*path, key)
            if position < len(keys) - 1 and path in self._arrays:
                path = (*path, self._arrays[path])
        return path

    def _pair(self, node: Node, table: Path) -> None:
        key, *values = node.named_children
        path: Path = table
        for part in _keys(key):
            path = (*path, part)
            self._points.setdefault(path, node.start_point)
        if values:
            self._value(values[0], path)

    def _value(self, node: Node, path: Path) -> None:
        if node.type == "inline_table":
            for child in node.named_children:
                if child.type == "pair":
                    self._pair(child, path)
        elif node.type == "array":
            elements = [child for child in node.named_children if child.type != "comment"]
            for index, child in enumerate(elements):
                self._points[(*path, index)] = child.start_point
                self._value(child, (*path, index))

    def _line_and_column(self, point: tuple[int, int]) -> tuple[int, int]:
        row, column = point
        return row + 1, len(self._lines[row][:column].decode("utf-8", "replace")) + 1


def _keys(node: Node) -> list[str]:
    if node.type == "dotted_key":
        return [key for child in node.named_children for key in _keys(child)]
    text = (node.text or b"").decode("utf-8", "replace")
    return [text[1:-1] if node.type == "quoted_key" else text]


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_toml.language()))
