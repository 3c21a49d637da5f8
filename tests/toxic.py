"""A proxy in front of a real server that turns bad when told: gone, silent, cut off in the middle of an answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_PIECE: Final = 65_536


class ToxicProxy:
    """On the loopback. `answered` is how many bytes of each answer pass before it goes silent; None: all."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._gone = False
        self._answered: int | None = None
        self._open: set[socket.socket] = set()
        self.asked = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def gone(self) -> None:
        """Whoever connects is thrown out; whoever is connected too."""
        self._gone = True
        self._cut()

    def silent(self, after: int = 0) -> None:
        """Questions are taken; of an answer that many bytes come, and then nothing more."""
        self._answered = after

    def heal(self) -> None:
        """As the server is. Connections that hang are cut."""
        self._gone, self._answered = False, None
        self._cut()

    def close(self) -> None:
        self._gone = True
        self._listening.close()
        self._cut()

    def _cut(self) -> None:
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listening.accept()
            except OSError:
                return
            if self._gone:
                caller.close()
                continue
            server = socket.create_connection(self._target)
            self._open |= {caller, server}
            threading.Thread(target=self._pump, args=(caller, server), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, caller, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool = False) -> None:  # noqa: FBT001, FBT002
        passed = 0
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                if answers and self._answered is not None:
                    piece = piece[: max(0, self._answered - passed)]
                    passed += len(piece)
                elif not answers:
                    self.asked += 1
                    passed = 0
                if piece:
                    sink.sendall(piece)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def toxic_proxy(host: str, port: int) -> Iterator[ToxicProxy]:
    """A proxy for the time of the block."""
    proxy = ToxicProxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()
