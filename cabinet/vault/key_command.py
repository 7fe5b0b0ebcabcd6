"""A key that a program of the system gives: from a TPM, a smart card, a key server of the site.

It runs without a shell and with nothing at its standard input, and prints 32 bytes, or 64 hex digits, and nothing
else. What it prints is never shown; what it says on standard error goes where the daemon's own goes.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Final

from cabinet.vault.key_source import KEY_BYTES, KeyFileError

WITHIN_S: Final = 15.0
"""A TPM takes a second or two."""
_OUTPUT_MAX: Final = 4 * KEY_BYTES
_HEX: Final = re.compile(rb"\s*([0-9a-fA-F]{64})\s*")
_WHERE: Final = "[vault] device_key_command"


def key_of(command: Sequence[str], within_s: float = WITHIN_S) -> bytes:
    """Runs it once; blocks, at most so long. Raises KeyFileError, which says what went wrong and never what came."""
    try:
        # A group of its own: what it has started ends with it.
        process = subprocess.Popen(  # noqa: S603 whoever writes the configuration decides what runs
            list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        raise _failed(command, f"{error.strerror}; is it installed, and may the daemon's user run it") from None
    try:
        output = _output(process, monotonic() + within_s)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        assert process.stdout is not None
        process.stdout.close()
    if output is None:
        raise _failed(command, f"no end within {within_s:g} s; run it by hand as the daemon's user")
    if code != 0 and len(output) <= _OUTPUT_MAX:
        raise _failed(command, f"exit {code}; run it by hand as the daemon's user, the log has what it said")
    return _key(command, output)


def _output(process: subprocess.Popen[bytes], end_s: float) -> bytes | None:
    """All of it, or so much that it is no key; None when it takes too long."""
    assert process.stdout is not None
    handle, output = process.stdout.fileno(), b""
    while len(output) <= _OUTPUT_MAX:
        ready, _, _ = select.select([handle], [], [], max(0.0, end_s - monotonic()))
        if not ready:
            return None
        part = os.read(handle, _OUTPUT_MAX)
        if not part:
            break
        output += part
    else:
        return output
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.1, end_s - monotonic()))
        return output
    return None


def _key(command: Sequence[str], output: bytes) -> bytes:
    if len(output) == KEY_BYTES:
        return output
    if found := _HEX.fullmatch(output):
        return bytes.fromhex(found[1].decode("ascii"))
    much = f"{len(output)} bytes" if len(output) <= _OUTPUT_MAX else f"more than {_OUTPUT_MAX} bytes"
    raise _failed(command, f"it printed {much}; a key is 32 bytes or 64 hex digits, and nothing beside it")


def _failed(command: Sequence[str], why: str) -> KeyFileError:
    return KeyFileError(f"{_WHERE}: {command[0]}: {why}")
