"""Groups that have the members of other groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping

Includes = Mapping[str, Collection[str]]


def widened(includes: Includes) -> dict[str, frozenset[str]]:
    """For each group that others include, itself and all that have its members, however far up."""
    direct: dict[str, list[str]] = {}
    for outer, inner in includes.items():
        for name in inner:
            direct.setdefault(name, []).append(outer)
    return {name: frozenset(_reached(name, direct)) for name in direct}


def with_wider(groups: Collection[str], wider: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """`groups` and every group that includes one of them; `wider` as widened() tells."""
    return frozenset(groups).union(*(wider.get(group, ()) for group in groups))


def members_of(group: str, includes: Includes) -> set[str]:
    """The group and every group whose members it has."""
    return _reached(group, includes)


def cycle_through(group: str, includes: Includes) -> list[str]:
    """A shortest way from the group back to itself, both ends named; empty when there is none."""
    came_from: dict[str, str] = {}
    queue = [group]
    for name in queue:
        for inner in includes.get(name, ()):
            if inner == group:
                return _way_to(name, group, came_from)
            if inner not in came_from:
                came_from[inner] = name
                queue.append(inner)
    return []


def _way_to(last: str, group: str, came_from: Mapping[str, str]) -> list[str]:
    way = [group]
    while last != group:
        way.append(last)
        last = came_from[last]
    return [group, *reversed(way)]


def _reached(start: str, edges: Includes) -> set[str]:
    found = {start}
    queue = [start]
    for name in queue:
        for other in edges.get(name, ()):
            if other not in found:
                found.add(other)
                queue.append(other)
    return found
