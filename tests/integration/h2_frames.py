"""HTTP/2 by hand: frames in any order and shape, so that a test can break each rule of RFC 9113."""

import contextlib
import ssl
import struct

from harness.net import PATIENCE_S
from http_lab import Raw

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, \
    CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, ACK = 1, 4, 8, 1
WHOLE = END_STREAM | END_HEADERS

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, \
    FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, \
    ENHANCE_YOUR_CALM = range(12)

GET = ((":method", "GET"), (":scheme", "http"), (":authority", "www.example.net"), (":path", "/"))

# RFC 7541 appendix B, the digits.
_DIGITS = {"00000": "0", "00001": "1", "00010": "2", "011001": "3", "011010": "4", "011011": "5",
           "011100": "6", "011101": "7", "011110": "8", "011111": "9"}
_STATUS = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}  # the static table


def octets(text):
    return text.encode("latin-1") if isinstance(text, str) else text


def frame(kind, flags=0, stream=0, payload=b""):
    payload = octets(payload)
    return struct.pack("!BHBBI", len(payload) >> 16, len(payload) & 0xffff, kind, flags,
                       stream) + payload


def number(value, prefix, first=0):
    """RFC 7541 §5.1."""
    most = (1 << prefix) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def block(fields):
    """Literals without indexing: the peer gets the octets as they are."""
    out = b""
    for name, value in fields:
        name, value = octets(name), octets(value)
        out += b"\0" + number(len(name), 7) + name + number(len(value), 7) + value
    return out


def headers(stream, fields, flags=WHOLE):
    return frame(HEADERS, flags, stream, block(fields))


def get(where="/", *more, **changed):
    """GET's fields; method="POST" and the like change a pseudo-header."""
    changed = {":path": where, **{f":{name}": value for name, value in changed.items()}}
    return [(name, changed.get(name, value)) for name, value in GET] + list(more)


def setting(which, value):
    return frame(SETTINGS, payload=struct.pack("!HI", which, value))


def window_update(stream, by):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", by))


def reset(stream, error=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack("!I", error))


def status_of(payload):
    """The status, which is the first field of an answer's head."""
    first = payload[0]
    if first & 0x80:
        return _STATUS[first & 0x7f]
    assert first in (0x48, 0x08), payload  # name from the static table
    text = payload[2:2 + (payload[1] & 0x7f)]
    if not payload[1] & 0x80:
        return int(text)
    bits, digits, code = "".join(f"{octet:08b}" for octet in text), "", ""
    for bit in bits:
        code += bit
        if code in _DIGITS:
            digits, code = digits + _DIGITS[code], ""
    return int(digits)


class H2:
    """A visitor's connection, greeted unless told otherwise. Frames that came: `seen`, as (type,
    flags, stream, payload)."""

    def __init__(self, address, tls=None, settings=b"", greet=True, **raw):
        self.raw = Raw(address, tls=tls, **raw)
        self.seen = []
        self.over = False
        if greet:
            self.send(PREFACE + frame(SETTINGS, payload=settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()

    def send(self, octets_):
        """What the peer no longer takes is lost: how it ended is told by what it sent."""
        try:
            self.raw.send(octets_)
        except OSError:
            pass
        return self

    def next(self):
        """The next frame, or None at the end of the connection."""
        try:
            while len(self.raw.kept) < 9 or len(self.raw.kept) < 9 + self._length():
                if self.over or not self.raw.more():
                    self.over = True
                    return None
        except ConnectionError:
            self.over = True
            return None
        whole = self.raw.exactly(9 + self._length())
        kind, flags, stream = struct.unpack("!BBI", whole[3:9])
        self.seen.append((kind, flags, stream & 0x7fff_ffff, whole[9:]))
        return self.seen[-1]

    def raw_closed(self):
        """Whether the peer has ended the connection. What has come is kept."""
        self.raw.socket.setblocking(False)
        try:
            while not self.over and self.raw.more():
                pass
            self.over = True
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            self.over = True
        finally:
            with contextlib.suppress(OSError):
                self.raw.socket.settimeout(PATIENCE_S)
        return self.over

    def drain(self, enough=lambda: False):
        """All frames to the end of the connection."""
        while not enough() and self.next():
            pass

    def _length(self):
        return int.from_bytes(self.raw.kept[:3], "big")

    def until(self, wanted, what="a frame"):
        """The first frame, seen or to come, that is `wanted(type, flags, stream, payload)`."""
        for at in self.seen:
            if wanted(*at):
                return at
        while at := self.next():
            if wanted(*at):
                return at
        raise AssertionError(f"the connection ended before {what}: {self.seen[-20:]}")

    def status(self, stream):
        """Of the final answer on this stream."""
        return status_of(self.until(
            lambda kind, flags, number, payload: kind == HEADERS and number == stream
            and status_of(payload) >= 200, f"an answer on {stream}")[3])

    def body(self, stream):
        """After the end of the stream."""
        self.until(lambda kind, flags, number, _: number == stream and kind in (HEADERS, DATA)
                   and flags & END_STREAM, f"the end of {stream}")
        return b"".join(p for kind, _, number, p in self.seen if kind == DATA and number == stream)

    def reset_of(self, stream):
        """The error that the stream was reset with."""
        payload = self.until(lambda kind, flags, number, _: kind == RST_STREAM
                             and number == stream, f"RST_STREAM of {stream}")[3]
        return struct.unpack("!I", payload)[0]

    def goaway(self):
        """(last stream, error) of the GOAWAY that ends the connection; it must be closed then."""
        self.drain()
        sent = [payload for kind, _, _, payload in self.seen if kind == GOAWAY]
        assert sent, f"no GOAWAY: {self.seen[-20:]}"
        return struct.unpack("!II", sent[-1][:8])

    def alive(self):
        """It answers a PING, so all that was sent before has been read, and nothing ended it."""
        mark = struct.pack("!Q", len(self.seen))
        self.send(frame(PING, payload=mark))
        self.until(lambda kind, flags, _, payload: kind == PING and flags & ACK
                   and payload == mark, "an answer to PING")
        return not any(kind == GOAWAY for kind, *_ in self.seen)
