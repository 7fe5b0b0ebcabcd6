"""A Unix socket on which another program of this machine answers requests, one a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from hal.errors import LinkLost
from hal.file_access import read_secret, who_may

KEY_BYTES: Final = 32
CHUNK: Final = 1024


class UnixSocket:
    """`path` and the file of the key are looked at anew each time it is opened."""

    def __init__(self, name: str, path: str, key_file: str) -> None:
        self.name = name
        self.key = b""
        self._path = path
        self._key_file = key_file

    async def open(self) -> None:
        self.key = read_secret(self.name, "key_file", self._key_file, KEY_BYTES)

    async def close(self) -> None:
        """Connections last no longer than a request."""

    async def ask(self, request: bytes, take: Callable[[bytes], bool]) -> None:
        try:
            reader, writer = await asyncio.open_unix_connection(self._path, limit=CHUNK)
        except PermissionError as error:
            raise LinkLost(self.name, f"no permission to connect to {self._path}; {who_may(self._path)}") from error
        except OSError as error:
            hint = f"nobody listens at {self._path} ({error.strerror}); start the program that does"
            raise LinkLost(self.name, hint) from error
        try:
            writer.write(request)
            await writer.drain()
            while (chunk := await reader.read(CHUNK)) and not take(chunk):
                pass
        except OSError as error:
            raise LinkLost(self.name, f"the program at {self._path} hung up") from error
        finally:
            writer.transport.abort()
