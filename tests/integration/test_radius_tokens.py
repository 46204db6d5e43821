"""Codes that are sent to a user, as the second factor over RADIUS, with FreeRADIUS downstream,
messages by a command channel and by a mail server."""

import subprocess

import pytest
from gate_peers import MailServer, app_code
from harness import FakeDownstream, sallyport, wire
from harness.downstream import accept
from harness.net import wait_until
from http_lab import Authority
from radius_messages_lab import ALICE, BOB, Door, file_channel, policy
from test_radius_factors import HOME, answer, begin, register

ELSEWHERE = (wire.CALLING_STATION_ID, b"203.0.113.9")
SESSION_TIMEOUT = 27
PROMPT = "Code that was sent to you:"
RETRY = "That code is wrong. " + PROMPT


@pytest.fixture
def start(tmp_path, freeradius, notakey):
    def open_door(downstream=freeradius, **options):
        return Door(tmp_path / "door", downstream, notakey, **options)

    return open_door


def other(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_a_code_that_is_sent_lets_in(start, notakey):
    door = start(policy=policy("token"))
    states = [(wire.PROXY_STATE, b"one"), (wire.PROXY_STATE, b"two")]
    challenge = begin(door, extra=(HOME, *states))
    assert challenge.text(wire.REPLY_MESSAGE) == PROMPT
    assert 0 < int.from_bytes(challenge.get(SESSION_TIMEOUT), "big") <= 60
    assert challenge.all(wire.PROXY_STATE) == [b"one", b"two"]
    assert challenge.get(wire.FILTER_ID) is None
    code = door.code()
    accepted = answer(door, challenge, code)
    assert accepted.code == wire.ACCESS_ACCEPT
    assert accepted.get(wire.FILTER_ID) == b"staff"
    assert accepted.all(wire.CLASS)[-1] == b"mfa=token"
    # Used up.
    assert answer(door, challenge, code).code == wire.ACCESS_REJECT
    assert len(door.messages()) == 1 and notakey.requests() == []
    lines = door.wait_audit(3)
    assert [(line["outcome"], line["answer"], line["factor"], line["policy"])
            for line in lines[:2]] == [
        ("challenged", "Access-Challenge", "token", "messages"),
        ("approved", "Access-Accept", "token", "messages")]
    # Sent is what the channel's command has ended with, after it wrote the message.
    wait_until(lambda: [line["user"] for line in door.events("token_sent")] == ["alice"], door.err)
    door.wait_metric(1, "sallyport_radius_code_verdicts_total", verdict="chose_token")
    door.wait_metric(1, "sallyport_radius_codes_asked_total")
    door.wait_metric(1, "sallyport_messages_total", channel="file", result="sent")
    assert door.metric("sallyport_store_up") == 1
    door.terminate()
    door.child.wait()
    assert not any(text in door.err() for text in (code, "wonderland"))


def test_a_wrong_password_sends_nothing(start):
    door = start(policy=policy("token"))
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "wrong", [HOME])).code == wire.ACCESS_REJECT
    begin(door)
    door.wait_message()
    assert len(door.messages()) == 1


def test_duplicates_send_no_second_code(start):
    door = start(policy=policy("token"))
    with door.nas() as nas:
        request = nas.pap("alice", "wonderland", [HOME])
        nas.send(request)
        nas.send(request)
        challenge = nas.receive(request)
        # The second may have come when the first was answered.
        assert set(nas.barrier()) <= {challenge.octets}
        assert nas.ask(request).octets == challenge.octets
        code = door.code()
        typed = nas.pap("alice", code, [HOME, (wire.STATE, challenge.get(wire.STATE))])
        accepted = nas.ask(typed)
        assert accepted.code == wire.ACCESS_ACCEPT
        assert nas.ask(typed).octets == accepted.octets
    assert len(door.messages()) == 1


def test_so_many_wrong_codes_and_no_more(start):
    door = start(policy=policy("token"), second_factor={"otp_tries": 2})
    challenge = begin(door)
    code = door.code()
    again = answer(door, challenge, other(code))
    assert (again.code, again.text(wire.REPLY_MESSAGE)) == (wire.ACCESS_CHALLENGE, RETRY)
    # The code does not live longer by being asked again.
    assert (int.from_bytes(again.get(SESSION_TIMEOUT), "big")
            <= int.from_bytes(challenge.get(SESSION_TIMEOUT), "big"))
    last = answer(door, again, other(code))
    assert (last.code, last.text(wire.REPLY_MESSAGE)) == (
        wire.ACCESS_REJECT, "Login not confirmed: wrong code.")
    assert answer(door, again, code).code == wire.ACCESS_REJECT
    assert [(line["outcome"], line["factor"]) for line in door.wait_audit(3)[:3]] == [
        ("challenged", "token"), ("wrong_code", "token"), ("denied", "token")]


def test_a_code_is_of_one_login(start):
    door = start(policy=policy("token"))
    first, second = begin(door), begin(door)
    codes = {door.code(1), door.code(2)}
    assert len(codes) == 2
    # Whichever was sent first is good for its own State alone.
    one, two = sorted(codes)
    replies = [answer(door, first, one), answer(door, second, one)]
    assert sorted(reply.code for reply in replies) == [wire.ACCESS_ACCEPT, wire.ACCESS_CHALLENGE]
    again = next(reply for reply in replies if reply.code == wire.ACCESS_CHALLENGE)
    assert answer(door, again, two).code == wire.ACCESS_ACCEPT
    # And of one user.
    challenge = begin(door)
    assert answer(door, challenge, door.code(3), user="bob").code == wire.ACCESS_REJECT


def test_who_cannot_be_reached_is_rejected_with_the_reason(start):
    with FakeDownstream(accept) as downstream:
        door = start(downstream, policy=policy("token"))
        for user, outcome, detail in (
                ("carol", "unavailable_denied", "no address to send to"),
                ("dave", "unknown_user", "no directory knows the user")):
            with door.nas() as nas:
                assert nas.ask(nas.pap(user, "anything", [HOME])).code == wire.ACCESS_REJECT
            line = wait_until(lambda: [one for one in door.audit() if one["user"] == user],
                              door.err)[0]
            assert (line["user"], line["outcome"], line["detail"], line["factor"]) == (
                user, outcome, detail, "token")
    assert door.messages() == []


def test_a_message_that_cannot_be_sent_lets_nobody_in(start):
    channel = {"name": "broken", "type": "command", "command": ["/bin/false"], "attempts": 1}
    door = start(policy=policy("token"), channel=channel)
    challenge = begin(door)
    wait_until(lambda: "is given up" in door.err(), door.err)
    reply = answer(door, challenge, "123456")
    assert reply.code == wire.ACCESS_REJECT
    line = door.wait_audit(2)[1]
    assert (line["outcome"], line["detail"]) == (
        "unavailable_denied", "the message could not be sent")


def test_messages_are_limited_and_nobody_locks_out_a_known_place(start):
    door = start(policy=policy("token"),
                 **{"second_factor.limits": {"user": "2/1m", "pair": "off", "place": "off"}})
    assert answer(door, begin(door), door.code()).code == wire.ACCESS_ACCEPT
    # Somebody who has the password, elsewhere.
    begin(door, extra=(ELSEWHERE,))
    door.wait_message(2)
    with door.nas() as nas:
        refused = nas.ask(nas.pap("alice", "wonderland", [ELSEWHERE]))
    assert (refused.code, refused.text(wire.REPLY_MESSAGE)) == (
        wire.ACCESS_REJECT, "Too many login attempts. Wait a few minutes.")
    line = door.wait_audit(4)[3]
    assert (line["outcome"], line["detail"]) == ("limited", "user asked too often")
    assert answer(door, begin(door), door.code(3)).code == wire.ACCESS_ACCEPT


def test_wrong_codes_elsewhere_lock_nobody_out(start):
    door = start(policy=policy("token"), second_factor={"otp_tries": 10})
    for count in (1, 2):
        reply = begin(door, extra=(ELSEWHERE,))
        code = door.code(count)
        while reply.code == wire.ACCESS_CHALLENGE:
            reply = answer(door, reply, other(code), extra=(ELSEWHERE,))
    assert reply.text(wire.REPLY_MESSAGE) == "Too many login attempts. Wait a few minutes."
    assert answer(door, begin(door), door.code(3)).code == wire.ACCESS_ACCEPT


def test_a_word_behind_the_password_asks_for_a_code(start, notakey):
    door = start(policy=policy("ask", factors=["push", "token"]),
                 second_factor={"appended": True})
    with door.nas() as nas:
        challenge = nas.ask(nas.pap("alice", "wonderland,token", [HOME]))
        assert (challenge.code, challenge.text(wire.REPLY_MESSAGE)) == (
            wire.ACCESS_CHALLENGE, PROMPT)
        assert nas.ask(nas.pap("alice", "wonderland,push", [HOME])).code == wire.ACCESS_ACCEPT
    assert answer(door, challenge, door.code()).code == wire.ACCESS_ACCEPT
    assert notakey.pushes("alice") == 1


def test_a_menu_offers_what_the_user_has(start, notakey):
    door = start(policy=policy("ask", factors=["push", "otp", "token"]))
    menu = begin(door)  # no app
    assert menu.text(wire.REPLY_MESSAGE) == "1: confirm on the phone. 3: code by message."
    asked = answer(door, menu, "3")
    assert (asked.code, asked.text(wire.REPLY_MESSAGE)) == (wire.ACCESS_CHALLENGE, PROMPT)
    accepted = answer(door, asked, door.code())
    assert (accepted.code, accepted.all(wire.CLASS)[-1]) == (wire.ACCESS_ACCEPT, b"mfa=token")
    # What is no choice is a try, and the menu again.
    again = answer(door, begin(door), "2")
    assert (again.code, again.text(wire.REPLY_MESSAGE)) == (
        wire.ACCESS_CHALLENGE, menu.text(wire.REPLY_MESSAGE))
    secret = register(door)
    menu = begin(door)
    assert menu.text(wire.REPLY_MESSAGE) == (
        "1: confirm on the phone. 2: code from your authenticator app. 3: code by message.")
    assert answer(door, menu, app_code(secret)).code == wire.ACCESS_ACCEPT
    assert notakey.requests() == []


def test_who_has_one_factor_alone_gets_no_menu(start, notakey):
    """Neither app nor address: the phone is asked at once."""
    door = start(policy=policy("ask", factors=["push", "otp", "token"]), users=(ALICE,))
    with door.nas() as nas:
        reply = nas.ask(nas.pap("bob", "builder", [HOME, (wire.PROXY_STATE, b"one")]))
    assert reply.code == wire.ACCESS_ACCEPT
    assert reply.all(wire.PROXY_STATE) == [b"one"]
    assert reply.all(wire.CLASS)[-1] == b"mfa=push"
    assert notakey.pushes("bob") == 1


def test_a_code_by_mail(start, tmp_path):
    with MailServer(Authority(tmp_path / "authority")) as server:
        door = start(policy=policy("token"), channel=server.channel())
        challenge = begin(door)
        mail = server.wait_mail()
        assert mail.recipients == ["alice@example.net"] and mail.encrypted
        assert answer(door, challenge, server.code()).code == wire.ACCESS_ACCEPT


def test_a_reload_takes_other_users_and_channels(start):
    door = start(policy=policy("token"), users=(BOB,))
    door.settings["gate.directory.user"] = [ALICE]
    other_file = door.message_file.with_name("others.jsonl")
    door.settings["gate.channel"] = [file_channel(other_file)]
    door.write_config()
    door.reload()
    wait_until(lambda: _is_challenged(door), door.err)
    wait_until(other_file.exists, door.err)
    assert door.messages() == []


def _is_challenged(door):
    with door.nas() as nas:
        return nas.ask(nas.pap("alice", "wonderland", [HOME])).code == wire.ACCESS_CHALLENGE


def test_a_site_without_phones_and_pages_sends_codes(tmp_path, freeradius):
    door = Door(tmp_path / "door", freeradius, None, policy=[{"name": "all", "action": "token"}])
    assert answer(door, begin(door), door.code()).code == wire.ACCESS_ACCEPT


@pytest.mark.parametrize("action, without, said", [
    ("token", "gate.channel", "no [[gate.channel]] sends such messages"),
    ("token", "gate.directory", "the gate knows no users"),
    ("token", "store", "the section [store] is missing"),
    ("link", "http.listener", "there is no [[http.listener]] for its page"),
])
def test_what_is_lacking_is_said(tmp_path, freeradius, notakey, action, without, said):
    door = Door(tmp_path / "door", freeradius, notakey, web=action == "link",
                policy=policy(action), wait=False,
                **{"gate.directory.user": []} if without == "gate.directory" else {})
    door.kill()
    del door.settings[without]
    if without == "http.listener":
        del door.settings["http.route"]
    door.write_config()
    result = subprocess.run([sallyport.BINARY, "check", "--config", door.config],
                            capture_output=True, text=True, timeout=30)
    assert result.returncode != 0
    assert said in result.stdout + result.stderr
