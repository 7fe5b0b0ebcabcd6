"""Questions at the cabinet: before something is released, and after something has come back.

Before a release the answers wait in the visit and are journaled with the grant, in one commit: a cut leaves either
both or nothing. What came back is back: the leaf of the return names its questions, and each of them is settled by one
leaf, answered or unanswered, whatever happens in between."""

from __future__ import annotations

from collections.abc import Mapping

from cabinet.core.leaves import Field, Subject
from cabinet.core.ledger import Question
from cabinet.core.messages import text
from cabinet.core.state import Answers, Asking, State, Visit
from cabinet.core.turn import Turn
from cabinet.policy.prompts import Answer, answer, asked, expected
from cabinet.policy.rights import Item, Prompt, PromptAt, Pseudonym

_ALARMS: Mapping[str, str] = {"count": "item.count_differs", "seal": "item.seal_differs"}


def ask_before(turn: Turn, running: Visit, item: Item) -> bool:
    """Asks what is still open before the item may be released. False: nothing is."""
    answers = running.answers if running.answers and running.answers.item == item.id else Answers(item.id)
    done = dict(answers.given)
    prompt = next((one for one in asked(turn.rights, item, "take") if one.id not in done), None)
    if prompt is None:
        return False
    turn.stay(stage="prompt", chosen=item.id, second=None, asking=Asking(prompt.id), answers=answers)
    _show(turn, prompt)
    return True


def take_answer(turn: Turn, running: Visit, item: Item, digits: str | None) -> bool:
    """`digits` None: the visitor skips it. True: what is asked next, or the release, is up to a new decision."""
    assert running.asking is not None, "nothing is asked"
    prompt = _find(turn, running.asking.prompt, item, "take")
    if prompt is None:
        return True  # the roster has changed meanwhile
    given = answer(prompt, digits) if digits is not None else None
    if given is None and (digits is not None or prompt.required):
        turn.stay()
        _show(turn, prompt, "no_answer")
        return False
    before = running.answers.given if running.answers else ()
    turn.stay(answers=Answers(item.id, (*before, (prompt.id, given))))
    return True


def lacks_answer(turn: Turn, running: Visit) -> str | None:
    """The required prompt without whose answer nothing is released to this visit now."""
    item = turn.rights.items.get(running.chosen) if running.chosen else None
    if running.stage != "prompt" or running.asking is None or running.asking.returned is not None or item is None:
        return None
    prompt = _find(turn, running.asking.prompt, item, "take")
    return prompt.id if prompt is not None and prompt.required else None


def journal_answers(turn: Turn, visitor: Pseudonym, item: Item, answers: Answers | None, grant: int) -> None:
    """In the commit of the grant."""
    for prompt, given in answers.given if answers and answers.item == item.id else ():
        subs = [Subject("holder", visitor)]
        if given is None:
            turn.journal(
                "prompt.unanswered", subs, slot=item.slot, item=item.id, prompt=prompt, grant=grant, cause="skipped"
            )
        else:
            turn.journal(
                "prompt.answered", subs, slot=item.slot, item=item.id, prompt=prompt, grant=grant, answer=given
            )


def of_return(turn: Turn, item: str | None) -> list[str] | None:
    """What is asked about an item that has come back; None: nothing."""
    known = turn.rights.items.get(item or "")
    return [prompt.id for prompt in asked(turn.rights, known, "return")] or None if known else None


def ask_next(turn: Turn) -> bool:
    """Asks the visitor about what they brought back, once they have nothing else to do here."""
    running = turn.state.visit
    if running is None or not _free(turn.state, running):
        return False
    for n in running.returns:
        question = turn.ledger.questions.get(n)
        prompt = _of(turn, question) if question else None
        if prompt is not None:
            turn.stay(stage="prompt", chosen=None, second=None, asking=Asking(prompt.id, n))
            _show(turn, prompt)
            return True
        running = turn.stay(returns=tuple(one for one in running.returns if one != n))
    return False


def ask_again(turn: Turn, running: Visit) -> None:
    """What was typed is taken back."""
    assert running.asking is not None, "nothing is asked"
    prompt = next((one for one in turn.rights.prompts if one.id == running.asking.prompt), None)
    if prompt is not None:
        _show(turn, prompt)


def return_answer(turn: Turn, running: Visit, digits: str | None) -> None:
    """`digits` None: the visitor skips it. The visit is free for what comes next when it is not asked again."""
    assert running.asking is not None, "nothing is asked"
    n = running.asking.returned
    assert n is not None, "it is about a return"
    question = turn.ledger.questions.get(n)
    prompt = _of(turn, question) if question else None
    if question is None or prompt is None or prompt.id != running.asking.prompt:
        turn.stay(stage="choose", asking=None)
        return
    given = answer(prompt, digits) if digits is not None else None
    if given is None and (digits is not None or prompt.required):
        turn.stay()
        _show(turn, prompt, "no_answer")
        return
    subs = [Subject("returner", running.person)] if running.person else []
    at: dict[str, Field] = {"slot": question.slot, "item": question.item, "prompt": prompt.id, "returned": n}
    if given is None:
        turn.journal("prompt.unanswered", subs, cause="skipped", **at)
    else:
        turn.journal("prompt.answered", subs, answer=given, **at)
    turn.stay(stage="choose", asking=None)
    if given is None or not _differs(turn, question, prompt, given):
        turn.say("answered", "accepted")


def on_time(turn: Turn) -> None:
    """Questions that nobody is there for are closed; one that waited for something else is asked."""
    for n in _left(turn.state):
        question = turn.ledger.questions[n]
        subs = [Subject("returner", question.person)] if question.person else []
        for prompt in question.prompts:
            if turn.full:
                return
            turn.journal(
                "prompt.unanswered",
                subs,
                slot=question.slot,
                item=question.item,
                prompt=prompt,
                returned=n,
                cause="left" if question.person else "unattended",
            )
    ask_next(turn)


def next_due(state: State) -> float | None:
    """At once, or not at all."""
    running = state.visit
    waits = running is not None and bool(running.returns) and _free(state, running)
    return 0.0 if waits or _left(state) else None


def _free(state: State, running: Visit) -> bool:
    return running.stage == "choose" and not state.grant_ends


def _left(state: State) -> list[int]:
    asked_now = state.visit.returns if state.visit else ()
    return [n for n in state.ledger.questions if n not in asked_now]


def _find(turn: Turn, prompt: str, item: Item, at: PromptAt) -> Prompt | None:
    return next((one for one in asked(turn.rights, item, at) if one.id == prompt), None)


def _of(turn: Turn, question: Question) -> Prompt | None:
    """The first of its prompts, if the roster still has it."""
    item = turn.rights.items.get(question.item)
    return _find(turn, question.prompts[0], item, "return") if item else None


def _differs(turn: Turn, question: Question, prompt: Prompt, given: Answer) -> bool:
    """Says and journals that keys or the seal are not what the roster has."""
    item = turn.rights.items.get(question.item)
    wanted = expected(prompt, item) if item else None
    if wanted is None:
        return False
    code = _ALARMS[prompt.kind]
    if given == wanted:
        turn.clear_alarm(code, slot=question.slot)
        return False
    turn.journal("item.counted", slot=question.slot, item=question.item, expected=wanted, counted=given)
    turn.raise_alarm(code, slot=question.slot, item=question.item)
    turn.say("differs", "refused", item=question.item)
    return True


def _show(turn: Turn, prompt: Prompt, before: str | None = None) -> None:
    language = turn.language
    choices = ", ".join(f"{number} {one[language]}" for number, one in enumerate(prompt.choices, 1))
    lines = [
        text(before, language) if before else "",
        text(f"ask_{prompt.kind}", language, ask=prompt.ask[language], least=prompt.least, most=prompt.most)
        if prompt.kind != "choice"
        else text("ask_choice", language, ask=prompt.ask[language], choices=choices),
        "" if prompt.required else text("ask_skip", language),
    ]
    turn.say("prompt", "refused" if before else None, text="\n".join(line for line in lines if line))
