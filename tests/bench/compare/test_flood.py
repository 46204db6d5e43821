"""The flood of new visitors: who is answered as a gate answers is served, and nobody else."""

import contextlib
import json
import socket
import subprocess
import sys
import threading

import pytest
from compare import flood

GATE = (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@contextlib.contextmanager
def server(answer):
    """Gives this to everybody, and keeps from where each came and what he asked for."""
    came = []
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        def serve():
            with contextlib.suppress(OSError):
                while True:
                    visitor, address = listener.accept()
                    with visitor:
                        asked = b""
                        while asked.count(b"\r\n\r\n") < 2:
                            asked += visitor.recv(4096)
                        came.append((address[0], asked))
                        visitor.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname(), came
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def run(address, visitors):
    done = subprocess.run([sys.executable, flood.__file__, address[0], str(address[1]), "/page",
                           str(visitors), "5000"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("answer, served", [(GATE, 300), (BUSY, 0), (b"", 0)])
def test_only_who_sees_the_page_is_served(answer, served):
    with server(answer) as (address, came):
        result = run(address, 300)
    assert (result["served"], result["failed"]) == (served, 300 - served)
    assert len({host for host, _ in came}) == 300, "each has an address of his own"
    assert all(b"GET /page HTTP/1.1\r\n" in asked for _, asked in came)
