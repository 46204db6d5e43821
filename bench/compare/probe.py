"""One RADIUS request at a time: asks until a server answers, so that a measurement begins when the
whole way through it works."""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import struct
import time

from .processes import PATIENCE_S, Child, ChildFailed

ACCESS_REQUEST, ACCESS_ACCEPT, ACCESS_REJECT = 1, 2, 3
USER_NAME, USER_PASSWORD, MESSAGE_AUTHENTICATOR = 1, 2, 80

Address = tuple[str, int]


def _hidden(password: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """RFC 2865 section 5.2."""
    padded = password.ljust(-(-max(len(password), 1) // 16) * 16, b"\0")
    result, previous = b"", authenticator
    for at in range(0, len(padded), 16):
        key = hashlib.md5(secret + previous).digest()
        previous = bytes(a ^ b for a, b in zip(padded[at:at + 16], key))
        result += previous
    return result


def access_request(identifier: int, authenticator: bytes, user: str, password: str,
                   secret: str) -> bytes:
    """PAP, with a Message-Authenticator as the first attribute (RFC 3579 section 3.2)."""
    def attribute(kind: int, value: bytes) -> bytes:
        return bytes((kind, len(value) + 2)) + value

    hidden = _hidden(password.encode(), secret.encode(), authenticator)
    rest = attribute(USER_NAME, user.encode()) + attribute(USER_PASSWORD, hidden)
    head = struct.pack("!BBH", ACCESS_REQUEST, identifier, 20 + 18 + len(rest)) + authenticator
    unsigned = head + attribute(MESSAGE_AUTHENTICATOR, bytes(16)) + rest
    signature = hmac.new(secret.encode(), unsigned, "md5").digest()
    return head + attribute(MESSAGE_AUTHENTICATOR, signature) + rest


def is_answer(reply: bytes, identifier: int, authenticator: bytes, secret: str) -> bool:
    """Whether this is a genuine answer (Response Authenticator, RFC 2865 section 3)."""
    if len(reply) < 20 or reply[1] != identifier:
        return False
    expected = hashlib.md5(reply[:4] + authenticator + reply[20:] + secret.encode()).digest()
    return hmac.compare_digest(reply[4:20], expected)


def ask_until_answered(server: Address, secret: str, user: str, password: str, child: Child,
                       source: str = "127.0.0.1", patience_s: float = PATIENCE_S) -> int:
    """Code of the first genuine answer. The same request is sent again as a NAS would."""
    identifier, authenticator = 255, os.urandom(16)
    request = access_request(identifier, authenticator, user, password, secret)
    deadline = time.monotonic() + patience_s
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nas:
        nas.bind((source, 0))
        nas.connect(server)
        nas.settimeout(0.1)
        while time.monotonic() < deadline:
            if not child.running():
                raise ChildFailed(f"{child.name} ended before it answered\n{child.tail()}")
            try:
                nas.send(request)
                reply = nas.recv(4096)
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.01)  # refused: nobody listens yet
                continue
            if is_answer(reply, identifier, authenticator, secret):
                return reply[0]
    raise ChildFailed(f"{child.name} did not answer a login\n{child.tail()}")
