"""A RADIUS codec of the tests' own, written from the RFCs: the daemon is never checked with itself,
and every rule can be broken on purpose. Attributes are (type, value) pairs in their order."""

import hashlib
import hmac
import os
import struct
from dataclasses import dataclass, field

ACCESS_REQUEST, ACCESS_ACCEPT, ACCESS_REJECT = 1, 2, 3
ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE = 4, 5
ACCESS_CHALLENGE, STATUS_SERVER = 11, 12
DISCONNECT_REQUEST, DISCONNECT_ACK, DISCONNECT_NAK = 40, 41, 42
COA_REQUEST, COA_ACK, COA_NAK = 43, 44, 45
# Their authenticator is computed, and not random.
SIGNED_REQUESTS = (ACCOUNTING_REQUEST, DISCONNECT_REQUEST, COA_REQUEST)

USER_NAME, USER_PASSWORD, CHAP_PASSWORD, NAS_IP_ADDRESS = 1, 2, 3, 4
FILTER_ID, REPLY_MESSAGE, STATE, CLASS, VENDOR_SPECIFIC = 11, 18, 24, 25, 26
CALLED_STATION_ID, CALLING_STATION_ID, NAS_IDENTIFIER, PROXY_STATE = 30, 31, 32, 33
ACCT_STATUS_TYPE, ACCT_DELAY_TIME, ACCT_SESSION_ID = 40, 41, 44
EVENT_TIMESTAMP, CHAP_CHALLENGE = 55, 60
TUNNEL_PASSWORD, EAP_MESSAGE, MESSAGE_AUTHENTICATOR = 69, 79, 80
ERROR_CAUSE = 101

MICROSOFT = 311
MS_CHAP_RESPONSE, MS_CHAP_CHALLENGE, MS_CHAP2_RESPONSE, MS_CHAP2_SUCCESS = 1, 11, 25, 26
MS_MPPE_SEND_KEY, MS_MPPE_RECV_KEY = 16, 17


def md5(*parts):
    return hashlib.md5(b"".join(parts)).digest()


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def hide_password(password, secret, authenticator):
    """RFC 2865 section 5.2."""
    padded = password + bytes(-len(password) % 16 or (16 if not password else 0))
    out, previous = b"", authenticator
    for at in range(0, len(padded), 16):
        previous = _xor(padded[at : at + 16], md5(secret, previous))
        out += previous
    return out


def reveal_password(hidden, secret, authenticator):
    out, previous = b"", authenticator
    for at in range(0, len(hidden), 16):
        out += _xor(hidden[at : at + 16], md5(secret, previous))
        previous = hidden[at : at + 16]
    return out.rstrip(b"\0")


def hide_salted(clear, secret, authenticator, salt):
    """RFC 2868 section 3.5, without the tag: salt and cipher text."""
    return salt + hide_password(bytes([len(clear)]) + clear, secret, authenticator + salt)


def reveal_salted(value, secret, authenticator):
    salt, hidden = value[:2], value[2:]
    assert salt[0] & 0x80, "the salt's top bit is not set"
    assert hidden and len(hidden) % 16 == 0, f"cipher text of {len(hidden)} octets"
    out, previous = b"", authenticator + salt
    for at in range(0, len(hidden), 16):
        out += _xor(hidden[at : at + 16], md5(secret, previous))
        previous = hidden[at : at + 16]
    return out[1 : 1 + out[0]]


def chap(identifier, password, challenge):
    return bytes([identifier]) + md5(bytes([identifier]), password, challenge)


def vendor(vendor_id, kind, value):
    return (VENDOR_SPECIFIC, struct.pack("!IBB", vendor_id, kind, len(value) + 2) + value)


def attributes_octets(attributes):
    return b"".join(bytes([kind, len(value) + 2]) + value for kind, value in attributes)


def assemble(code, identifier, authenticator, attributes):
    body = attributes_octets(attributes)
    return struct.pack("!BBH", code, identifier, 20 + len(body)) + authenticator + body


def sign(packet, secret, header=None):
    """Fills in the Message-Authenticator of `packet` (RFC 3579 section 3.2)."""
    at = message_authenticator_at(packet)
    blank = packet[:4] + (header or packet[4:20]) + packet[20:at] + bytes(16) + packet[at + 16 :]
    mac = hmac.new(secret, blank, "md5").digest()
    return packet[:at] + mac + packet[at + 16 :]


def message_authenticator_at(packet):
    at = 20
    while at < len(packet):
        if packet[at] == MESSAGE_AUTHENTICATOR:
            return at + 2
        at += packet[at + 1]
    raise AssertionError("no Message-Authenticator")


@dataclass
class Request:
    """A request as a client makes it. `message_authenticator`: "first", "last" or None."""

    secret: bytes
    code: int = ACCESS_REQUEST
    identifier: int = 0
    attributes: list = field(default_factory=list)
    authenticator: bytes = field(default_factory=lambda: os.urandom(16))
    message_authenticator: str | None = "first"

    def octets(self):
        attributes = list(self.attributes)
        blank = (MESSAGE_AUTHENTICATOR, bytes(16))
        if self.message_authenticator == "first":
            attributes.insert(0, blank)
        elif self.message_authenticator == "last":
            attributes.append(blank)
        if self.code in SIGNED_REQUESTS:
            self.authenticator = bytes(16)
        packet = assemble(self.code, self.identifier, self.authenticator, attributes)
        if self.message_authenticator:
            packet = sign(packet, self.secret)
        if self.code in SIGNED_REQUESTS:
            self.authenticator = md5(packet, self.secret)
            packet = packet[:4] + self.authenticator + packet[20:]
        return packet


def pap(secret, user, password, identifier=0, extra=(), **options):
    """An Access-Request with User-Name and User-Password."""
    request = Request(secret, identifier=identifier, **options)
    request.attributes = [
        (USER_NAME, user.encode()),
        (USER_PASSWORD, hide_password(password.encode(), secret, request.authenticator)),
        (NAS_IP_ADDRESS, bytes([192, 0, 2, 1])),
        *extra,
    ]
    return request


class Reply:
    """A reply, checked in full against its request: anything wrong is an AssertionError."""

    def __init__(self, octets, request):
        packet = request.octets() if isinstance(request, Request) else request.packet
        secret, authenticator = request.secret, packet[4:20]
        self.octets = octets
        self.secret, self.request_authenticator = secret, authenticator
        self.code, self.identifier, length = struct.unpack("!BBH", octets[:4])
        assert length == len(octets), f"Length {length} in a datagram of {len(octets)}"
        assert self.identifier == packet[1], "another Identifier"
        signed = md5(octets[:4], authenticator, octets[20:], secret)
        assert octets[4:20] == signed, "wrong Response Authenticator"
        self.attributes = parse_attributes(octets)
        if self.get(MESSAGE_AUTHENTICATOR):
            assert sign(octets, secret, authenticator) == octets, "wrong Message-Authenticator"

    def all(self, kind):
        return [value for k, value in self.attributes if k == kind]

    def get(self, kind):
        values = self.all(kind)
        return values[0] if values else None

    def text(self, kind):
        value = self.get(kind)
        return None if value is None else value.decode()

    def vendor_all(self, vendor_id, kind):
        head = struct.pack("!IB", vendor_id, kind)
        return [v[6:] for v in self.all(VENDOR_SPECIFIC) if v[:5] == head and v[5] == len(v) - 4]

    def tunnel_passwords(self):
        """(tag, clear text) of each Tunnel-Password."""
        return [
            (v[0], reveal_salted(v[1:], self.secret, self.request_authenticator))
            for v in self.all(TUNNEL_PASSWORD)
        ]

    def mppe_key(self, kind):
        (value,) = self.vendor_all(MICROSOFT, kind)
        return reveal_salted(value, self.secret, self.request_authenticator)


def parse_attributes(octets):
    attributes, at = [], 20
    while at < len(octets):
        kind, length = octets[at], octets[at + 1]
        assert length >= 2 and at + length <= len(octets), "attribute out of bounds"
        attributes.append((kind, octets[at + 2 : at + length]))
        at += length
    return attributes


def make_reply(request, code, attributes, secret, message_authenticator="first"):
    """A signed reply to the octets `request`, as a downstream would make it."""
    attributes = list(attributes)
    if message_authenticator == "first":
        attributes.insert(0, (MESSAGE_AUTHENTICATOR, bytes(16)))
    packet = assemble(code, request[1], request[4:20], attributes)
    if message_authenticator:
        packet = sign(packet, secret)
    return packet[:4] + md5(packet, secret) + packet[20:]
