"""The journal's key is rotated once per request, and who signed before is remembered."""

from __future__ import annotations

from cabinet.core.effects import Answer
from cabinet.core.events import JournalFailed
from cabinet.core.ledger import FormerSigner, Ledger
from cabinet.core.ledger_rows import changed_rows, former_signers
from cabinet.core.requests import RotationAsked
from tests.core.cabinet import Cabinet, rights

FIRST, SECOND, THIRD = (f"cabinet.demo/lobby-01+0000000{n}+AQ==" for n in (1, 2, 3))


def rotate(cabinet: Cabinet, old: str, new: str) -> Answer:
    [answer] = cabinet.send(RotationAsked(1, old, new, "once a year", "tess"))
    assert isinstance(answer, Answer)
    return answer


def test_each_rotation_is_a_leaf_and_survives_a_cut() -> None:
    cabinet = Cabinet(rights())
    answer = rotate(cabinet, FIRST, SECOND)
    n = answer.n
    _, leaf = cabinet.journal[-1]
    assert n is not None
    assert (answer.refusal, n, leaf.ev) == (None, len(cabinet.journal) - 1, "signer.rotated")
    assert leaf.fields == {"old": FIRST, "vkey": SECOND, "reason": "once a year", "operator": "tess"}
    cabinet.boot()
    later = rotate(cabinet, SECOND, THIRD)
    assert later.n is not None
    assert cabinet.state.ledger.signers == {
        "00000001": FormerSigner(FIRST, n),
        "00000002": FormerSigner(SECOND, later.n),
    }
    assert cabinet.refolded() == cabinet.state.ledger
    rows = {key: row for key, row in changed_rows(Ledger(), cabinet.state.ledger).items() if row is not None}
    assert former_signers(rows) == [FIRST, SECOND]


def test_a_second_request_for_the_same_key_is_refused() -> None:
    cabinet = Cabinet(rights())
    rotate(cabinet, FIRST, SECOND)
    assert rotate(cabinet, FIRST, SECOND).refusal == (
        "the key was rotated meanwhile; look at `cabinetctl journal list`"
    )
    assert [leaf.ev for _, leaf in cabinet.journal].count("signer.rotated") == 1


def test_nothing_is_rotated_while_nothing_can_be_recorded() -> None:
    cabinet = Cabinet(rights())
    cabinet.send(JournalFailed())
    assert "the journal cannot be written" in str(
        [one.refusal for one in cabinet.send(RotationAsked(1, FIRST, SECOND, "why", "tess")) if isinstance(one, Answer)]
    )
