"""New visitors, each from an address of his own: asks for a page, is sent to the gate, looks at its
first page, and leaves. A program of its own, so that it can have a core of its own."""

from __future__ import annotations

import argparse
import errno
import json
import select
import socket
import sys
import time

_AT_ONCE = 256
_BURST = 4  # begun in a row where it is late: many who come one by one, not a crowd at the door
_FIRST_ADDRESS = 128 << 16  # 127.128.0.0: nobody of the bench listens or is let in there
_PATIENCE_S = 30


class Flood:
    """All visitors of one run, begun at a rate, however slowly they are answered."""

    def __init__(self, address: tuple[str, int], page: str) -> None:
        host = f"{address[0]}:{address[1]}"
        head = f" HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nUser-Agent: visitor\r\n"
        # Both at once: he knows where he will be sent.
        self._requests = (f"GET /60{head}Sec-Fetch-Mode: navigate\r\n\r\n"
                          f"GET {page}{head}Connection: close\r\n\r\n").encode()
        self._address = address
        self._poll = select.epoll()
        self._waiting: dict[int, tuple[socket.socket, list[bytes]]] = {}
        self.begun = self.served = self.failed = 0

    def begin(self) -> None:
        number = _FIRST_ADDRESS + self.begun
        self.begun += 1
        visitor = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        visitor.setblocking(False)
        visitor.bind((f"127.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0))
        # Over loopback the connection stands at once, or there is no room for it.
        if visitor.connect_ex(self._address) not in (0, errno.EINPROGRESS):
            self.failed += 1
            visitor.close()
            return
        self._waiting[visitor.fileno()] = (visitor, [])
        self._poll.register(visitor.fileno(), select.EPOLLOUT | select.EPOLLONESHOT)

    def take(self, wait_s: float) -> None:
        for descriptor, event in self._poll.poll(wait_s):
            visitor, answer = self._waiting[descriptor]
            try:
                if event & select.EPOLLOUT and not answer:
                    visitor.send(self._requests)
                    answer.append(b"")
                    self._poll.modify(descriptor, select.EPOLLIN)
                    continue
                piece = visitor.recv(65536)
            except OSError:
                piece = b""
                answer.clear()
            if piece:
                answer.append(piece)
                continue
            whole = b"".join(answer)
            right = whole.startswith(b"HTTP/1.1 302 ") and b"HTTP/1.1 200 OK\r\n" in whole
            self.served += right
            self.failed += not right
            self._poll.unregister(descriptor)
            del self._waiting[descriptor]
            visitor.close()

    def room(self) -> bool:
        return len(self._waiting) < _AT_ONCE

    def over(self) -> bool:
        return not self._waiting


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="flood", description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("page", help="path of the gate's first page")
    parser.add_argument("visitors", type=int)
    parser.add_argument("rate", type=float, help="visitors a second")
    given = parser.parse_args(words)
    flood = Flood((given.host, given.port), given.page)
    print(json.dumps({"ready": True}), flush=True)
    began = time.monotonic()
    last = began
    while flood.begun < given.visitors or not flood.over():
        now = time.monotonic()
        due = min(given.visitors, int((now - began) * given.rate) + 1)
        before = flood.served + flood.failed
        for _ in range(min(_BURST, due - flood.begun)):
            if flood.room():
                flood.begin()
        flood.take(0.001)
        if flood.served + flood.failed > before or flood.begun < given.visitors:
            last = now
        if now - last > _PATIENCE_S:
            break
    print(json.dumps({"visitors": given.visitors, "served": flood.served,
                      "failed": given.visitors - flood.served,
                      "duration_s": time.monotonic() - began}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
