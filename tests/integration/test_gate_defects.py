"""Defects of doorman that let the wrong ones in or told them too much, each as what must not happen
here. Numbers are those of the list that the gate was built against; 12 to 24 are in
test_gate_defects_working.py."""

import hashlib
import re
import secrets
import time

import pytest

from gate_lab import GATE, GateDoor, Visitor
from gate_peers import MailServer, Slapd, app_code, broken_service
from gate_ways import (ASKS_YES, HAS_QR, ODD, USERS, another, app_secret, begin, enter, grants,
                       key_of, register, register_link, sallyport, someone)
from harness.net import loopback_address, wait_until
from harness.sallyport import toml
from http_lab import Authority


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    running = GateDoor(tmp_path_factory.mktemp("gate"), users=USERS,
                       gate={"factors": ["token", "link", "otp"]})
    yield running
    running.stop()


def test_who_waits_for_a_link_cannot_approve_himself(door):
    """1: the waiting browser gets nothing that approves; only the message has it."""
    waiting = someone(door)
    page = begin(waiting, "alice", "link")
    link = door.link_to("alice")
    got = page.text + str(page.headers) + str(waiting.cookies)
    assert key_of(link) not in got
    token = waiting.field("form_token")
    for guess in {*waiting.cookies.values(), token}:
        assert ASKS_YES not in waiting.get(f"{GATE}/approve?k={guess}").text
        waiting.post(f"{GATE}/approve", {"k": guess, "form_token": token, "answer": "yes"})
    assert not waiting.is_in()
    reader = someone(door)
    assert ASKS_YES in reader.get(link).text
    reader.submit(f"{GATE}/approve", k=reader.field("k"), answer="yes")
    waiting.get(f"{GATE}/visit")
    assert waiting.is_in() and not reader.is_in()


def test_a_registration_cannot_be_taken_over(door):
    """2: no guessable name leads to a registration, and a mailbox alone replaces no app."""
    attacker = someone(door)
    link = register_link(attacker, "bob")
    for guess in ("Example", "bob", attacker.cookies["sallyport_visit"]):
        assert HAS_QR not in attacker.get(f"{GATE}/register?k={guess}").text
        answer = attacker.post(f"{GATE}/register", {"k": guess, "code": "123456"})
        assert HAS_QR not in answer.text and "recovery" not in answer.text.lower()
    bob = someone(door)
    bob.get(link)
    secret = app_secret(bob.page)
    bob.submit(f"{GATE}/register", k=bob.field("k"), code=app_code(secret, -30))
    # Somebody reads Bob's mail now.
    other = register_link(attacker, "bob")
    page = attacker.get(other)
    mine = app_secret(page)
    answer = attacker.submit(f"{GATE}/register", k=attacker.field("k"), code=app_code(mine))
    assert 'name="current_code"' in answer.text
    begin(bob, "bob", "otp")
    bob.submit(f"{GATE}/code", code=app_code(secret))
    assert bob.is_in()


def test_an_address_that_a_visitor_claims_is_not_believed(door):
    """3: neither does it lead through an open grant, nor does it get one."""
    alice = someone(door)
    enter(alice, "alice")
    assert alice.is_in()
    source = alice.options[1]
    stranger = someone(door)
    claims = [("--header", f"{name}: {source}") for name in
              ("X-Real-IP", "X-Forwarded-For", "True-Client-IP", "Client-IP")]
    claims += [("--header", f"Forwarded: for={source}")]
    for claim in claims:
        assert stranger.get("/", *claim).status == 302
    claimed = loopback_address()
    begin(stranger, "carol", "token")
    stranger.post(f"{GATE}/code", {"form_token": stranger.field("form_token"),
                                   "code": door.code_to("carol")},
                  "--header", f"X-Forwarded-For: {claimed}", "--header", f"X-Real-IP: {claimed}")
    addresses = [grant["address"] for grant in grants(door) if grant["user"] == "carol"]
    assert addresses == [stranger.options[1]]


def test_codes_cannot_be_guessed_one_after_the_other(tmp_path):
    """4: after some wrong ones the right one is refused, too; nobody else notices."""
    door = GateDoor(tmp_path, users=USERS, gate={"tries": 3, "lock_after": 5})
    guesser = someone(door)
    for visit, wrong in ((1, 3), (2, 2)):
        guesser.start("alice")
        code = door.code_to("alice", visit)
        token = guesser.field("form_token")
        for _ in range(wrong):
            guesser.post(f"{GATE}/code", {"form_token": token, "code": another(code)})
        # The visit is over, or the address is locked for this user.
        guesser.post(f"{GATE}/code", {"form_token": token, "code": code})
        assert not guesser.is_in()
    alice = someone(door)
    alice.enter("alice")
    assert alice.is_in()
    bob = Visitor(door, guesser.options[1])
    bob.enter("bob")
    assert bob.is_in()


def test_a_code_of_an_app_is_not_good_twice(door):
    """4: nor is one that was used for the registration."""
    visitor = someone(door)
    secret, used = register(visitor, "dave")
    for code in (used, app_code(secret)):
        assert not visitor.is_in()
        begin(visitor, "dave", "otp")
        visitor.submit(f"{GATE}/code", code=code)
    assert visitor.is_in()
    thief = someone(door)
    begin(thief, "dave", "otp")
    thief.submit(f"{GATE}/code", code=code)
    assert not thief.is_in()


def test_a_used_code_opens_no_other_address(door):
    """5: neither do the cookies that it was used with."""
    alice = someone(door)
    begin(alice, "erin", "token")
    saved, token = dict(alice.cookies), alice.field("form_token")
    code = door.code_to("erin")
    alice.submit(f"{GATE}/code", code=code)
    assert alice.is_in()
    thief = someone(door)
    thief.cookies = saved
    answer = thief.post(f"{GATE}/code", {"form_token": token, "code": code})
    assert answer.status != 302 and not thief.is_in()


def test_a_code_does_not_outlive_its_time(tmp_path):
    """5: whatever cookie is kept, and whether or not a page is loaded meanwhile."""
    door = GateDoor(tmp_path, gate={"token_duration": "10s"})
    visitor = someone(door)
    visitor.start()
    code, saved = door.code_to("alice"), dict(visitor.cookies)
    token, begun = visitor.field("form_token"), time.monotonic()
    wait_until(lambda: time.monotonic() - begun > 10, "the end of the code's time")
    visitor.cookies = saved
    visitor.post(f"{GATE}/code", {"form_token": token, "code": code})
    assert not visitor.is_in()


def proof_of(page):
    challenge, bits = re.search(r'data-challenge="(\w+)" data-bits="(\d+)"', page.text).groups()
    number = 0
    while int.from_bytes(hashlib.sha256(f"{challenge}:{number}".encode()).digest()[:8],
                         "big") >> (64 - int(bits)):
        number += 1
    return str(number)


def test_a_solved_captcha_does_not_buy_many_messages(tmp_path):
    """6: it is good for one visit and cannot be played back."""
    door = GateDoor(tmp_path, users=USERS, gate={"captcha": "math"})
    visitor = someone(door)
    page = visitor.start()
    assert not door.messages()
    saved, token, proof = dict(visitor.cookies), visitor.field("form_token"), proof_of(page)
    visitor.submit(f"{GATE}/captcha", proof=proof)
    door.code_to("alice")
    for cookies in (saved, visitor.cookies):
        visitor.cookies = dict(cookies)
        visitor.post(f"{GATE}/captcha", {"form_token": token, "proof": proof})
    another_visit = someone(door)
    another_visit.start("bob")
    another_visit.submit(f"{GATE}/captcha", proof=proof)
    # Somebody's message, so that those of before have had their time.
    carol = someone(door)
    carol.start("carol")
    carol.submit(f"{GATE}/captcha", proof=proof_of(carol.page))
    door.code_to("carol")
    assert [message["to"] for message in door.messages()] == [["alice"], ["carol"]]


def test_the_approval_page_shows_no_html_of_strangers(door):
    """7: neither a user's name nor what a browser calls itself."""
    waiting = someone(door)
    waiting.start(ODD["id"])
    waiting.post(f"{GATE}/factor", {"form_token": waiting.field("form_token"), "factor": "link"},
                 "--header", "User-Agent: <script>alert(1)</script>")
    page = someone(door).get(door.link_to(ODD["id"]))
    assert ASKS_YES in page.text
    assert "o&lt;b&gt;&amp;" in page.text and "<b>" not in page.text
    assert "<script>alert" not in page.text
    assert "<i>" not in someone(door).start('<i>"').text


def test_a_user_name_is_no_ldap_filter(tmp_path):
    """8: a star finds nobody."""
    slapd = Slapd(tmp_path / "ldap", ["alice", "bob"])
    door = GateDoor(tmp_path, users=[], more=toml({"gate.directory": [slapd.directory()]}))
    odd = ("*", "al*", "*)(uid=alice", "alice)(objectClass=*", "alice\\2a")
    for uid in odd:
        someone(door).start(uid)
    wait_until(lambda: door.err().count('"unknown_user"') == len(odd), lambda: door.err()[-4000:])
    someone(door).start("alice")
    assert "login code" in door.text_to("alice")
    assert len(door.messages()) == 1


def test_a_user_name_is_no_option_of_a_command(tmp_path):
    """8: one that looks like an option is nobody's; any other is one argument, whole."""
    asked = tmp_path / "asked"
    program = tmp_path / "who"
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$@" >> {asked}\necho >> {asked}\n')
    program.chmod(0o755)
    directory = {"name": "program", "type": "command", "command": [str(program), "find"],
                 "use_stdin": False}
    door = GateDoor(tmp_path, users=[], more=toml({"gate.directory": [directory]}))
    names = ("-rf", "--help", "a b; $(id)")
    for name in names:
        someone(door).start(name)
    wait_until(lambda: door.err().count('"unknown_user"') == len(names),
               lambda: door.err()[-4000:])
    assert asked.read_text() == "find|a b; $(id)|\n"


def shape(answer, user):
    """An answer without what differs from one visit to the next."""
    text = answer.text.replace(user, "USER")
    text = re.sub(r'value="[A-Za-z0-9_-]{20,}"', "SECRET", text)
    text = re.sub(r"\d+", "NUMBER", text)
    names = [name for name, _ in answer.headers]
    return answer.status, names, text


@pytest.mark.parametrize("factor", ["token", "link", "otp"])
def test_a_user_cannot_be_told_from_nobody(door, factor):
    """9: pages, status and headers are the same, for a right start and for a wrong code."""
    seen = []
    for user in ("frank", "nobdy"):
        visitor = someone(door)
        pages = [visitor.start(user), visitor.submit(f"{GATE}/factor", factor=factor)]
        if factor == "link":
            pages += [visitor.get(f"{GATE}/visit")]
        else:
            pages += [visitor.submit(f"{GATE}/code", code="000000")]
        if factor == "otp":
            pages += [visitor.submit(f"{GATE}/register", factor="otp")]
        seen.append([shape(page, user) for page in pages])
    assert seen[0] == seen[1]


def test_an_answer_does_not_wait_for_the_look_up_of_its_user(tmp_path):
    """9: so that its time tells nothing."""
    go = tmp_path / "go"
    program = tmp_path / "who"
    program.write_text(f"#!/bin/sh\nwhile [ ! -e {go} ]; do sleep 0.05; done\n"
                       'echo \'{"id": "alice", "mail": "alice@example.net"}\'\n')
    program.chmod(0o755)
    directory = {"name": "program", "type": "command", "command": [str(program)], "timeout": "30s"}
    door = GateDoor(tmp_path, users=[], more=toml({"gate.directory": [directory]}))
    answer = someone(door).start("alice")
    assert answer.status == 200 and 'name="code"' in answer.text
    assert not door.messages()
    go.touch()
    assert "login code" in door.text_to("alice")


def test_no_secret_is_written_to_the_log(tmp_path):
    """10: not even where it says most; nor does a check of the configuration show one."""
    with MailServer(Authority(tmp_path / "authority")) as mails:
        key = secrets.token_hex(32)
        ours = {"cookie": key, "mail": mails.PASSWORD, "bearer": "bearer-of-the-service"}
        requests = []
        with broken_service(requests) as url:
            sms = {"name": "sms", "type": "url", "url": url, "body": "text={text}", "attempts": 1,
                   "bearer": ours["bearer"]}
            door = GateDoor(tmp_path, gate={"factors": ["token", "link", "otp"],
                                            "cookie_keys": key},
                            channel=sms, more=toml({"gate.channel": [mails.channel()]}))
            visitor = someone(door)
            begin(visitor, "alice", "token")
            ours["visit"] = visitor.cookies["sallyport_visit"]
            ours["code"] = mails.code(1)
            visitor.submit(f"{GATE}/code", code=ours["code"])
            assert visitor.is_in()
            ours |= {f"after {name}": value for name, value in visitor.cookies.items()}
            begin(visitor, "alice", "link")
            ours["link"] = key_of(mails.link(2))
            begin(visitor, "alice", "otp")
            visitor.submit(f"{GATE}/register", factor="otp")
            ours["registration"] = key_of(mails.link(3))
            page = visitor.get(mails.link(3))
            secret = app_secret(page)
            ours["app"], ours["app in groups"] = secret.replace(" ", ""), secret
            ours["app's code"] = app_code(secret)
            page = visitor.submit(f"{GATE}/register", k=visitor.field("k"),
                                  code=ours["app's code"])
            found = re.findall(r"<code>([a-z0-9-]{8,})</code>", page.text, re.IGNORECASE)
            assert len(found) == 10, page.text
            ours |= {f"recovery code {code}": code for code in found}
            assert len(requests) >= 3
        assert '"level":"debug"' in door.err()
        checked = sallyport(door, "check")
        for name, value in ours.items():
            assert value not in door.output(), name
            assert value not in checked, name


def test_a_state_is_not_changed_by_a_link_or_by_another_site(door):
    """11: GET and HEAD change nothing, POST takes a token, and no page may be framed."""
    waiting = someone(door)
    begin(waiting, "grace", "link")
    link = door.link_to("grace")
    reader = someone(door)
    for query in ("", "&a=yes", "&answer=yes"):
        assert ASKS_YES in reader.get(link + query).text
        assert reader.get(link + query, "--head").status == 200
    reader.get(link)
    k, token = reader.field("k"), reader.field("form_token")
    reader.post(f"{GATE}/approve", {"k": k, "answer": "yes"})
    reader.post(f"{GATE}/approve", {"k": k, "answer": "yes", "form_token": token},
                origin="https://evil.example")
    assert reader.page.status == 403
    waiting.get(f"{GATE}/visit")
    assert not waiting.is_in()
    page = reader.get(link)
    assert page.get("x-frame-options") == "DENY"
    assert "frame-ancestors 'none'" in page.get("content-security-policy")


def test_codes_are_no_sequence(tmp_path):
    """11: two daemons and two visits of one never draw the same."""
    codes = []
    for name in ("one", "two"):
        door = GateDoor(tmp_path / name)
        for count in (1, 2):
            someone(door).start()
            codes.append(door.code_to("alice", count))
    assert codes[:2] != codes[2:] and len(set(codes)) > 2
