"""A second handle on a driver's socket, so that a thread waiting on a silent server can be woken from outside."""

import os
import socket
from contextlib import suppress


class Wire:
    """A duplicate of a connection's socket: it stays ours when the driver wraps or closes its own."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=os.dup(descriptor))

    def cut(self) -> None:
        """End the connection both ways; the thread that reads it gets an end of file."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the handle back; the driver's socket lives on."""
        self._socket.close()
