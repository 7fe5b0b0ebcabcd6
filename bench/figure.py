"""One measured figure beside its goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` should not exceed `goal`; `unit` x is a ratio. `remark` says how it came about."""

    name: str
    value: float
    goal: float
    unit: str
    remark: str = ""

    @property
    def met(self) -> bool:
        return self.value <= self.goal


def p99(times: Sequence[float]) -> float:
    """The shortest time that at most one in a hundred exceeds (nearest rank); of less than a hundred, the longest."""
    return sorted(times)[-(len(times) // 100) - 1]


def table(figures: Sequence[Figure]) -> str:
    """One line a figure."""
    lines = [f"{'figure':<42}{'measured':>11}{'goal':>10}  met   how"]
    lines += [
        f"{figure.name:<42}{_number(figure.value, figure.unit):>11}{_number(figure.goal, figure.unit):>10}"
        f"  {'yes' if figure.met else 'NO ':<4}  {figure.remark}".rstrip()
        for figure in figures
    ]
    return "\n".join(lines)


def _number(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}"
