"""Links that are sent to a user, as the second factor over RADIUS, with FreeRADIUS downstream; and
the example that has them, with a mail server."""

import concurrent.futures
import re
import socket
import subprocess

import pytest
from gate_lab import GATE, Visitor
from gate_peers import MailServer
from harness import FakeDownstream, Nas, Process, sallyport, wire
from harness.clients import eapol_test
from harness.net import free_port, loopback_address, wait_until
from harness.sallyport import ROOT, filled_in
from http_lab import Authority
from radius_messages_lab import Door, decide, policy
from takeover_lab import Generations
from test_eap import ttls
from test_radius_factors import HOME, begin


@pytest.fixture
def start(tmp_path, freeradius, notakey):
    def open_door(downstream=freeradius, **options):
        return Door(tmp_path / "door", downstream, notakey, **options)

    return open_door


def send_login(nas, user="alice", password="wonderland", extra=(HOME,), **options):
    request = nas.pap(user, password, extra, **options)
    nas.send(request)
    return request


def test_a_link_lets_in_when_its_page_says_yes(start, notakey):
    door = start(web=True, policy=policy("link"))
    with door.nas() as nas:
        request = send_login(nas, extra=(HOME, (wire.PROXY_STATE, b"one")))
        link = door.link()
        visitor = Visitor(door, loopback_address())
        for _ in range(3):  # as scanners of mail do
            assert visitor.get(link).status == 200
        nas.send(request)  # a duplicate, which sends nothing
        assert nas.nothing_arrives()
        page = decide(door, link, "yes")
        accepted = nas.receive(request)
        assert nas.ask(request).octets == accepted.octets
    assert accepted.code == wire.ACCESS_ACCEPT
    assert accepted.get(wire.FILTER_ID) == b"staff"
    assert accepted.all(wire.PROXY_STATE) == [b"one"]
    assert accepted.all(wire.CLASS)[-1] == b"mfa=link"
    # Who asks for what: an address that the NAS names is the user's.
    assert all(text in page for text in ("alice", "nas", "198.51.100.7"))
    assert len(door.messages()) == 1 and notakey.requests() == []
    assert visitor.get(link).status != 200  # good once
    line = door.wait_audit(1)[0]
    assert (line["outcome"], line["factor"], line["verdict"]) == ("approved", "link", "approved")
    wait_until(lambda: [event["user"] for event in door.events("link_approved")] == ["alice"],
               door.err)
    # It opens nothing on the web.
    assert door.events("grant_opened") == []
    secret = link.rpartition("=")[2]
    door.terminate()
    door.child.wait()
    assert secret not in door.err()


def test_a_link_that_is_denied_is_a_reject_and_a_pause(start):
    door = start(web=True, policy=policy("link"), **{"second_factor.limits": {"cool_down": "1m"}})
    station = (wire.CALLING_STATION_ID, b"00-11-22-33-44-55")
    with door.nas() as nas:
        request = send_login(nas, extra=(station,))
        page = decide(door, door.link(), "no")
        denied = nas.receive(request)
        assert (denied.code, denied.text(wire.REPLY_MESSAGE)) == (
            wire.ACCESS_REJECT, "Login denied.")
        assert "nas (00-11-22-33-44-55)" in page
        limited = nas.ask(nas.pap("alice", "wonderland", [station]))
        assert (limited.code, limited.text(wire.REPLY_MESSAGE)) == (
            wire.ACCESS_REJECT, "Too many login attempts. Wait a few minutes.")
        # From elsewhere he may go on.
        request = send_login(nas)
        decide(door, door.link(2), "yes")
        assert nas.receive(request).code == wire.ACCESS_ACCEPT
    assert [line["outcome"] for line in door.wait_audit(3)] == ["denied", "limited", "approved"]


def test_a_retry_with_another_identifier_waits_for_the_same_link(start):
    door = start(web=True, policy=policy("link"))
    with door.nas() as nas, door.nas() as later:
        first = send_login(nas)
        link = door.link()
        second = send_login(later, identifier=77)
        # Another user's is another's.
        with door.nas() as third:
            bobs = send_login(third, "bob", "builder")
            decide(door, door.link(2), "no")
            assert third.receive(bobs).code == wire.ACCESS_REJECT
        decide(door, link, "yes")
        assert nas.receive(first).code == wire.ACCESS_ACCEPT
        assert later.receive(second).code == wire.ACCESS_ACCEPT
    assert len(door.messages()) == 2
    assert sorted(line["joined"] for line in door.wait_audit(3)
                  if line["user"] == "alice") == [False, True]


def test_a_link_that_nobody_follows_is_a_reject(start):
    door = start(web=True, policy=policy("link"), gate={"token_duration": "10s"})
    with door.nas() as nas:
        request = send_login(nas)
        link = door.link()
        reply = nas.receive(request, patience_s=40)
    assert (reply.code, reply.text(wire.REPLY_MESSAGE)) == (
        wire.ACCESS_REJECT, "Login not confirmed in time.")
    assert Visitor(door, loopback_address()).get(link).status != 200
    line = door.wait_audit(1)[0]
    assert (line["outcome"], line["factor"]) == ("expired", "link")


def test_a_link_that_one_process_sent_is_decided_at_the_next(start):
    """Its page is the new process's; who waits for it is the old one."""
    door = start(web=True, policy=policy("link"), radius={"duplicate_window": "5s"})
    generations = Generations(door)
    try:
        with door.nas() as nas, door.nas() as later:
            old = send_login(nas)
            link = door.link()
            generations.take_over()
            decide(door, link, "yes")
            assert nas.receive(old).code == wire.ACCESS_ACCEPT
            new = send_login(later)
            decide(door, door.link(2), "yes")
            assert later.receive(new).code == wire.ACCESS_ACCEPT
        generations.wait_end_of_old()
    finally:
        generations.stop()


def test_a_link_needs_no_challenge(start):
    """CHAP has nowhere to put a code, and a link asks for none."""
    door = start(web=True, policy=policy("ask", factors=["link", "token"]))
    with door.nas() as nas:
        request = nas.pap("alice", "x", [HOME])
        request.attributes[1] = (wire.CHAP_PASSWORD, wire.chap(7, b"wonderland",
                                                               request.authenticator))
        nas.send(request)
        decide(door, door.link(), "yes")
        assert nas.receive(request).code == wire.ACCESS_ACCEPT


def test_eap_waits_for_a_link(start, freeradius, tmp_path):
    door = start(web=True, policy=policy("link"))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        logging_in = pool.submit(eapol_test, door.server, door.secret, ttls(freeradius), tmp_path)
        decide(door, door.link(), "yes")
        status, output = logging_in.result()
    assert status == 0, output[-2000:]
    assert "MPPE keys OK: 1  mismatch: 0" in output


def test_a_link_is_chosen_from_the_menu(start):
    door = start(web=True, policy=policy("ask", factors=["link", "token"]))
    menu = begin(door)
    assert menu.text(wire.REPLY_MESSAGE) == "3: code by message. 4: link by message."
    state = (wire.STATE, menu.get(wire.STATE))
    with door.nas() as nas:
        request = send_login(nas, password="link", extra=(HOME, state))
        decide(door, door.link(), "yes")
        reply = nas.receive(request)
    assert (reply.code, reply.all(wire.CLASS)[-1]) == (wire.ACCESS_ACCEPT, b"mfa=link")
    assert reply.get(wire.FILTER_ID) == b"staff"


def test_a_link_of_a_client_that_has_gone_is_dead(start):
    door = start(web=True, policy=policy("link"))
    with door.nas() as nas:
        send_login(nas, identifier=5)
        link = door.link()
        # The same Identifier with another password: what it waited for is over.
        reply = nas.ask(nas.pap("alice", "wrong", [HOME], identifier=5))
        assert reply.code == wire.ACCESS_REJECT
    visitor = Visitor(door, loopback_address())
    wait_until(lambda: visitor.get(link).status != 200, door.err)


def test_a_link_that_cannot_be_sent_is_a_reject_at_once(start):
    channel = {"name": "broken", "type": "command", "command": ["/bin/false"], "attempts": 1}
    door = start(web=True, policy=policy("link", on_unavailable="allow"), channel=channel)
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "wonderland", [HOME])).code == wire.ACCESS_REJECT
        assert nas.ask(nas.pap("bob", "builder", [HOME])).code == wire.ACCESS_REJECT
    assert {(line["outcome"], line["detail"]) for line in door.wait_audit(2)} == {
        ("unavailable_denied", "the message could not be sent")}


# --- The example ---------------------------------------------------------------------------------


def test_the_example_is_what_it_says(tmp_path, notakey):
    """docs/examples/radius-tokens.toml with the addresses of here, groups from a downstream."""
    groups = {"alice": b"guests", "bob": b"contractors"}

    def reply(request, downstream):
        user = dict(wire.parse_attributes(request))[wire.USER_NAME].decode()
        return downstream.reply(request, wire.ACCESS_ACCEPT, [(wire.FILTER_ID, groups[user])])

    with FakeDownstream(reply) as downstream, MailServer(Authority(tmp_path / "ca")) as server:
        host = loopback_address()
        web = f"{host}:{free_port(host, socket.SOCK_STREAM)}"
        radius = (host, free_port(host))
        channel = server.channel()
        text = filled_in((ROOT / "docs/examples/radius-tokens.toml").read_text(), {
            "192.0.2.0/24": "127.0.0.0/8",
            "198.51.100.1:1812": f"{downstream.server[0]}:{downstream.server[1]}",
            'secret = "replace-me-with-32-random-characters"': f'secret = "{downstream.secret}"',
            "127.0.0.1:8080": web,
            "https://auth.example.net": f"http://{web}",
            "mail.example.net:587": channel["address"],
            'from_mail = "noreply@example.net"': "\n".join(
                f'{key} = "{channel[key]}"'
                for key in ("from_mail", "ca_file", "user", "password")),
            "[[gate.channel]]": '[[gate.directory.user]]\nid = "bob"\n'
                                'mail = "bob@example.net"\n\n[[gate.channel]]',
            "https://demo.notakey.com": notakey.host,
            '[notakey]': f'[radius]\nlisten = ["{radius[0]}:{radius[1]}"]\n\n[notakey]',
        })
        config = tmp_path / "sallyport.toml"
        config.touch(mode=0o600)
        config.write_text(text)
        daemon = Process("sallyport", [sallyport.BINARY, "run", "--config", config], tmp_path,
                         env=sallyport.CLEAN_ENVIRONMENT)
        daemon.wait_for(lambda: "ready: " in daemon.err(), "the daemon")
        with Nas(radius, downstream.secret) as nas:
            challenge = nas.ask(nas.pap("alice", "anything", [HOME]))
            assert challenge.text(wire.REPLY_MESSAGE) == "Code from your mail, alice:"
            state = (wire.STATE, challenge.get(wire.STATE))
            accepted = nas.ask(nas.pap("alice", server.code(), [HOME, state]))
            assert (accepted.code, accepted.get(wire.CLASS)) == (wire.ACCESS_ACCEPT, b"mfa=token")
            request = send_login(nas, "bob", "anything")
            page = subprocess.run(["curl", "-s", server.link(2)], capture_output=True, text=True,
                                  check=True).stdout
            assert "bob" in page and "vpn" in page and "198.51.100.7" in page
            token = re.search(r'name="form_token"[^>]*value="([^"]*)"', page).group(1)
            subprocess.run(["curl", "-s", f"http://{web}{GATE}/approve", "-H",
                            f"Origin: http://{web}", "-d", f"form_token={token}", "-d",
                            f"k={server.link(2).rpartition('=')[2]}", "-d", "answer=yes"],
                           capture_output=True, check=True)
            accepted = nas.receive(request)
            assert (accepted.code, accepted.get(wire.CLASS)) == (wire.ACCESS_ACCEPT, b"mfa=link")
