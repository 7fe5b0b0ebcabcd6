"""Decisions with a large roster, as a multiple of those with a small one."""

from __future__ import annotations

from random import Random
from time import perf_counter

from bench.figure import Figure, p99
from cabinet.policy.decide import decide, reach
from cabinet.policy.rights import Item, Person, Right, Rights

PEOPLE, ITEMS, RIGHTS, GROUPS, ITEM_GROUPS = 10_000, 2_000, 50_000, 200, 400
ROUNDS = 2_000
OFFERS = 400


def run() -> list[Figure]:
    small, large = _roster(Random(1), 8, 8, 8), _roster(Random(1), PEOPLE, ITEMS, RIGHTS)
    times: dict[str, list[float]] = {"small": [], "large": []}
    for _ in range(ROUNDS):
        for name, roster in (("small", small), ("large", large)):
            times[name].append(_decision_s(roster, Random(len(times[name]))))
    offers = [_offer_s(large, Random(number)) for number in range(OFFERS)]
    ratio = p99(times["large"]) / p99(times["small"])
    size = f"{PEOPLE:,} people, {ITEMS:,} items, {RIGHTS:,} rights"
    return [
        Figure("decision, large roster, p99", ratio, 5.0, "x", f"of one with 8 of each; {size}"),
        Figure("all that a person may take, p99", p99(offers) * 1000, 5.0, "ms", f"{size}; some 280 items each"),
    ]


def _decision_s(roster: Rights, random: Random) -> float:
    person, item = random.choice([*roster.people.values()][:64]), random.choice([*roster.items.values()][:64])
    began = perf_counter()
    decide(roster, person, item, frozenset({"card"}), 0, wall_time_trusted=True)
    return perf_counter() - began


def _offer_s(roster: Rights, random: Random) -> float:
    person = random.choice([*roster.people.values()])
    began = perf_counter()
    for item, over in reach(roster, person):
        decide(roster, person, item, frozenset({"card"}), 0, wall_time_trusted=True, over=over)
    return perf_counter() - began


def _roster(random: Random, people: int, items: int, rights: int) -> Rights:
    """Most rights are one person's to one item; one in 25 is a group's to a group of items."""
    groups, kinds = [f"g{n}" for n in range(GROUPS)], [f"i{n}" for n in range(ITEM_GROUPS)]
    everybody = {f"p{n}": Person(f"p{n}", groups=frozenset(random.sample(groups, 3))) for n in range(people)}
    everything = {f"k{n}": Item(f"k{n}", slot=n + 1, groups=frozenset(random.sample(kinds, 2))) for n in range(items)}
    by_person: dict[str, list[Right]] = {}
    by_group: dict[str, list[Right]] = {}
    for n in range(rights):
        if n % 25:
            who = f"p{random.randrange(people)}"
            right = Right(f"r{n}", frozenset({who}), items=frozenset({f"k{random.randrange(items)}"}))
            by_person.setdefault(who, []).append(right)
        else:
            group = random.choice(groups)
            right = Right(f"r{n}", groups=frozenset({group}), item_groups=frozenset({random.choice(kinds)}))
            by_group.setdefault(group, []).append(right)
    return Rights(
        people=everybody,
        items=everything,
        by_person={who: tuple(found) for who, found in by_person.items()},
        by_group={group: tuple(found) for group, found in by_group.items()},
    )
