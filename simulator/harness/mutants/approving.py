"""Planted bugs in who approves what others take."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed, Days

APPROVING: Final = (
    Mutant(
        "one-approves-for-two",
        "a person who approves twice counts twice",
        [
            Edit(
                "cabinet.policy.quorum:missing",
                "{person.department if quorum.departments else person.pseudonym for person in counted}",
                "counted",
            ),
            Edit(
                "cabinet.core.approve:by",
                "dict.fromkeys((*running.approvers, person.pseudonym))",
                "(*running.approvers, person.pseudonym)",
            ),
        ],
        [Crashed("one-approves-twice")],
    ),
    Mutant(
        "departments-forgotten",
        "two people of one department will do where their departments have to differ",
        [Edit("cabinet.policy.quorum:missing", "person.department if quorum.departments else ", "")],
        [Crashed("one-approves-twice")],
    ),
    Mutant(
        "anybody-approves",
        "whoever stands by may approve",
        [
            Edit(
                "cabinet.policy.quorum:may_approve",
                '"*" in quorum.groups or not quorum.groups.isdisjoint(person.groups)',
                "True",
            )
        ],
        [Days(1, 96), Days(2, 96), Days(3, 96)],
    ),
    Mutant(
        "card-alone-approves",
        "an approver's card is enough where a taker needs the PIN too",
        [Edit("cabinet.core.approve:by", "alternative <= factors", "alternative & factors")],
        [Crashed("two-approve")],
    ),
    Mutant(
        "wrong-pin-approves",
        "an approver's PIN is asked, and not looked at",
        [
            Edit(
                "cabinet.core.identify:on_pin_checked",
                "    elif not event.correct:\n        _wrong(",
                "    elif not event.correct and running.second is None:\n        _wrong(",
            )
        ],
        [Crashed("may-not-approve")],
    ),
    Mutant(
        "approved-for-good",
        "who has approved once has approved for the next visit too",
        [
            Edit(
                "cabinet.core.identify:_begin",
                "idle_mono_s, language, waited))",
                "idle_mono_s, language, waited, approvers=tuple(turn.rights.people)))",
            )
        ],
        [Crashed("two-approve")],
    ),
    Mutant(
        "silence-is-yes",
        "a verifier that gives no answer has confirmed",
        [
            Edit(
                "cabinet.core.identify:on_verified",
                '    elif event.answer == "yes":\n        turn.stay',
                '    elif event.answer != "no":\n        turn.stay',
            )
        ],
        [Crashed("camera-dark")],
    ),
    Mutant(
        "any-face-will-do",
        "a verifier is asked, and what it says is not looked at",
        [
            Edit(
                "cabinet.core.identify:on_verified",
                '    elif event.answer == "yes":\n        turn.stay',
                "    elif event.answer:\n        turn.stay",
            )
        ],
        [Crashed("somebody-elses-face")],
    ),
    Mutant(
        "unrecognised-not-counted",
        "a no of the verifier costs nothing",
        [Edit("cabinet.core.identify:on_verified", 'if event.answer == "no":', "if False:")],
        [Crashed("somebody-elses-face")],
    ),
    Mutant(
        "unrecognised-forgotten",
        "a new start forgets whom the verifier has not recognised",
        [
            Edit(
                "cabinet.core.fold_people:failed",
                '        (verifier_key(leaf, "holder"), "verifier_failed", "verifier_until"),\n',
                "",
            )
        ],
        [Crashed("somebody-elses-face")],
    ),
    Mutant(
        "released-does-not-count",
        "what was released and not taken yet does not count as had",
        [Edit("cabinet.core.ledger:held", "return out + released", "return out")],
        [Crashed("one-van-at-a-time")],
    ),
    Mutant(
        "out-does-not-count",
        "what somebody has does not count once it is out",
        [Edit("cabinet.core.ledger:held", "return out + released", "return released")],
        [Crashed("one-van-at-a-time")],
    ),
    Mutant(
        "overdue-and-more",
        "who has something overdue is given more",
        [Edit("cabinet.policy.allowance:refusal", "one.overdue and one.holder", "False and one.holder")],
        [Crashed("overdue-first")],
    ),
    Mutant(
        "handed-to-anybody",
        "whoever stands there takes over what the visitor has",
        [
            Edit(
                "cabinet.core.handover:to",
                "    match decision:\n",
                "    if isinstance(decision, Denial):\n"
                "        decision = Grant(next(iter(turn.rights.by_person.values()))[0])\n"
                "    match decision:\n",
            )
        ],
        [Crashed("handed-over")],
    ),
    Mutant(
        "handed-to-oneself",
        "a second person may be the first one, by their number",
        [Edit("cabinet.core.second:_identified", "person.pseudonym == first.pseudonym", "False")],
        [Crashed("handed-over")],
    ),
    Mutant(
        "handed-over-by-anybody",
        "anybody hands over what is out",
        [Edit("cabinet.core.visit:holds", "out is not None and out.holder == person", "out is not None")],
        [Crashed("handed-over")],
    ),
    Mutant(
        "still-with-the-giver",
        "after a handover the giver is still said to have it",
        [Edit("cabinet.core.fold_custody:handed_over", 'person_of(leaf, "receiver")', 'person_of(leaf, "holder")')],
        [Crashed("handed-over")],
    ),
)
