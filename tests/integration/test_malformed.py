"""Datagrams that are not RADIUS, or not from a friend: each is dropped in silence, counted under
its reason, and the daemon serves on. What the codec itself makes of far more inputs is tested in
tests/protocol/radius."""

import os
import random
import struct

import pytest
from harness import FakeDownstream, Sallyport, wire
from harness.downstream import accept
from harness.sallyport import client

SECRET = b"client-secret-of-the-tests"


def header(code=1, length=20):
    return struct.pack("!BBH", code, 1, length) + bytes(range(16))


def packet(body, code=1):
    return header(code, 20 + len(body)) + body


def attribute(kind, value):
    return bytes([kind, len(value) + 2]) + value


USER = attribute(1, b"alice")

# name → (datagram, reason): sallyport_radius_malformed_total{from="client",reason=…}
MALFORMED = {
    "nothing but a code": (b"\x01", "too_short"),
    "nineteen octets": (header()[:19], "too_short"),
    "code 0": (packet(USER, code=0), "unknown_code"),
    "code 6": (packet(USER, code=6), "unknown_code"),
    "code 13": (packet(USER, code=13), "unknown_code"),
    "code 255": (packet(USER, code=255), "unknown_code"),
    "Length 0": (header(length=0), "length_below_minimum"),
    "Length 3": (header(length=3), "length_below_minimum"),
    "Length 19": (header(length=19), "length_below_minimum"),
    "Length 4097": (header(length=4097) + bytes(4077), "length_above_maximum"),
    "Length 65535": (header(length=65535) + USER, "length_above_maximum"),
    "Length one past the datagram": (header(length=28) + USER, "length_beyond_datagram"),
    "Length 4096 of 20 octets": (header(length=4096), "length_beyond_datagram"),
    "one octet left over": (packet(USER + b"\x01"), "attribute_header_truncated"),
    "type 0": (packet(attribute(0, b"x")), "attribute_type_zero"),
    "attribute length 0": (packet(b"\x01\x00"), "attribute_length_below_two"),
    "attribute length 1": (packet(b"\x01\x01"), "attribute_length_below_two"),
    "attribute one past the end": (packet(b"\x01\x08alice"), "attribute_beyond_packet"),
    "attribute of 255 in 3 octets": (packet(b"\x4f\xff\x00"), "attribute_beyond_packet"),
    "256 attributes": (packet(attribute(222, b"") * 256), "too_many_attributes"),
    "2000 empty attributes": (packet(attribute(222, b"") * 2000), "too_many_attributes"),
    "Message-Authenticator of 0": (packet(attribute(80, b"")), "message_authenticator_length"),
    "Message-Authenticator of 15": (packet(attribute(80, bytes(15))),
                                    "message_authenticator_length"),
    "Message-Authenticator of 17": (packet(attribute(80, bytes(17))),
                                    "message_authenticator_length"),
    "Message-Authenticator of 253": (packet(attribute(80, bytes(253))),
                                     "message_authenticator_length"),
    "two Message-Authenticators": (packet(attribute(80, bytes(16)) * 2),
                                   "message_authenticator_twice"),
    "EAP without Message-Authenticator": (packet(USER + attribute(79, b"\x02\x01\x00\x04")),
                                          "eap_without_message_authenticator"),
    "empty EAP without Message-Authenticator": (packet(USER + attribute(79, b"")),
                                                "eap_without_message_authenticator"),
    "Status-Server without Message-Authenticator": (
        packet(attribute(32, b"x"), code=12), "status_server_without_message_authenticator"),
}


def signed(attributes, code=1):
    return wire.Request(SECRET, code=code, identifier=2, attributes=attributes).octets()


def flipped(octets, at):
    return octets[:at] + bytes([octets[at] ^ 0x01]) + octets[at + 1 :]


ALICE = (wire.USER_NAME, b"alice")

# name → (datagram, reason): sallyport_radius_drops_total{reason=…}
DROPPED = {
    "an Access-Accept": (packet(USER, code=2), "unsupported_code"),
    "an Access-Challenge": (packet(USER, code=11), "unsupported_code"),
    "a CoA-Request": (packet(USER, code=43), "unsupported_code"),
    "a Message-Authenticator of zeros": (packet(USER + attribute(80, bytes(16))),
                                         "bad_message_authenticator"),
    "one bit flipped in the Message-Authenticator": (flipped(signed([ALICE]), 25),
                                                     "bad_message_authenticator"),
    "one bit flipped in the User-Name": (flipped(signed([ALICE]), -1),
                                         "bad_message_authenticator"),
    "one bit flipped in the authenticator": (flipped(signed([ALICE]), 4),
                                             "bad_message_authenticator"),
    "accounting with a random authenticator": (packet(USER, code=4), "bad_authenticator"),
    "User-Password of 15": (signed([ALICE, (2, bytes(15))]), "untranslatable"),
    "User-Password of 17": (signed([ALICE, (2, bytes(17))]), "untranslatable"),
    "User-Password of 0": (signed([ALICE, (2, b"")]), "untranslatable"),
    "User-Password of 144": (signed([ALICE, (2, bytes(144))]), "untranslatable"),
    "User-Password of 253": (signed([ALICE, (2, bytes(253))]), "untranslatable"),
    "CHAP-Password of 16": (signed([ALICE, (3, bytes(16))]), "untranslatable"),
    "CHAP-Password of 18": (signed([ALICE, (3, bytes(18))]), "untranslatable"),
    "User-Password and CHAP-Password": (signed([ALICE, (2, bytes(16)), (3, bytes(17))]),
                                        "untranslatable"),
    "no room for what we add": (signed([(222, bytes(253))] * 15 + [(222, bytes(227))]),
                                "untranslatable"),
    "Tunnel-Password too short in a request": (signed([ALICE, (69, b"\x00\x80")]),
                                               "untranslatable"),
}

# Ugly, but RADIUS: forwarded, because RFC 6929 section 5.2 wants a proxy to let the unknown pass.
FORWARDED = {
    "Vendor-Specific of 0 octets": [(26, b"")],
    "Vendor-Specific of 4 octets": [(26, bytes(4))],
    "vendor length 0": [(26, bytes.fromhex("000001370c00"))],
    "vendor length past the end": [(26, bytes.fromhex("0000013710ff8000"))],
    "WiMAX with a length too big": [(26, bytes.fromhex("000060b52c048000")),
                                    (26, bytes.fromhex("000060b52cfa00"))],
    "empty attributes": [(25, b""), (222, b""), (144, b""), (180, b"")],
    "extended without a type": [(241, b""), (245, b"")],
    "extended with More on the last": [(245, b"\x01\x80")],
    "245 attributes": [(222, b"")] * 245,
    "15 Proxy-States": [(33, bytes([n]) * 10) for n in range(15)],
    "an empty Proxy-State": [(33, b"")],
}


@pytest.fixture
def door(tmp_path, downstream, notakey):
    return Sallyport(tmp_path, downstream, notakey)


def moved(before, after, *, prefixes=("sallyport_radius_malformed", "sallyport_radius_drops")):
    """The counters that grew, and by how much."""
    return {
        name: after[name] - before.get(name, 0)
        for name in after
        if name.startswith(prefixes) and after[name] != before.get(name, 0)
    }


def send_and_see(door, nas, octets):
    before = door.metrics()
    nas.send(octets)
    assert nas.barrier() == [], "answered"
    return moved(before, door.metrics())


def test_each_malformed_datagram_is_counted_once_under_its_reason(door, downstream):
    with door.nas() as nas:
        for name, (octets, reason) in MALFORMED.items():
            growth = send_and_see(door, nas, octets)
            assert len(growth) == 1, (name, growth)
            ((metric, by),) = growth.items()
            assert f'reason="{reason}"' in metric and 'from="client"' in metric, (name, metric)
            assert by == 1, name
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert door.running()
    assert len(downstream.requests) == 1


def test_each_dropped_packet_is_counted_once_under_its_reason(door, downstream):
    with door.nas() as nas:
        for name, (octets, reason) in DROPPED.items():
            growth = send_and_see(door, nas, octets)
            assert list(growth.values()) == [1], (name, growth)
            assert f'drops_total{{reason="{reason}"}}' in next(iter(growth)), (name, growth)
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert door.running()
    assert len(downstream.requests) == 1


@pytest.mark.parametrize("name", FORWARDED)
def test_the_unknown_passes(door, downstream, name):
    with door.nas() as nas:
        request = nas.pap("alice", "x", FORWARDED[name])
        assert nas.ask(request).code == wire.ACCESS_ACCEPT
    (forwarded,) = downstream.requests
    # Message-Authenticator and pap()'s own three come before, our Proxy-State after.
    assert wire.parse_attributes(forwarded)[4:-1] == FORWARDED[name]


@pytest.mark.parametrize("padding", [1, 17, 1000])
def test_octets_past_length_are_padding(door, padding):
    """RFC 2865 section 3: ignored, and not part of any digest."""
    with door.nas() as nas:
        request = nas.pap("alice", "x")
        nas.send(request.octets() + os.urandom(padding))
        assert nas.receive(request).code == wire.ACCESS_ACCEPT


def test_an_unknown_client_is_not_answered(tmp_path, downstream, notakey):
    door = Sallyport(tmp_path, downstream, notakey,
                     clients=[client(["127.0.0.1"])])
    with door.nas() as nas, door.nas("127.0.0.9") as stranger:
        stranger.send(stranger.pap("alice", "x"))
        stranger.send(stranger.status_server())
        assert nas.barrier() == []
        assert stranger.nothing_arrives()
    door.wait_metric(2, "sallyport_radius_drops_total", reason="unknown_client")


def test_the_secret_is_chosen_by_source_address_only(tmp_path, downstream, notakey):
    """NAS-IP-Address and NAS-Identifier say nothing about whose secret it is."""
    clients = [client(["127.0.0.1"], name="one"),
               client(["127.0.0.2"], secret="another secret of the tests", name="two")]
    door = Sallyport(tmp_path, downstream, notakey, clients=clients)
    with door.nas("127.0.0.2") as nas:
        nas.send(nas.pap("alice", "x", [(wire.NAS_IP_ADDRESS, bytes([127, 0, 0, 1]))]))
        nas.secret = b"another secret of the tests"
        assert nas.barrier() == []
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT


def test_the_longest_prefix_wins(tmp_path, downstream, notakey):
    secrets = {"127.0.0.0/8": "wide secret of tests", "127.0.7.0/24": "narrow secret of tests",
               "127.0.7.7": "host secret of the tests"}
    clients = [client([prefix], secret=secret, name=f"client {n}")
               for n, (prefix, secret) in enumerate(secrets.items())]
    door = Sallyport(tmp_path, downstream, notakey, clients=clients)
    for address, prefix in (("127.0.0.5", "127.0.0.0/8"), ("127.0.7.6", "127.0.7.0/24"),
                            ("127.0.7.7", "127.0.7.7")):
        with door.nas(address, secrets[prefix]) as nas:
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT


# Replies of a downstream that has gone mad: name → octets after the header
def mad_replies(request, downstream):
    good = downstream.reply(request, wire.ACCESS_ACCEPT)
    secret = downstream.key

    def reply(attributes):
        return wire.make_reply(request, wire.ACCESS_ACCEPT, attributes, secret)

    return [
        b"", b"\x02", good[:19], good[:-1], good[:2] + b"\xff\xff" + good[4:],
        good[:20] + b"\x12\x00", good[:20] + b"\x12\xff",
        reply([(69, b"")]), reply([(69, b"\x00\x80")]), reply([(69, b"\x00\x80\x01" + bytes(15))]),
        reply([(69, b"\x00\x80\x01" + bytes(17))]),
        reply([wire.vendor(311, 16, b"\x80\x01")]),
        reply([wire.vendor(311, 17, b"\x80\x01" + bytes(17))]),
        reply([wire.vendor(311, 17, b"\x80\x01" + bytes(241))]),
        reply([(18, bytes(253))] * 15 + [(18, bytes(200))]),
    ]


def test_a_downstream_gone_mad_is_survived(tmp_path, notakey):
    def handler(request, downstream):
        name = dict(wire.parse_attributes(request))[wire.USER_NAME]
        return mad_replies(request, downstream) if name == b"mad" else accept(request, downstream)

    with FakeDownstream(handler) as downstream:
        door = Sallyport(tmp_path, downstream, notakey)
        with door.nas() as nas:
            nas.send(nas.pap("mad", "x"))
            assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
            for octets in nas.barrier():
                assert octets[0] != wire.ACCESS_ACCEPT
    assert door.running()


def test_noise_is_survived(tmp_path, downstream, notakey):
    """Signed requests with a few octets changed, cut or doubled at random: none is answered, none
    ends the daemon."""
    door = Sallyport(tmp_path, downstream, notakey,
                     clients=[client(require_message_authenticator="yes")])
    seed = os.environ.get("SALLYPORT_TEST_SEED", os.urandom(4).hex())
    print(f"SALLYPORT_TEST_SEED={seed} replays this run")
    rng = random.Random(seed)
    with door.nas() as nas:
        for _ in range(20):
            for _ in range(100):
                request = nas.pap("alice", "x", [(wire.PROXY_STATE, b"state")],
                                  identifier=rng.randrange(200))
                octets = bytearray(request.octets())
                for at in rng.sample(range(len(octets)), rng.randrange(1, 5)):
                    octets[at] ^= rng.randrange(1, 256)
                cut = rng.randrange(len(octets)) if rng.random() < 0.2 else len(octets)
                nas.send(bytes(octets[:cut]) * rng.choice((1, 1, 1, 2)))
            assert nas.barrier() == []
        assert nas.ask(nas.pap("alice", "x")).code == wire.ACCESS_ACCEPT
    assert door.running()
