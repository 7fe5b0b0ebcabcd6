"""Back from a backup: tried out in a place of its own, or in the place of what the cabinet has."""

from __future__ import annotations

import getpass
import sys
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from cabinet.cli.arguments import add_dry_run, reason, whole_number
from cabinet.cli.backup import add_files, events, loaded, refusing
from cabinet.cli.daemon import Roster
from cabinet.cli.errors import CommandError, UsageError
from cabinet.cli.output import Output, printable
from cabinet.control.address import DEFAULT_CONFIG
from cabinet.control.protocol import ControlError, Exit

if TYPE_CHECKING:
    from cabinet.backup.replay import Replay
    from cabinet.backup.restore import Restored
    from cabinet.backup.trial import Tried
    from cabinet.cli.arguments import Parser


def backup_restore_arguments(parser: Parser) -> None:
    parser.epilog = (
        "With the daemon stopped, as its user. The journal goes on in its next epoch; the files that were there are "
        "set aside. A cut in between leaves the old or the new, never half of both."
    )
    add_files(parser)
    _add_identity(parser)
    parser.add_argument("--reason", required=True, type=reason, metavar="TEXT", help="why; it is journaled")
    parser.add_argument(
        "--erasures", type=Path, metavar="FILE", help="people to be erased besides: one pseudonym a line"
    )
    parser.add_argument(
        "--above",
        type=whole_number,
        default=0,
        metavar="N",
        help="the newest epoch that upstream knows, if it is lost here",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_dry_run(parser)


def backup_restore(args: Namespace, out: Output) -> int:
    from cabinet.backup.keys import read_identity
    from cabinet.backup.restore import Restore, read_erasures
    from hal.system_clock import SystemClock

    if not (args.yes or args.dry_run or sys.stdin.isatty()):
        raise UsageError("backup restore replaces what the cabinet has: add --yes where nobody can be asked")
    config = loaded(args)
    with refusing():
        erasures = read_erasures(args.erasures) if args.erasures else set()
        restore = Restore(config, SystemClock(), read_identity(args.identity))
        try:
            with events(out) as progress:
                replay = restore.open(args.files, progress)
            found: dict[str, object] = {"origin": replay.origin, "epochs": _epochs(replay), "roster": _version(replay)}
            if args.dry_run:
                return _say_dry(found, out)
            _confirm(args, found)
            done = restore.apply(args.reason, getpass.getuser(), erasures, args.above)
        finally:
            restore.close()
    return _say(found, done, out)


def backup_test_arguments(parser: Parser) -> None:
    parser.epilog = (
        "Restores into a folder of its own, verifies the journal, compares its state, opens the roster, and destroys "
        "all of it. On a cabinet, --config given or not, it is journaled."
    )
    add_files(parser)
    _add_identity(parser)
    parser.add_argument(
        "--scratch", type=Path, metavar="DIR", help="where there is room for it, in memory best; otherwise TMPDIR"
    )


def backup_test(args: Namespace, out: Output) -> int:
    from cabinet.backup.create import digest_of
    from cabinet.backup.keys import read_identity
    from cabinet.backup.trial import try_out

    with refusing(), events(out) as progress:
        scratch = Path(tempfile.mkdtemp(prefix="backup-test-", dir=args.scratch))
        try:
            tried = try_out(args.files, read_identity(args.identity), scratch / "state", progress)
        finally:
            scratch.rmdir()
        size, digest = digest_of(args.files)
    parts = [*(["journal"] if tried.epochs else []), *(["roster"] if tried.roster is not None else [])]
    n = _journaled(args, out, {"act": "tested", "parts": parts, "size": size, "digest": digest}, tried.origin)
    return _say_tried(tried, digest, n, out)


def _add_identity(parser: Parser) -> None:
    parser.add_argument("--identity", type=Path, required=True, metavar="FILE", help="the key that opens the files")


def _confirm(args: Namespace, found: dict[str, object]) -> None:
    if args.yes:
        return
    what = f"{found['origin']} goes back to this backup ({printable(args.reason)})"
    question = f"{what}; what it has now is set aside. Go on? [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError(Exit.INTERRUPTED, "not restored")


def _epochs(replay: Replay) -> list[dict[str, object]]:
    return [{"origin": one.origin, "size": one.frontier.size} for one in replay.epochs.values()]


def _version(replay: Replay) -> int | None:
    return replay.roster.version if replay.roster is not None else None


def _say_dry(found: dict[str, object], out: Output) -> int:
    if out.as_json:
        out.answer({**found, "dry_run": True})
    else:
        out.line(f"dry run: {found['origin']} would go back to this backup; nothing was changed")
    return Exit.OK


def _say(found: dict[str, object], done: Restored, out: Output) -> int:
    if out.as_json:
        out.answer({
            **found,
            "epoch": done.epoch,
            "erased": done.erased,
            "aside": done.aside,
            "unread": list(done.unread),
            "dry_run": False,
        })  # fmt: skip
        return Exit.OK
    for file in done.unread:
        out.note(f"{file} cannot be read: whom it says to be erased is not known; ask upstream, and erase them again")
    out.line(f"restored: {' and '.join(done.parts)} of {found['origin']}")
    if done.epoch is not None:
        out.line(f"the journal goes on in epoch {done.epoch}; upstream asks for it to be accepted")
    if done.erased:
        out.line(f"{done.erased} of the people in it had been erased, and are again")
    if done.aside is not None:
        out.line(f"what was there is in {done.aside}: delete it once nobody needs it, since it holds personal data")
    return Exit.OK


def _say_tried(tried: Tried, digest: str, n: object, out: Output) -> int:
    if out.as_json:
        epochs = [{"origin": one.origin, "size": one.size, "pruned": one.pruned} for one in tried.epochs]
        roster = (
            None if tried.roster is None else {"version": tried.roster, "people": tried.people, "known": tried.known}
        )
        out.answer(
            {"epochs": epochs, "roster": roster, "out": tried.out, "folded": tried.folded, "digest": digest, "n": n}
        )
        return Exit.OK
    for one in tried.epochs:
        out.line(f"journal: {one.size} events of {one.origin} verified, {one.pruned} pruned")
        out.line(f"  signed by {one.vkey or 'a key that the cabinet does not know any more: nobody says so'}")
    if tried.epochs:
        said = "what the events add up to" if tried.folded else "not compared: older events are pruned"
        out.line(f"state: {said}; {tried.out} items out")
    if tried.roster is not None:
        out.line(f"roster: version {tried.roster}, {tried.people} people")
    if tried.erased:
        out.line(f"{tried.erased} of them are erased since; a restore erases them again")
    out.line(f"tested, and destroyed again{'' if n is None else f'; journaled as event {n}'}")
    return Exit.OK


def _journaled(args: Namespace, out: Output, told: dict[str, object], origin: str) -> object:
    """The leaf that says it, on the cabinet that the backup is of; None elsewhere."""
    if args.socket is None and args.config is None and not DEFAULT_CONFIG.exists():
        return None
    try:
        with Roster(args, out) as cabinet:
            return cabinet.call("backup.told", {**told, "origin": origin}).get("n")
    except (ControlError, CommandError) as error:
        out.note(f"not journaled: {error}")
        return None
