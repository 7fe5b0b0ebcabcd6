"""The commands beside the service. Each prints its answer and gives the exit code."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cabinet.control.protocol import Exit
from cabinet.journal.errors import NoteRefused
from cabinet.journal.export import export
from cabinet.journal.note import Signer
from sync.collector.answers import CommandError, answer, counts, say, table
from sync.collector.config import Config
from sync.collector.key import open_or_create
from sync.collector.reading import Origin, Reader, reading
from sync.collector.report import overview
from sync.collector.verify import Verdict, verify


def listed(config: Config, args: Namespace) -> int:
    with reading(config.database) as reader:
        found: dict[str, Any] = overview(reader)
    if args.json:
        answer(found)
        return Exit.OK
    table(
        ["origin", "size", "cosigned", "seen", "gap", "kept aside"],
        [
            [one["origin"], one["size"], one["cosigned"], one["seen"], _gap(one), counts(one["evidence"])]
            for one in found["origins"]
        ],
    )
    for alarm in found["alarms"]:
        say(_alarm(alarm))
    if found["dropped"]:
        say(f"dropped: {counts(found['dropped'])}")
    return Exit.OK


def verified(config: Config, args: Namespace) -> int:
    cosigner = _cosigner(config).verifier
    with reading(config.database) as reader:
        verdicts = [verify(origin, cosigner) for origin in reader.origins()]
    for verdict in verdicts:
        if args.json:
            answer(asdict(verdict))
        else:
            say(_sentence(verdict))
    results = {verdict.result for verdict in verdicts}
    if "failed" in results:
        return Exit.JOURNAL
    return Exit.DEGRADED if "behind" in results else Exit.OK


def exported(config: Config, args: Namespace) -> int:
    with reading(config.database) as reader:
        origin = _chosen(reader, getattr(args, "origin", None))
        try:
            vkeys = [origin.first_key().vkey, _cosigner(config).vkey]
            sealed = export(origin, args.directory, vkeys)
        except NoteRefused as error:
            raise CommandError(Exit.JOURNAL, f"not exported: {error}") from None
        except (FileExistsError, NotADirectoryError) as error:
            raise CommandError(Exit.USAGE, f"not exported: {error}") from None
    if args.json:
        answer({"directory": str(args.directory), "origin": sealed.origin, "size": sealed.size})
    else:
        say(f"{sealed.size} events of {sealed.origin} are in {args.directory}")
    return Exit.OK


def key(config: Config, args: Namespace) -> int:
    vkey = _cosigner(config).vkey
    if args.json:
        answer({"vkey": vkey})
    else:
        say(vkey)
    return Exit.OK


def _cosigner(config: Config) -> Signer:
    config.key_file.parent.mkdir(parents=True, exist_ok=True)
    return open_or_create(config.key_file, config.name, database_exists=config.database.exists())


def _chosen(reader: Reader, name: str | None) -> Origin:
    origins = {origin.name: origin for origin in reader.origins() if origin.size}
    known = ", ".join(origins) or "none yet"
    if name is None and len(origins) != 1:
        raise CommandError(Exit.USAGE, f"name the origin: --origin O; there are: {known}")
    if name is not None and name not in origins:
        raise CommandError(Exit.NOT_FOUND, f"nothing is held of {name}; there are: {known}")
    return next(iter(origins.values())) if name is None else origins[name]


def _sentence(verdict: Verdict) -> str:
    pruned = f"; {verdict.pruned} are pruned to their hash" if verdict.pruned else ""
    if verdict.result == "failed":
        return f"{verdict.origin}: failed at index {verdict.failed_at} ({verdict.rule}): keep the files as they are"
    if verdict.result == "behind":
        return f"{verdict.origin}: verified, but {verdict.cosigned} events were cosigned and {verdict.size} are held"
    return f"{verdict.origin}: verified: {verdict.size} events, {verdict.cosigned} cosigned{pruned}"


def _alarm(alarm: Mapping[str, Any]) -> str:
    kind = f"{alarm['kind']} ({alarm['detail']})" if alarm["detail"] else alarm["kind"]
    text = f"ALARM {kind} {alarm['origin']} at index {alarm['n']}, {alarm['count']} times, first at {alarm['raised']}"
    found = alarm["evidence"]
    if found is None:
        return text
    return f"{text}; evidence {found['id']}: signed by it at size {found['ours']} and at size {found['theirs']}"


def _gap(one: Mapping[str, Any]) -> str:
    return "-" if one["gap"] is None else f"{one['gap']['from']} to {one['gap']['to']}"
