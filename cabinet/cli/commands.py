"""Everything cabinetctl can do, one line a command, and which command an argument list means.

A command `person add` of module `people` is the function `person_add(args, out) -> int` of `cabinet.cli.people`,
its options are declared by `person_add_arguments(parser)` beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cabinet.cli.errors import UsageError, did_you_mean


class Command(NamedTuple):
    words: str
    module: str
    summary: str

    @property
    def function(self) -> str:
        return self.words.replace(" ", "_").replace("-", "_")


GROUPS: dict[str, tuple[Command, ...]] = {
    "see": (
        Command("status", "see", "door, items out, alarms and what is not sent yet"),
        Command("slots", "see", "every slot: what hangs there, since when, how its bolt is"),
        Command("devices", "see", "every device: answering or lost, and what to check"),
        Command("watch", "watch", "each event of the journal as it happens"),
        Command("wait", "watch", "until the cabinet is ready, synced, or a slot is empty or filled"),
    ),
    "journal": (
        Command("journal list", "journal", "events that were journaled"),
        Command("journal verify", "journal_verify", "prove that no event was changed, lost or put in later"),
        Command("journal export", "journal_export", "files by which others can verify the journal themselves"),
        Command("journal receipt", "journal_export", "a proof of one event that shows no other"),
        Command(
            "journal new-epoch", "journal_epoch", "go on in a new file, where the cabinet waits for somebody to say so"
        ),
        Command("journal verify-receipt", "journal_export", "whether a receipt is genuine, and of what"),
        Command("journal rotate-key", "journal_keys", "a new signing key, which the old one vouches for"),
        Command("journal replace-key", "journal_keys", "a new signing key where the old one is lost; asks first"),
        Command("journal revoke-key", "journal_keys", "give up a key that the fleet key has revoked; asks first"),
        Command("journal prune", "journal_prune", "let what outlived its period go now, down to its hash"),
    ),
    "people": (
        Command("person add", "people", "add a person, or change what is said of one"),
        Command("person list", "people", "everybody in the roster"),
        Command("person show", "person", "one person: access, cards, qualifications, consents"),
        Command("person qualify", "person", "record what a person has learnt or signed, and until when it holds"),
        Command("person unqualify", "person", "take a qualification away"),
        Command("person consent", "person", "record what a person agrees to, or has withdrawn"),
        Command("person erase", "erase", "forget a person for good, their part of the journal too"),
        Command("person export", "disclose", "give a person everything that is kept on them"),
        Command("credential enrol", "credentials", "give a person a card, a PIN or a finger"),
        Command("credential personalise", "cards", "put the keys of this site onto a new card; asks first"),
        Command("credential revoke", "credentials", "take a card or fingers away from a person"),
        Command("credential list", "credentials", "who has which cards and fingers (person list: who has a PIN)"),
        Command("right grant", "rights", "let somebody take something"),
        Command("right revoke", "rights", "take a right away"),
        Command("right list", "rights", "who may take what"),
        Command("right explain", "explain", "may this person take this item, and why, or why not"),
        Command("item add", "items", "add an item, or change what is said of one"),
        Command("item replace-fob", "items", "put another fob on an item; everything else of it stays"),
        Command("item list", "items", "every item and its slot"),
        Command("item find", "items", "items by word, customer, tag or kind, where they are, and who has them"),
        Command("item retire", "items", "take an item out of service for good"),
        Command("customer list", "items", "whom items belong to, all or by word"),
        Command("customer erase", "erase", "forget a customer for good"),
        Command("incident record", "incidents", "a complaint or incident about an item, a customer or an event"),
        Command("incident list", "incidents", "complaints and incidents, open and closed"),
        Command("incident close", "incidents", "say how one ended"),
        Command("roster check", "roster", "find every problem of roster files, without the cabinet"),
        Command("roster diff", "roster", "what these files would change, line by line"),
        Command("roster apply", "roster", "make the roster equal to these files: what they do not list goes"),
        Command("roster export", "roster", "write the roster into a directory, in the form that import and apply read"),
        Command("roster import", "roster", "add and change what these files list, and take nothing away"),
        Command("roster versions", "roster", "the last versions: when, by whom, what changed"),
        Command("roster rollback", "roster", "back to the policy of an earlier version"),
        Command("booking make", "bookings", "keep an item for somebody at some time"),
        Command("booking list", "bookings", "what is booked, for whom and when"),
        Command("booking cancel", "bookings", "end a booking, with a reason"),
    ),
    "service": (
        Command("slot release", "service", "open one slot without a visit; asks first, and is journaled"),
        Command("backup keygen", "backup", "make the key that backups are sealed to; not on the cabinet"),
        Command("backup create", "backup", "journal and roster into one sealed file, while the cabinet works"),
        Command("backup verify", "backup", "whether backups are whole, and, with the key, everything in them"),
        Command("backup restore", "backup_restore", "go back to a backup; the journal goes on in its next epoch"),
        Command("backup test", "backup_restore", "restore backups in a place of their own, check it, destroy it"),
        Command("backup last", "backup", "when one was made, tested and restored the last time"),
        Command("module accept", "service", "say that the new module behind a finger reader is the right one"),
        Command("clock confirm", "service", "say that the cabinet's clock is right, where no time service does"),
        Command("config check", "configuration", "find every problem of the configuration"),
        Command("config show", "configuration", "the configuration as the daemon would use it"),
    ),
}
COMMANDS = {command.words: command for commands in GROUPS.values() for command in commands}
OPTIONS_WITH_VALUE = ("--socket", "--config")


def choose(arguments: Sequence[str]) -> tuple[Command | None, list[str]]:
    """The command and everything else, in order; no command if help is asked for the whole or, with the words so
    far in front, for a noun. Raises UsageError for unknown or missing words."""
    words: list[str] = []
    rest: list[str] = []
    tokens = iter(arguments)
    for token in tokens:
        if token.startswith("-"):
            rest.append(token)
            rest += [next(tokens, "")] if token in OPTIONS_WITH_VALUE else []
            continue
        words.append(token)
        if " ".join(words) in COMMANDS:
            return COMMANDS[" ".join(words)], rest + list(tokens)
        _check(words)
    if "--help" in rest or "-h" in rest:
        return None, words
    raise UsageError(f"say what to do: {_choices(words)}; see cabinetctl --help")


def help_text(words: Sequence[str] = ()) -> str:
    """All commands, or those that begin with `words`."""
    width = max(map(len, COMMANDS))
    lines = [f"usage: {' '.join(['cabinetctl', *words])} COMMAND [options]"]
    for group, commands in GROUPS.items():
        chosen = [command for command in commands if _begins(command, words)]
        lines += ["", f"{group}:"] if chosen else []
        lines += [f"  {command.words:{width}}  {command.summary}" for command in chosen]
    return "\n".join([*lines, "", *_GENERAL])


_GENERAL = (
    "every command takes:",
    "  --json           one JSON object, or one a line for streams, instead of text",
    "  --socket PATH    the daemon's service.sock",
    "  --config FILE    the configuration that names sockets and databases, the daemon running or not",
    "  --help           what the command takes",
    "",
    "exit: 0 ok, 1 unexpected, 2 usage, 3 degraded, 4 time-out, 5 refused, 8 daemon not running, 10 not found,",
    "      11 busy, 12 not allowed, 13 journal integrity, 14 hardware, 78 configuration, 130 interrupted",
)


def _begins(command: Command, words: Sequence[str]) -> bool:
    return command.words.split()[: len(words)] == list(words)


def _check(words: Sequence[str]) -> None:
    if any(_begins(command, words) for command in COMMANDS.values()):
        return
    *known, wrong = words
    hint = did_you_mean(wrong, _next_words(known))
    what = " ".join(["cabinetctl", *known])
    raise UsageError(f"{what} has no {wrong!r}{hint}: {_choices(known)}")


def _next_words(known: Sequence[str]) -> list[str]:
    at = len(known)
    return sorted({c.words.split()[at] for c in COMMANDS.values() if _begins(c, known)})


def _choices(known: Sequence[str]) -> str:
    return ", ".join(_next_words(known))
