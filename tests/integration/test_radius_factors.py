"""Codes of an authenticator app over RADIUS: asked by Access-Challenge, with FreeRADIUS downstream
and oathtool as the app."""

import socket
import subprocess
import urllib.parse

import pytest
from gate_lab import GATE, Visitor
from gate_peers import app_code
from harness import FakeDownstream, Sallyport, sallyport, wire
from harness.net import free_port, loopback_address
from harness.sallyport import client

HOME = (wire.CALLING_STATION_ID, b"198.51.100.7")
ELSEWHERE = (wire.CALLING_STATION_ID, b"203.0.113.9")
SESSION_TIMEOUT = 27
PROMPT = "Code from your authenticator app:"
RETRY = "That code is wrong. " + PROMPT
POLICY = [{"name": "codes", "users": ["alice", "bob", "carol"], "action": "otp"}]


@pytest.fixture
def start(tmp_path, freeradius, notakey):
    def open_door(downstream=freeradius, **sections):
        door = Sallyport(
            tmp_path / "door", downstream, notakey, **{
                "policy": POLICY,
                "store": {"type": "sqlite", "path": str(tmp_path / "codes.db")},
                "http": {"control_socket": str(tmp_path / "control.sock")},
                **sections})
        door.control = tmp_path / "control.sock"
        return door

    return open_door


def users(door, *words):
    return subprocess.run([sallyport.BINARY, "users", *words, "--socket", door.control],
                          capture_output=True, text=True, timeout=30)


def register(door, user="alice"):
    """The base32 secret of the user's new app."""
    done = users(door, "register-otp", user)
    assert done.returncode == 0, done.stderr
    url = next(line for line in done.stdout.splitlines() if line.startswith("otpauth://"))
    return urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["secret"][0]


def begin(door, user="alice", password="wonderland", extra=(HOME,), identifier=None):
    """The challenge that a right password gets."""
    with door.nas() as nas:
        reply = nas.ask(nas.pap(user, password, extra, identifier=identifier))
    assert reply.code == wire.ACCESS_CHALLENGE, reply.attributes
    return reply


def answer(door, challenge, code, user="alice", extra=(HOME,), identifier=None, **client_of):
    """What a code gets, sent from another port than the password."""
    state = (wire.STATE, challenge.get(wire.STATE))
    with door.nas(**client_of) as nas:
        return nas.ask(nas.pap(user, code, (*extra, state), identifier=identifier))


def wrong_code(secret):
    """None that the app shows in these minutes."""
    shown = {app_code(secret, after_s) for after_s in range(-120, 121, 30)}
    return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555",
                                  "666666", "777777", "888888", "999999") if code not in shown)


def test_the_store_is_seen_where_there_is_no_gate(start):
    """docs/operations.md: sallyport_store_up is worth an alert."""
    door = start()
    door.wait_metric(1, "sallyport_store_up")
    text = subprocess.run([sallyport.BINARY, "status", "--config", door.config],
                          capture_output=True, text=True, timeout=30).stdout
    assert any(line.startswith("store ") for line in text.splitlines()), text


def test_a_code_lets_in(start, notakey):
    door = start()
    secret = register(door)
    states = [(wire.PROXY_STATE, b"one"), (wire.PROXY_STATE, b"two")]
    challenge = begin(door, extra=(HOME, *states))
    assert challenge.text(wire.REPLY_MESSAGE) == PROMPT
    assert len(challenge.get(wire.STATE)) == 28
    assert challenge.get(SESSION_TIMEOUT) == (60).to_bytes(4, "big")
    assert challenge.attributes[0][0] == wire.MESSAGE_AUTHENTICATOR
    assert challenge.all(wire.PROXY_STATE) == [b"one", b"two"]
    assert challenge.get(wire.FILTER_ID) is None and challenge.get(wire.CLASS) is None
    code = app_code(secret)
    accepted = answer(door, challenge, code, extra=(HOME, *states[:1]))
    assert accepted.code == wire.ACCESS_ACCEPT
    assert accepted.get(wire.FILTER_ID) == b"staff"
    assert accepted.all(wire.PROXY_STATE) == [b"one"]
    assert sorted(accepted.tunnel_passwords()) == [
        (1, b"tunnel one"), (2, b"the second tunnel's longer password")]
    assert notakey.requests() == []
    lines = door.wait_audit(2)
    assert [(line["outcome"], line["answer"], line["factor"], line["policy"], line["user"])
            for line in lines] == [
        ("challenged", "Access-Challenge", "otp", "codes", "alice"),
        ("approved", "Access-Accept", "otp", "codes", "alice")]
    door.wait_metric(1, "sallyport_radius_codes_asked_total")
    door.wait_metric(1, "sallyport_radius_code_verdicts_total", verdict="approved")
    door.terminate()
    door.child.wait()
    assert not any(text in door.err() for text in (code, secret, "wonderland"))


def test_a_wrong_password_is_rejected_without_a_challenge(start):
    door = start()
    register(door)
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "wrong")).code == wire.ACCESS_REJECT
    assert door.metric("sallyport_radius_codes_asked_total") == 0


def test_a_used_code_is_dead_and_the_next_one_good(start):
    door = start()
    secret = register(door)
    code = app_code(secret)
    assert answer(door, begin(door), code).code == wire.ACCESS_ACCEPT
    again = answer(door, begin(door), code)
    assert (again.code, again.text(wire.REPLY_MESSAGE)) == (wire.ACCESS_CHALLENGE, RETRY)
    assert answer(door, again, app_code(secret, 30)).code == wire.ACCESS_ACCEPT


def test_so_many_wrong_codes_and_no_more(start):
    door = start(second_factor={"otp_tries": 2, "otp_denied_message": "No, {user}."})
    secret = register(door)
    wrong = wrong_code(secret)
    again = answer(door, begin(door), wrong)
    assert (again.code, again.text(wire.REPLY_MESSAGE)) == (wire.ACCESS_CHALLENGE, RETRY)
    last = answer(door, again, wrong)
    assert (last.code, last.text(wire.REPLY_MESSAGE)) == (wire.ACCESS_REJECT, "No, alice.")
    assert answer(door, again, app_code(secret)).code == wire.ACCESS_REJECT
    outcomes = [(line["outcome"], line.get("detail")) for line in door.wait_audit(4)]
    assert outcomes == [("challenged", None), ("wrong_code", None), ("denied", "wrong code"),
                        ("expired", "no such challenge")]


def test_a_state_is_of_one_user_one_client_and_one_answer(start):
    door = start(clients=[
        client(addresses=["127.0.0.1"]),
        client(addresses=["127.0.0.2"], name="other", secret="the-other-client's-secret")])
    secret = register(door)
    challenge = begin(door)
    code = app_code(secret)
    late = "That took too long. Log in again."
    for stranger in (answer(door, challenge, code, user="bob"),
                     answer(door, challenge, code, address="127.0.0.2",
                            secret="the-other-client's-secret")):
        assert (stranger.code, stranger.text(wire.REPLY_MESSAGE)) == (wire.ACCESS_REJECT, late)
    # Of no use to them, and no harm to its owner.
    forged = bytearray(challenge.get(wire.STATE))
    forged[-1] ^= 1
    with door.nas() as nas:
        reply = nas.ask(nas.pap("alice", code, [HOME, (wire.STATE, bytes(forged))]))
        assert reply.code == wire.ACCESS_REJECT
    assert answer(door, challenge, code).code == wire.ACCESS_ACCEPT
    assert answer(door, challenge, app_code(secret, 30)).code == wire.ACCESS_REJECT


def test_duplicates_get_the_same_octets(start):
    door = start()
    secret = register(door)
    with door.nas() as nas:
        request = nas.pap("alice", "wonderland", [HOME])
        challenge = nas.ask(request)
        assert nas.ask(request).octets == challenge.octets
        typed = nas.pap("alice", app_code(secret),
                        [HOME, (wire.STATE, challenge.get(wire.STATE))])
        accepted = nas.ask(typed)
        assert accepted.code == wire.ACCESS_ACCEPT
        assert nas.ask(typed).octets == accepted.octets


def test_the_code_comes_to_another_shard(start):
    door = start(radius={"shards": 2})
    secret = register(door)
    challenge = begin(door, identifier=2)
    assert answer(door, challenge, app_code(secret), identifier=3).code == wire.ACCESS_ACCEPT
    shards = [line["shard"] for line in door.wait_audit(2)]
    assert sorted(shards) == [0, 1]


def test_the_code_never_goes_downstream(start):
    passwords = []

    def reply(request, downstream):
        attributes = wire.parse_attributes(request)
        passwords.append((wire.reveal_password(dict(attributes)[wire.USER_PASSWORD],
                                               downstream.secret.encode(), request[4:20]),
                          dict(attributes).get(wire.STATE)))
        return downstream.reply(request, wire.ACCESS_ACCEPT, [])

    with FakeDownstream(reply) as downstream:
        door = start(downstream)
        secret = register(door)
        assert answer(door, begin(door), app_code(secret)).code == wire.ACCESS_ACCEPT
        # The downstream's own challenges are its own.
        with door.nas() as nas:
            nas.ask(nas.pap("alice", "its answer", [(wire.STATE, b"of the downstream")]))
    assert passwords == [(b"wonderland", None), (b"its answer", b"of the downstream")]


def test_nobody_elsewhere_locks_a_user_out(start):
    door = start(second_factor={"otp_tries": 10})
    secret = register(door)
    wrong = wrong_code(secret)
    codes = []
    for _ in range(2):
        reply = begin(door, extra=(ELSEWHERE,))
        while reply.code == wire.ACCESS_CHALLENGE:
            reply = answer(door, reply, wrong, extra=(ELSEWHERE,))
        codes.append(reply.text(wire.REPLY_MESSAGE))
    assert codes == ["Login not confirmed: wrong code.",
                     "Too many login attempts. Wait a few minutes."]
    assert answer(door, begin(door), app_code(secret)).code == wire.ACCESS_ACCEPT
    assert "wrong answers: 10" in users(door, "show", "alice").stdout
    assert users(door, "unlock", "alice").returncode == 0
    unlocked = answer(door, begin(door, extra=(ELSEWHERE,)), app_code(secret, 30),
                      extra=(ELSEWHERE,))
    assert unlocked.code == wire.ACCESS_ACCEPT


def test_who_has_no_app_is_not_let_in(start):
    door = start(second_factor={"otp_tries": 1})
    register(door)
    refused = answer(door, begin(door, "bob", "builder"), "123456", user="bob")
    assert refused.code == wire.ACCESS_REJECT


def test_chap_cannot_be_asked(start):
    door = start()
    register(door)
    with door.nas() as nas:
        request = nas.pap("alice", "x")
        request.attributes[1] = (wire.CHAP_PASSWORD, wire.chap(7, b"wonderland",
                                                               request.authenticator))
        refused = nas.ask(request)
    assert refused.code == wire.ACCESS_REJECT
    line = door.wait_audit(1)[0]
    assert (line["outcome"], line["detail"]) == (
        "unavailable_denied", "no User-Password: a code cannot be asked")


def test_one_user_holds_so_many_challenges(start):
    door = start()
    register(door)
    for _ in range(8):
        begin(door)
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "wonderland", [HOME])).code == wire.ACCESS_REJECT
    begin(door, "bob", "builder")


def test_a_registration_outlives_a_restart_and_a_challenge_does_not(start):
    door = start()
    secret = register(door)
    challenge = begin(door)
    door.kill()
    door.start_again()
    assert answer(door, challenge, app_code(secret)).code == wire.ACCESS_REJECT
    assert answer(door, begin(door), app_code(secret)).code == wire.ACCESS_ACCEPT
    twice = users(door, "register-otp", "alice")
    assert twice.returncode != 0 and "reset-otp" in twice.stderr
    assert users(door, "reset-otp", "alice").stdout == "done\n"
    for command in ("reset-otp", "reset-passkeys", "unlock"):
        assert users(door, command, "typo").stdout.startswith("nothing was "), command
    assert "knows him, \n" not in users(door, "show", "typo").stdout
    assert register(door) != secret


def test_an_approved_login_carries_the_policys_attributes(start):
    policy = [{**POLICY[0], "accept_attributes": ["Class = mfa=otp"]}]
    door = start(policy=policy)
    secret = register(door, "bob")
    accepted = answer(door, begin(door, "bob", "builder"), app_code(secret), user="bob")
    assert accepted.code == wire.ACCESS_ACCEPT
    assert accepted.all(wire.CLASS) == [b"mfa=otp"]


def test_the_gates_users_and_lock_outs_are_those_of_radius(start):
    address = loopback_address()
    where = f"{address}:{free_port(address, socket.SOCK_STREAM)}"
    door = start(**{
        "http.listener": [{"listen": [where]}],
        "gate": {"factors": ["otp"], "otp_registration": False, "insecure_cookie": True,
                 "lock_after": 2, "issuer": "Example"},
        "gate.directory": [{"name": "users", "type": "list"}],
        "gate.directory.user": [{"id": "alice", "name": "Alice"}],
    })
    stranger = users(door, "register-otp", "bob")
    assert stranger.returncode != 0 and "no directory knows" in stranger.stderr
    secret = register(door)
    assert "app: registered" in users(door, "show", "alice").stdout
    assert answer(door, begin(door), app_code(secret)).code == wire.ACCESS_ACCEPT
    reply = begin(door)
    for _ in range(2):
        reply = answer(door, reply, wrong_code(secret))
        assert reply.code == wire.ACCESS_CHALLENGE
    limited = answer(door, reply, app_code(secret, 30))
    assert (limited.code, limited.text(wire.REPLY_MESSAGE)) == (
        wire.ACCESS_REJECT, "Too many login attempts. Wait a few minutes.")
    # Nobody but those of the directories.
    assert answer(door, begin(door, "bob", "builder"), "123456",
                  user="bob").code == wire.ACCESS_CHALLENGE


BOTH = [{"name": "both", "users": ["alice", "bob"], "action": "ask", "factors": ["push", "otp"],
         "accept_attributes": ["Class = mfa={factor}"]}]
APPENDED = {"appended": True}


def log_in(door, typed, user="alice"):
    """What a password with something behind it gets."""
    with door.nas() as nas:
        return nas.ask(nas.pap(user, typed, [HOME]))


def test_a_code_behind_the_password_lets_in_without_a_challenge(start, notakey):
    door = start(second_factor=APPENDED)
    secret = register(door)
    code = app_code(secret)
    with door.nas() as nas:
        request = nas.pap("alice", f"wonderland,{code}", [HOME, (wire.PROXY_STATE, b"one")])
        accepted = nas.ask(request)
        assert accepted.code == wire.ACCESS_ACCEPT
        assert accepted.get(wire.FILTER_ID) == b"staff"
        assert accepted.all(wire.PROXY_STATE) == [b"one"]
        assert nas.ask(request).octets == accepted.octets
    assert notakey.requests() == []
    assert door.metric("sallyport_radius_codes_asked_total") == 0
    # Used up: another login with it has to bring the next one.
    again = log_in(door, f"wonderland,{code}")
    assert (again.code, again.text(wire.REPLY_MESSAGE)) == (wire.ACCESS_CHALLENGE, RETRY)
    assert answer(door, again, app_code(secret, 30)).code == wire.ACCESS_ACCEPT
    assert [line["outcome"] for line in door.wait_audit(3)] == [
        "approved", "wrong_code", "approved"]
    door.terminate()
    door.child.wait()
    assert not any(text in door.err() for text in (code, secret, "wonderland"))


def test_a_wrong_password_uses_no_code_up(start):
    door = start(second_factor=APPENDED)
    secret = register(door)
    code = app_code(secret)
    assert log_in(door, f"wrong,{code}").code == wire.ACCESS_REJECT
    assert log_in(door, f"wonderland,{code}").code == wire.ACCESS_ACCEPT


def test_only_what_stands_before_the_last_separator_goes_downstream(start):
    passwords = []

    def reply(request, downstream):
        hidden = dict(wire.parse_attributes(request))[wire.USER_PASSWORD]
        passwords.append(
            wire.reveal_password(hidden, downstream.secret.encode(), request[4:20]).decode())
        return downstream.reply(request, wire.ACCESS_REJECT, [])

    typed = ["a:b,123456", "long enough for two blocks:123456", "s:654321:push", "s:otp",
             "s:12345", ":123456", "s"]
    with FakeDownstream(reply) as downstream:
        door = start(downstream, second_factor={**APPENDED, "separator": ":"})
        for text in typed:
            log_in(door, text)
    assert passwords == ["a:b,123456", "long enough for two blocks", "s:654321", "s", "s:12345",
                         ":123456", "s"]


def test_clients_that_know_no_challenge(start):
    door = start(second_factor={**APPENDED, "challenge": False})
    secret = register(door)
    missing = log_in(door, "wonderland")
    assert (missing.code, missing.text(wire.REPLY_MESSAGE)) == (
        wire.ACCESS_REJECT, "Type your password, a comma, and the code of your app.")
    wrong = log_in(door, f"wonderland,{wrong_code(secret)}")
    assert (wrong.code, wrong.text(wire.REPLY_MESSAGE)) == (
        wire.ACCESS_REJECT, "Login not confirmed: wrong code.")
    assert log_in(door, f"wonderland,{app_code(secret)}").code == wire.ACCESS_ACCEPT


def test_a_menu_offers_the_phone_and_a_code(start, notakey):
    door = start(policy=BOTH)
    secret = register(door)
    menu = begin(door)
    assert menu.text(wire.REPLY_MESSAGE) == (
        "1: confirm on the phone. 2: code from your authenticator app.")
    assert notakey.requests() == []
    asked = answer(door, menu, "2")
    assert (asked.code, asked.text(wire.REPLY_MESSAGE)) == (wire.ACCESS_CHALLENGE, PROMPT)
    accepted = answer(door, asked, app_code(secret))
    assert (accepted.code, accepted.all(wire.CLASS)[-1]) == (wire.ACCESS_ACCEPT, b"mfa=otp")
    # The code itself is an answer, too.
    accepted = answer(door, begin(door), app_code(secret, 30))
    assert accepted.code == wire.ACCESS_ACCEPT
    assert notakey.requests() == []


def test_a_push_is_chosen_from_the_menu(start, notakey):
    door = start(policy=BOTH)
    register(door)
    reply = answer(door, begin(door), "1")
    assert reply.code == wire.ACCESS_ACCEPT
    assert reply.get(wire.FILTER_ID) == b"staff"
    assert reply.all(wire.CLASS)[-1] == b"mfa=push"
    assert notakey.pushes("alice") == 1
    line = door.wait_audit(2)[1]
    assert (line["outcome"], line["policy"], line["user"]) == ("approved", "both", "alice")
    assert "factor" not in line


def test_a_chosen_push_that_is_denied_is_a_reject(start):
    with FakeDownstream(lambda request, downstream: downstream.reply(
            request, wire.ACCESS_ACCEPT, [])) as downstream:
        door = start(downstream, policy=[{**BOTH[0], "users": ["denise"]}])
        register(door, "denise")
        reply = answer(door, begin(door, "denise", "anything"), "push", user="denise")
    assert (reply.code, reply.text(wire.REPLY_MESSAGE)) == (
        wire.ACCESS_REJECT, "Login denied on the phone.")


def test_a_word_behind_the_password_chooses(start, notakey):
    door = start(policy=BOTH, second_factor=APPENDED)
    secret = register(door)
    pushed = log_in(door, "wonderland,push")
    assert (pushed.code, pushed.all(wire.CLASS)[-1]) == (wire.ACCESS_ACCEPT, b"mfa=push")
    asked = log_in(door, "wonderland,otp")
    assert (asked.code, asked.text(wire.REPLY_MESSAGE)) == (wire.ACCESS_CHALLENGE, PROMPT)
    assert notakey.pushes("alice") == 1
    coded = log_in(door, f"wonderland,{app_code(secret)}")
    assert (coded.code, coded.all(wire.CLASS)[-1]) == (wire.ACCESS_ACCEPT, b"mfa=otp")
    assert notakey.pushes("alice") == 1


def test_a_code_used_at_one_door_is_dead_at_the_other(start):
    address = loopback_address()
    where = f"{address}:{free_port(address, socket.SOCK_STREAM)}"
    door = start(**{
        "http.listener": [{"listen": [where]}],
        "http.route": [{"policy": "second_factor", "respond": 200, "respond_body": "welcome"}],
        "gate": {"url": f"http://{where}", "factors": ["otp"], "otp_registration": False,
                 "insecure_cookie": True},
        "gate.directory": [{"name": "users", "type": "list"}],
        "gate.directory.user": [{"id": "alice", "name": "Alice"}],
    }, second_factor=APPENDED)
    door.origin = f"http://{where}"
    secret = register(door)
    visitor = Visitor(door, loopback_address())

    used_here = app_code(secret, -30)
    assert log_in(door, f"wonderland,{used_here}").code == wire.ACCESS_ACCEPT
    visitor.start()
    visitor.submit(f"{GATE}/code", code=used_here)
    assert not visitor.is_in()
    visitor.start()
    used_there = app_code(secret)
    visitor.submit(f"{GATE}/code", code=used_there)
    assert visitor.is_in()
    again = log_in(door, f"wonderland,{used_there}")
    assert (again.code, again.text(wire.REPLY_MESSAGE)) == (wire.ACCESS_CHALLENGE, RETRY)
    assert answer(door, again, app_code(secret, 30)).code == wire.ACCESS_ACCEPT
