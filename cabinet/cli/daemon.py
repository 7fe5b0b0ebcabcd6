"""How commands reach the cabinet: through the daemon's socket, or, for the roster, its files while no daemon runs."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import cast

from cabinet.cli.errors import CommandError
from cabinet.cli.output import Output
from cabinet.control.address import DEFAULT_CONFIG, AddressError, socket_path
from cabinet.control.client import TIMEOUT_S, Client, DaemonDown
from cabinet.control.protocol import ControlError, Exit

PAGE = 200
"""The most that the daemon lists at once."""
Result = dict[str, object]


def connect(args: Namespace) -> Client:
    """Raises CommandError (8, 78), ControlError (12, 4)."""
    try:
        return Client(socket_path("service", args.socket, args.config))
    except AddressError as error:
        raise CommandError(Exit.CONFIGURATION, str(error)) from None
    except DaemonDown as down:
        raise CommandError(Exit.DAEMON_DOWN, f"{down.message}: start it with: systemctl start cabinetd") from down


def call(
    args: Namespace, method: str, params: Mapping[str, object] | None = None, timeout_s: float = TIMEOUT_S
) -> Result:
    """One question to the daemon. Raises CommandError, ControlError."""
    with connect(args) as client:
        return _object(client.call(method, params, timeout_s))


class Roster:
    """The daemon's roster methods, or the same on the files of a cabinet whose daemon does not run."""

    def __init__(self, args: Namespace, out: Output) -> None:
        """Raises CommandError, ControlError."""
        self._client: Client | None = None
        self._config: str | None = None
        try:
            self._client = connect(args)
        except CommandError as error:
            self._config = offline_config(args)
            if error.exit_code != Exit.DAEMON_DOWN or self._config is None:
                raise
            out.note(f"cabinetd does not run: working on the files that {self._config} names")

    def __enter__(self) -> Roster:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()

    @property
    def online(self) -> bool:
        return self._client is not None

    def call(self, method: str, params: Mapping[str, object], timeout_s: float = TIMEOUT_S) -> Result:
        """Raises ControlError, CommandError."""
        if self._client is not None:
            return _object(self._client.call(method, params, timeout_s))
        assert self._config is not None
        return _object(_offline_call(self._config, method, params))

    def change(self, change: Mapping[str, object], dry_run: bool) -> Result:
        return self.call("roster.change", {"change": change, "dry_run": dry_run})

    def all(self, what: str) -> Iterator[Result]:
        """Every one of `people`, `items`, `rights` or `credentials`, page by page."""
        after: object = None
        while True:
            page = self.call(f"roster.{what}", {"after": after, "limit": PAGE})
            yield from cast("list[Result]", page[what])
            after = page.get("next")
            if after is None:
                return


def say_change(out: Output, result: Result, dry_run: bool) -> None:
    """What a change of the roster did, or would do."""
    if out.as_json:
        out.answer(result | {"dry_run": dry_run})
        return
    summary = result.get("summary")
    for line in summary if isinstance(summary, list) else []:
        out.line(str(line))
    out.line("dry run: nothing was changed" if dry_run else f"roster version {result.get('version')}")


def offline_config(args: Namespace) -> str | None:
    if args.config is not None:
        return str(args.config)
    # Whoever names a socket means that daemon, not the files of the default one.
    return str(DEFAULT_CONFIG) if args.socket is None and os.access(DEFAULT_CONFIG, os.R_OK) else None


def _offline_call(config: str, method: str, params: Mapping[str, object]) -> object:
    from pathlib import Path

    from cabinet.offline import offline_call
    from hal.problems import ConfigError

    try:
        return offline_call(Path(config), method, params)
    except ConfigError as error:
        raise CommandError(Exit.CONFIGURATION, f"{config} cannot be used", error.lines) from None


def _object(result: object) -> Result:
    if not isinstance(result, dict):
        raise ControlError(0, "cabinetd answered in a form unknown here: are both of the same version?")
    return result
