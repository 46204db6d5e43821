"""CoA-Requests and Disconnect-Requests: from the real radclient through the daemon to a real
FreeRADIUS as NAS, and its answers back."""

import os
import re
import signal
import socket
import time

import pytest
from coa_lab import (ASKER_SECRET, NAS_SECRET, SIGNED, Door, FreeRadiusNas, acknowledge, ask,
                     fake_nas, nas_client, of_alice, request)
from harness import Nas, Process, loopback_address, wait_until, wire
from harness.clients import radclient_reply
from harness.net import free_port
from harness.sallyport import BINARY


@pytest.fixture
def start(tmp_path, downstream):
    def make(*nases, **settings):
        return Door(tmp_path, downstream, nases, **settings)

    return make


@pytest.fixture
def gateway(tmp_path):
    return FreeRadiusNas(tmp_path / "nas")


@pytest.fixture
def fake():
    """A NAS that acknowledges everything."""
    with fake_nas(acknowledge) as nas:
        yield nas


def own(nas, *more):
    """Attributes for a request of our own."""
    return [(wire.USER_NAME, b"alice"),
            (wire.NAS_IP_ADDRESS, socket.inet_aton(nas.server[0])), *more]


def timestamp(off=0):
    return (wire.EVENT_TIMESTAMP, (int(time.time()) + off).to_bytes(4, "big"))


def test_radclient_disconnects_and_changes_a_session_at_freeradius(start, gateway, tmp_path):
    door = start(nas_client(gateway))
    status, output = ask(door.coa, of_alice(gateway), tmp_path)
    assert status == 0, output
    assert radclient_reply(output)[0] == "Disconnect-ACK"
    status, output = ask(door.coa, of_alice(gateway, ("Filter-Id", '"slow"'),
                                            ("Tunnel-Password:1", '"tunnel one"')),
                         tmp_path, kind="coa")
    assert status == 0, output
    assert radclient_reply(output)[0] == "CoA-ACK"
    # The hidden one arrives in clear, so it was hidden anew for the NAS; one Proxy-State is ours.
    assert gateway.requests() == [
        "Disconnect-Request user=alice session=0001 tunnel= filter= states=1",
        "CoA-Request user=alice session=0001 tunnel=tunnel one filter=slow states=1"]
    first, second = door.wait_answers(2)
    assert (first["code"], first["answer"]) == ("Disconnect-Request", "Disconnect-ACK")
    assert (second["code"], second["answer"]) == ("CoA-Request", "CoA-ACK")
    assert first["asker"] == "portal" and first["nas"] == "gateway"
    assert first["nas_address"] == f"{gateway.server[0]}:{gateway.server[1]}"
    assert first["user"] == "alice" and first["session"] == "0001"
    assert "error_cause" not in first
    door.wait_metric(2, "sallyport_coa_acks_total")
    door.wait_metric(0, "sallyport_coa_pending")


def test_the_naks_of_freeradius_come_back_with_their_cause(start, gateway, tmp_path):
    door = start(nas_client(gateway))
    attributes = [SIGNED, ("User-Name", '"nobody"'), ("NAS-Identifier", '"gateway"')]
    for kind, code in (("disconnect", "Disconnect-NAK"), ("coa", "CoA-NAK")):
        _, output = ask(door.coa, attributes, tmp_path, kind=kind)
        answer, values = radclient_reply(output)
        assert answer == code
        assert values["Error-Cause"] == ["Session-Context-Not-Found"]
    assert [line["error_cause"] for line in door.wait_answers(2)] == [503, 503]
    assert {line["outcome"] for line in door.answers()} == {"answered"}


def test_what_names_no_nas_or_no_session_is_refused_by_us(start, fake, tmp_path):
    door = start(nas_client(fake))
    cases = [
        ([SIGNED, ("User-Name", '"alice"'), ("NAS-IP-Address", "192.0.2.77")],
         "Proxy-Request-Not-Routable", "unknown_nas"),
        ([SIGNED, ("User-Name", '"alice"'), ("NAS-Identifier", '"another"')],
         "Proxy-Request-Not-Routable", "unknown_nas"),
        ([SIGNED, ("User-Name", '"alice"')], "Missing-Attribute", "no_nas"),
        ([SIGNED, ("NAS-IP-Address", fake.server[0])], "Missing-Attribute", "no_session"),
        ([SIGNED, ("User-Name", '"alice"'), ("NAS-IP-Address", "127.0.0.9"),
          ("NAS-Identifier", '"gateway"')], "NAS-Identification-Mismatch", "mismatch"),
    ]
    for count, (attributes, cause, outcome) in enumerate(cases, 1):
        _, output = ask(door.coa, attributes, tmp_path)
        answer, values = radclient_reply(output)
        assert answer == "Disconnect-NAK" and values["Error-Cause"] == [cause]
        assert door.wait_answers(count)[-1]["outcome"] == outcome
    assert fake.requests == []


def test_who_is_not_known_or_not_believed_gets_no_answer(start, fake, tmp_path):
    door = start(nas_client(fake), askers=[{"name": "portal", "addresses": ["127.0.0.1"],
                                            "secret": ASKER_SECRET}])
    with door.asker() as portal, Nas(door.coa, ASKER_SECRET, "127.0.0.2") as stranger:
        stranger.send(request(1, own(fake)))
        door.wait_drop("unknown_asker")
        portal.send(request(2, own(fake), secret="another secret"))
        door.wait_drop("bad_authenticator")
        portal.send(request(3, own(fake), message_authenticator=None))
        door.wait_drop("message_authenticator_required")
        portal.send(request(4, own(fake), code=wire.ACCOUNTING_REQUEST))
        door.wait_drop("unsupported_code")
        portal.send(b"\x2b\x05\x00\x13")
        door.wait_metric(1, "sallyport_coa_malformed_total", reason="too_short")
        # What came before has been dropped, and not only delayed.
        reply = portal.ask(request(6, own(fake)))
        assert reply.code == wire.COA_ACK and reply.identifier == 6
        assert stranger.nothing_arrives()
    assert len(fake.requests) == 1
    secret = door.err() + door.http("/metrics")[1] + door.http("/status")[1]
    assert ASKER_SECRET not in secret and NAS_SECRET not in secret


def test_the_downstream_server_may_ask_when_it_is_allowed(start, downstream, fake):
    door = start(nas_client(fake), askers=None, coa={"from_downstream": True})
    with Nas(door.coa, downstream.secret, downstream.server[0]) as server:
        ours = request(1, own(fake, (wire.STATE, b"s"), (wire.PROXY_STATE, b"mine")),
                       secret=downstream.secret)
        reply = server.ask(ours)
    assert reply.code == wire.COA_ACK
    assert reply.all(wire.PROXY_STATE) == [b"mine"]
    assert reply.get(wire.MESSAGE_AUTHENTICATOR)
    (sent,) = fake.requests
    attributes = wire.parse_attributes(sent)
    assert attributes[0][0] == wire.MESSAGE_AUTHENTICATOR
    # In their order, State untouched, and ours at the end.
    assert attributes[1:-1] == ours.attributes
    assert attributes[-1][0] == wire.PROXY_STATE and attributes[-1][1] != b"mine"
    assert door.wait_answers(1)[0]["asker"] == "downstream"


def test_duplicates_reach_the_nas_once(start, fake):
    held = []
    fake.handler = lambda octets, _: held.append(octets)
    door = start(nas_client(fake))
    with door.asker() as portal:
        same = request(7, own(fake)).octets()
        portal.send(same)
        wait_until(lambda: held, "the request at the NAS")
        portal.send(same)
        door.wait_drop("duplicate_pending")
        fake.send(acknowledge(held[0], fake))
        answer = portal.receive_octets()
        portal.send(same)
        assert portal.receive_octets() == answer
        door.wait_metric(1, "sallyport_coa_duplicates_answered_total")
    assert len(held) == 1


def test_a_silent_nas_is_asked_again_and_told_of(start, fake, tmp_path):
    fake.handler = lambda *_: None
    door = start(nas_client(fake), coa={"retransmit": "200ms", "timeout": "3s"})
    _, output = ask(door.coa, of_alice(fake), tmp_path)
    answer, values = radclient_reply(output)
    assert answer == "Disconnect-NAK"
    assert values["Error-Cause"] == ["Proxy-Processing-Error"]
    assert len(fake.requests) > 1 and len(set(fake.requests)) == 1
    assert door.wait_answers(1)[0]["outcome"] == "unreachable"
    door.wait_metric(1, "sallyport_coa_timeouts_total")
    wait_until(lambda: any("does not answer" in line.get("message", "")
                           for line in door.log_lines()), "a line about it")
    # It is back.
    fake.handler = acknowledge
    status, output = ask(door.coa, of_alice(fake), tmp_path)
    assert status == 0, output


def test_a_nas_that_comes_back_in_time_answers_the_retransmission(start, tmp_path):
    address = loopback_address()
    server = (address, free_port(address))

    class Absent:
        pass

    absent = Absent()
    absent.server = server
    door = start(nas_client(absent), coa={"retransmit": "200ms"})
    with door.asker() as portal:
        ours = request(1, own(absent))
        portal.send(ours)
        door.wait_metric(1, "sallyport_coa_forwarded_total")
        gateway = FreeRadiusNas(tmp_path / "nas", server)
        assert portal.receive(ours, patience_s=60).code == wire.COA_ACK
    assert gateway.requests() == ["CoA-Request user=alice session= tunnel= filter= states=1"]


def test_forged_answers_are_dropped(start, fake):
    def forge(octets, nas):
        wrong_key = wire.make_reply(octets, wire.COA_ACK, [], b"another secret",
                                    message_authenticator=None)
        other_code = nas.reply(octets, wire.DISCONNECT_ACK, message_authenticator=None)
        bad_mac = wire.make_reply(
            octets, wire.COA_ACK, [(wire.MESSAGE_AUTHENTICATOR, bytes(16))], nas.key,
            message_authenticator=None)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
            elsewhere.bind((nas.server[0], 0))
            elsewhere.sendto(acknowledge(octets, nas), nas.peer)
        return [wrong_key, other_code, bad_mac, octets[:5],
                nas.reply(octets, wire.COA_NAK, [(wire.ERROR_CAUSE, (404).to_bytes(4, "big"))])]

    fake.handler = forge
    door = start(nas_client(fake))
    with door.asker() as portal:
        reply = portal.ask(request(1, own(fake)))
    assert reply.code == wire.COA_NAK and reply.get(wire.ERROR_CAUSE) == (404).to_bytes(4, "big")
    for reason in ("reply_unmatched", "reply_wrong_code", "reply_bad_authenticator",
                   "reply_bad_message_authenticator"):
        door.wait_drop(reason)
    door.wait_metric(1, "sallyport_coa_malformed_total", **{"from": "nas"})


def test_old_and_replayed_requests_are_not_carried(start, fake):
    door = start(nas_client(fake))
    with door.asker() as portal:
        for off in (-3600, 3600):
            portal.send(request(1, own(fake, timestamp(off))))
        door.wait_drop("event_timestamp", 2)
        fresh = request(2, own(fake, timestamp())).octets()
        portal.send(fresh)
        answer = portal.receive_octets()
        # The NAS gets the stamp as it is; the same again is answered by us.
        assert dict(wire.parse_attributes(fake.requests[0]))[wire.EVENT_TIMESTAMP] == dict(
            wire.parse_attributes(fresh))[wire.EVENT_TIMESTAMP]
        portal.send(fresh)
        assert portal.receive_octets() == answer
    assert len(fake.requests) == 1


def test_a_reload_takes_new_nases_secrets_and_listeners(start, fake, tmp_path):
    held = []
    fake.handler = lambda octets, _: held.append(octets)
    door = start(nas_client(fake))
    second = FreeRadiusNas(tmp_path / "nas")
    with door.asker() as portal:
        waiting = request(1, own(fake))
        portal.send(waiting)
        wait_until(lambda: held, "the request at the NAS")

        old_listener = door.coa
        door.coa = (door.coa[0], free_port(door.coa[0]))
        door.settings["client"].append(nas_client(second, "second", nas_identifiers=["edge"]))
        door.settings["coa"]["listen"] = [f"{door.coa[0]}:{door.coa[1]}"]
        door.settings["coa.client"][0]["secret"] = "a new secret of the portal"
        door.write_config()
        door.reload()
        wait_until(lambda: any("done" in line["message"] for line in door.log_lines()
                               if line.get("component") == "reload"), "the reload")
        # By the listener that is gone, with the secret that is gone: it began with them.
        fake.send(acknowledge(held[0], fake))
        assert portal.receive(waiting).code == wire.COA_ACK
        portal.send(request(2, own(fake)))
    attributes = [SIGNED, ("User-Name", '"alice"'), ("NAS-Identifier", '"edge"')]
    status, output = ask(door.coa, attributes, tmp_path, secret="a new secret of the portal")
    assert status == 0, output
    assert len(second.requests()) == 1
    assert len(held) == 1
    # And back to the first address while its socket may still be open.
    door.coa = old_listener
    door.settings["coa"]["listen"] = [f"{door.coa[0]}:{door.coa[1]}"]
    door.write_config()
    door.reload()
    wait_until(lambda: ask(door.coa, attributes, tmp_path, secret="a new secret of the portal",
                           options=("-r", "1", "-t", "1"))[0] == 0, "the first listener again")


def test_switching_it_on_needs_a_restart(start, fake):
    door = start(nas_client(fake))
    door.settings["coa"]["source_address"] = "127.0.0.1"
    door.write_config()
    door.reload()
    wait_until(lambda: any("coa.source_address cannot change" in line["message"]
                           for line in door.log_lines()), "why")


def test_pyrad_on_both_sides(start, tmp_path):
    """pyrad asks, and pyrad is the NAS."""
    nas_folder = tmp_path / "pyrad"
    nas_folder.mkdir()
    dictionary = nas_folder / "dictionary"
    dictionary.write_text(
        "ATTRIBUTE User-Name 1 string\nATTRIBUTE NAS-IP-Address 4 ipaddr\n"
        "ATTRIBUTE Proxy-State 33 octets\nATTRIBUTE Message-Authenticator 80 octets\n"
        "ATTRIBUTE Error-Cause 101 integer\n")
    address = loopback_address()
    port = free_port(address)
    script = nas_folder / "nas.py"
    script.write_text(f"""
import sys
from pyrad import dictionary, packet, server

class Gateway(server.Server):
    def HandleCoaPacket(self, pkt):
        answer = self.CreateReplyPacket(pkt)
        for state in pkt.get(33, []):
            answer.AddAttribute(33, state)
        answer.code = packet.CoAACK
        self.SendReplyPacket(pkt.fd, answer)

gateway = Gateway(dict=dictionary.Dictionary({str(dictionary)!r}), coa_enabled=True,
                  authport=0, acctport=0, coaport={port})
gateway.hosts["127.0.0.1"] = server.RemoteHost("127.0.0.1", {NAS_SECRET.encode()!r}, "proxy")
gateway.hosts["0.0.0.0"] = server.RemoteHost("0.0.0.0", {NAS_SECRET.encode()!r}, "proxy")
gateway.BindToAddress({address!r})
print('{{"ready": true}}', flush=True)
gateway.Run()
""")
    process = Process("pyrad", ["/usr/bin/python3", "-B", script], nas_folder)
    process.ready_line()

    class PyradNas:
        server = (address, port)

    door = start(nas_client(PyradNas), coa={"require_message_authenticator": False})
    from pyrad import client as pyrad_client
    from pyrad import dictionary as pyrad_dictionary
    from pyrad import packet as pyrad_packet

    portal = pyrad_client.Client(server=door.coa[0], coaport=door.coa[1],
                                 secret=ASKER_SECRET.encode(),
                                 dict=pyrad_dictionary.Dictionary(str(dictionary)))
    portal.timeout = 20
    asked = portal.CreateCoAPacket(User_Name="alice")
    asked.AddAttribute("NAS-IP-Address", address)
    answer = portal.SendPacket(asked)
    assert answer.code == pyrad_packet.CoAACK


def test_a_takeover_hands_the_listener_over_and_carries_nothing_twice(start, fake):
    held = []
    fake.handler = lambda octets, _: held.append(octets)
    door = start(nas_client(fake), radius={"duplicate_window": "5s"})
    with door.asker() as portal:
        waiting = request(1, own(fake))
        octets = waiting.octets()
        portal.send(octets)
        wait_until(lambda: held, "the request at the NAS")
        old_peer = fake.peer
        os.kill(door.pid, signal.SIGUSR2)
        successor = wait_until(
            lambda: re.search(r"process (\d+) has taken over", door.err()), "the take-over")
        try:
            portal.send(octets)
            door.wait_drop("remembered_elsewhere")
            fake.handler = acknowledge
            reply = portal.ask(request(2, own(fake)))
            assert reply.code == wire.COA_ACK
            # The old process answers what it has begun.
            fake.send(acknowledge(held[0], fake), old_peer)
            assert portal.receive(waiting).code == wire.COA_ACK
            door.wait_exit()
            assert portal.ask(request(3, own(fake))).code == wire.COA_ACK
        finally:
            os.kill(int(successor.group(1)), signal.SIGTERM)
    assert len(held) == 1


def test_what_is_owed_is_answered_before_the_end(start, fake):
    held = []
    fake.handler = lambda octets, _: held.append(octets)
    door = start(nas_client(fake))
    with door.asker() as portal:
        waiting = request(1, own(fake))
        portal.send(waiting)
        wait_until(lambda: held, "the request at the NAS")
        door.terminate()
        wait_until(lambda: "stopping" in door.err(), "the beginning of the end")
        fake.send(acknowledge(held[0], fake))
        assert portal.receive(waiting).code == wire.COA_ACK
    assert door.wait_exit() == 0


def test_the_status_counts_them(start, fake, tmp_path):
    door = start(nas_client(fake))
    status, output = ask(door.coa, of_alice(fake), tmp_path)
    assert status == 0, output
    shown = Process("status", [BINARY, "status", "--admin", f"{door.admin[0]}:{door.admin[1]}"],
                    tmp_path)
    shown.wait_exit()
    assert re.search(r"^CoA +requests 1, acks 1, naks 0, own naks 0, timeouts 0, pending 0, "
                     r"dropped 0$", shown.out(), re.MULTILINE), shown.out()
    assert f"{door.coa[0]}:{door.coa[1]} (CoA)" in shown.out()
