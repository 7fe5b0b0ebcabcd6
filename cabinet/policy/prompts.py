"""What is asked when something is taken or brought back, and what is an answer: there are twelve keys, so a number."""

from __future__ import annotations

from typing import Final, TypeAlias

from cabinet.policy.rights import Item, Prompt, PromptAt, Rights

Answer: TypeAlias = int | str
"""As it is journaled: a number, `yes` or `no`, the English text of a choice, the digits of a seal."""
ASKED_MAX: Final = 6
"""Of one item at a time; the first ones of the roster."""
DIGITS_MAX: Final = 12
KEYS_MAX: Final = 999


def asked(rights: Rights, item: Item, at: PromptAt) -> list[Prompt]:
    """In roster order. Keys are counted and a seal is read only where the roster says how many, and which."""
    fitting = (prompt for prompt in rights.prompts if prompt.at == at and prompt.covers(item))
    return [prompt for prompt in fitting if _has_what_is_asked(prompt, item)][:ASKED_MAX]


def answer(prompt: Prompt, digits: str) -> Answer | None:
    """What was typed, as an answer; None: it is none."""
    if not (digits.isascii() and digits.isdigit()) or len(digits) > DIGITS_MAX:
        return None
    number = int(digits)
    match prompt.kind:
        case "number":
            return number if prompt.least <= number <= prompt.most else None
        case "yes-no":
            return {1: "yes", 2: "no"}.get(number)
        case "rating":
            return number if 1 <= number <= 5 else None
        case "choice":
            return prompt.choices[number - 1]["en"] if 1 <= number <= len(prompt.choices) else None
        case "count":
            return number if number <= KEYS_MAX else None
        case "seal":
            return digits


def expected(prompt: Prompt, item: Item) -> Answer | None:
    """What a count or a seal has to come to; None: the prompt is of another kind."""
    match prompt.kind:
        case "count":
            return item.keys
        case "seal":
            return seal_digits(item.seal)
    return None


def seal_digits(seal: str) -> str:
    """What can be typed of a seal's number."""
    return "".join(character for character in seal if character in "0123456789")


def _has_what_is_asked(prompt: Prompt, item: Item) -> bool:
    match prompt.kind:
        case "count":
            return item.keys is not None
        case "seal":
            return bool(seal_digits(item.seal))
    return True
