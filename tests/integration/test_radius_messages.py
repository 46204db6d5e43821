"""What users read: numbers to compare with the phone, texts in their language, and a site that has
no phones."""

import subprocess

import pytest
from gate_peers import app_code
from harness import FakeDownstream, Sallyport, sallyport, wire
from harness.net import wait_until
from harness.sallyport import CLIENT_SECRET, client
from test_radius_factors import HOME, answer, begin, register

STORE = {"type": "memory"}
NUMBERS = {"second_factor": {"number_matching": True}, "store": STORE}
GERMAN = {"language": "de", "denied_message": "Am Telefon abgelehnt.",
          "otp_prompt": "Code der App für {user}:"}


@pytest.fixture
def start(tmp_path, notakey):
    def open_door(downstream, **sections):
        return Sallyport(tmp_path / "door", downstream, notakey, **sections)

    return open_door


def number_of(challenge):
    """What "Your number is 47. …" says."""
    text = challenge.text(wire.REPLY_MESSAGE)
    number = text.removeprefix("Your number is ").partition(".")[0]
    assert number.isdigit() and 10 <= int(number) <= 99, text
    return number


def test_the_phone_shows_the_number_that_the_login_shows(start, freeradius, notakey):
    door = start(freeradius, **NUMBERS)
    challenge = begin(door)
    number = number_of(challenge)
    assert notakey.requests() == []
    accepted = answer(door, challenge, "")
    assert accepted.code == wire.ACCESS_ACCEPT and accepted.get(wire.FILTER_ID) == b"staff"
    (push,) = notakey.requests()
    assert push["description"].endswith(f" Your login shows {number}.")
    # The same answer is good once.
    assert answer(door, challenge, "").code == wire.ACCESS_REJECT
    assert notakey.pushes() == 1
    assert [(line["outcome"], line.get("factor")) for line in door.wait_audit(2)[:2]] == [
        ("challenged", None), ("approved", None)]


def test_numbers_differ(start, freeradius):
    door = start(freeradius, **NUMBERS)
    assert len({number_of(begin(door)) for _ in range(8)}) > 1


def test_a_wrong_password_is_shown_no_number(start, freeradius, notakey):
    door = start(freeradius, **NUMBERS)
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "wrong")).code == wire.ACCESS_REJECT
    assert notakey.requests() == []


def test_a_retry_of_the_answer_asks_once(start, freeradius, notakey):
    door = start(freeradius, **NUMBERS)
    challenge = begin(door)
    with door.nas() as nas:
        typed = nas.pap("alice", "ok", [HOME, (wire.STATE, challenge.get(wire.STATE))])
        accepted = nas.ask(typed)
        assert nas.ask(typed).octets == accepted.octets
    assert accepted.code == wire.ACCESS_ACCEPT and notakey.pushes() == 1


def test_chap_is_asked_without_a_number(start, freeradius, notakey):
    door = start(freeradius, **NUMBERS)
    with door.nas() as nas:
        request = nas.pap("alice", "x")
        request.attributes[1] = (wire.CHAP_PASSWORD, wire.chap(7, b"wonderland",
                                                               request.authenticator))
        assert nas.ask(request).code == wire.ACCESS_ACCEPT
    assert notakey.requests()[0]["description"] == "Log in as alice from 127.0.0.1?"


def test_a_client_has_a_language_and_a_policy_goes_before_it(start):
    with FakeDownstream(lambda request, downstream: downstream.reply(
            request, wire.ACCESS_ACCEPT, [])) as downstream:
        door = start(
            downstream, store=STORE,
            clients=[client(addresses=["127.0.0.1"], language="de"),
                     client(addresses=["127.0.0.2"], name="other")],
            policy=[{"name": "codes", "users": ["alice"], "action": "otp", "language": "DE"},
                    {"name": "french", "users": ["dent*"], "language": "fr"}],
            **{"second_factor.messages": [GERMAN, {"language": "fr",
                                                   "denied_message": "Refusé."}]})

        def asked(user, address):
            with door.nas(address=address, secret=CLIENT_SECRET) as nas:
                return nas.ask(nas.pap(user, "x")).text(wire.REPLY_MESSAGE)

        assert asked("denise", "127.0.0.1") == "Am Telefon abgelehnt."
        assert asked("denise", "127.0.0.2") == "Login denied on the phone."
        assert asked("alice", "127.0.0.2") == "Code der App für alice:"
        # What the language does not say is said in the general words.
        assert asked("stranger", "127.0.0.1") == "Login not confirmed."


def test_a_reload_brings_texts(start):
    with FakeDownstream(lambda request, downstream: downstream.reply(
            request, wire.ACCESS_ACCEPT, [])) as downstream:
        door = start(downstream, clients=[client(language="de")],
                     **{"second_factor.messages": [GERMAN]})

        def denied():
            with door.nas() as nas:
                return nas.ask(nas.pap("denise", "x")).text(wire.REPLY_MESSAGE)

        assert denied() == "Am Telefon abgelehnt."
        door.settings["second_factor.messages"] = [{**GERMAN, "denied_message": "Nein."}]
        door.write_config()
        door.reload()
        wait_until(lambda: denied() == "Nein.", door.err)


def test_notakeys_groups_become_filter_ids(start, freeradius):
    """Of a remembered approval as well."""
    door = start(freeradius, second_factor={
        "accept_attributes": ["Filter-Id = {group}", "Class = mfa={factor}"], "remember": "8h"})
    for count, outcome in enumerate(("approved", "remembered"), 1):
        with door.nas() as nas:
            accepted = nas.ask(nas.pap("alice", "wonderland", [HOME]))
        assert accepted.all(wire.FILTER_ID) == [b"staff", b"lab", b"VPN users"]
        assert accepted.all(wire.CLASS)[-1] == b"mfa=push"
        assert door.wait_audit(count)[-1]["outcome"] == outcome


def test_who_is_in_none_of_the_required_groups_is_rejected(start, freeradius, notakey):
    door = start(freeradius, second_factor={"remember": "8h"}, policy=[
        {"name": "lab", "users": ["alice"], "required_groups": ["vpn users", "admins"]},
        {"name": "others", "required_groups": ["admins"]}])
    with door.nas() as nas:
        assert nas.ask(nas.pap("alice", "wonderland", [HOME])).code == wire.ACCESS_ACCEPT
        for _ in range(2):
            refused = nas.ask(nas.pap("bob", "builder", [HOME]))
            assert (refused.code, refused.text(wire.REPLY_MESSAGE)) == (
                wire.ACCESS_REJECT, "This login is not allowed.")
    assert [(line["outcome"], line.get("detail"), line["policy"])
            for line in door.wait_audit(3)] == [
        ("approved", None, "lab"),
        *[("policy_denied", "in none of the required groups", "others")] * 2]


def test_a_site_without_phones_needs_no_notakey(tmp_path, freeradius):
    door = Sallyport(
        tmp_path / "door", freeradius, None,
        store={"type": "sqlite", "path": str(tmp_path / "codes.db")},
        http={"control_socket": str(tmp_path / "control.sock")},
        policy=[{"name": "codes", "action": "otp"}])
    door.control = tmp_path / "control.sock"
    secret = register(door)
    assert answer(door, begin(door), app_code(secret)).code == wire.ACCESS_ACCEPT
    done = subprocess.run([sallyport.BINARY, "status", "--config", door.config], text=True,
                          capture_output=True, timeout=30)
    assert done.returncode == 0 and "Notakey" not in done.stdout, done.stdout
    assert door.http("/health")[0] == 200
