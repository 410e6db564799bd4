"""A line between two processes: pickled objects with their length in front, over a Unix socket.

The coordinator's end never waits for the rest of an object: a worker may be killed in the middle of sending it while
a child of it keeps the line open.
"""

from __future__ import annotations

import pickle
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("!Q")
_CHUNK = 1 << 18


class Wire:
    """One end of the line. Sending waits; `receive` waits for one object, `arrived` takes what is there."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._buffer = bytearray()
        self.is_open = True  # False once the other end is known to be gone

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, item: object) -> None:
        """Send it whole; OSError where the other end is gone."""
        data = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        self._socket.sendall(_LENGTH.pack(len(data)) + data)

    def receive(self) -> Any:
        """Wait for the next object; EOFError where the other end is gone."""
        while not self._is_whole():
            if not self._read(0):
                raise EOFError("the other end of the line is gone")
        return self._take()

    def arrived(self) -> list[Any]:
        """The objects that have come, whole ones only; never waits."""
        try:
            while self._read(socket.MSG_DONTWAIT):
                pass
        except BlockingIOError:
            pass
        items = []
        while self._is_whole():
            items.append(self._take())
        return items

    def close(self) -> None:
        self._socket.close()
        self.is_open = False

    def _read(self, flags: int) -> bool:
        try:
            chunk = self._socket.recv(_CHUNK, flags)
        except ConnectionResetError:  # the other end died with something unread
            chunk = b""
        self._buffer += chunk
        self.is_open = bool(chunk)
        return self.is_open

    def _is_whole(self) -> bool:
        if len(self._buffer) < _LENGTH.size:
            return False
        return len(self._buffer) >= _LENGTH.size + int(_LENGTH.unpack_from(self._buffer)[0])

    def _take(self) -> Any:
        end = _LENGTH.size + int(_LENGTH.unpack_from(self._buffer)[0])
        item = pickle.loads(self._buffer[_LENGTH.size : end])
        del self._buffer[:end]
        return item
