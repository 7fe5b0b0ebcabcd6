"""How many others have approved, and who may: distinct people, of distinct departments where that is asked."""

from __future__ import annotations

from collections.abc import Iterable

from cabinet.policy.rights import Person, Quorum


def may_approve(quorum: Quorum, taker: Person, person: Person) -> bool:
    """Whether this person's word counts for what `taker` wants. Nobody approves their own."""
    if person.pseudonym == taker.pseudonym:
        return False
    if quorum.departments and person.department in ("", taker.department):
        return False
    return "*" in quorum.groups or not quorum.groups.isdisjoint(person.groups)


def missing(quorum: Quorum, taker: Person, approvers: Iterable[Person]) -> int:
    """How many more have to approve; of those who did not all may count."""
    counted = [person for person in approvers if may_approve(quorum, taker, person)]
    distinct = {person.department if quorum.departments else person.pseudonym for person in counted}
    return max(0, quorum.count - len(distinct))
