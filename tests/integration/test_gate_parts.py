"""The gate with real parts around it: users from slapd, mail through aiosmtpd, oathtool as the
authenticator app, a file of users, and the operator's commands."""

import json
import re

from gate_lab import ALICE, GATE, GateDoor, Visitor
from gate_peers import MailServer, Slapd, app_code, broken_service
from gate_ways import app_secret, sallyport, someone
from harness.net import wait_until
from harness.sallyport import toml
from http_lab import Authority

BOB = {"id": "bob", "mail": "bob@example.net"}


def test_a_user_of_ldap_gets_his_code_by_mail_after_the_sms_service_failed(tmp_path):
    slapd = Slapd(tmp_path / "ldap", ["alice", "bob"])
    asked = []
    with MailServer(Authority(tmp_path / "authority")) as mails, broken_service(asked) as url:
        sms = {"name": "sms", "type": "url", "url": url, "body": "to={to_mail}&text={text}",
               "retry": "100ms"}
        door = GateDoor(tmp_path, users=[], channel=sms, more=toml(
            {"gate.directory": [slapd.directory()]}) + toml({"gate.channel": [mails.channel()]}))
        visitor = someone(door)
        visitor.start("bob", f"{door.origin}/a?b=c")
        mail = mails.wait_mail()
        assert mail.recipients == ["bob@example.net"] and mail.encrypted
        assert len(asked) == 2 and "to=bob%40example.net" in asked[0]
        page = visitor.submit(f"{GATE}/code", code=mails.code())
        assert f"{door.origin}/a?b=c" in page.text
        assert visitor.is_in("/a?b=c")


def test_a_directory_that_is_away_does_not_keep_those_of_others_out(tmp_path):
    slapd = Slapd(tmp_path / "ldap", ["bob"])
    door = GateDoor(tmp_path, users=[], more=toml({"gate.directory": [slapd.directory()]})
                    + toml({"gate.directory": [{"name": "more", "type": "list"}]})
                    + toml({"gate.directory.user": [ALICE]}))
    slapd.stop()
    alice = someone(door)
    alice.enter("alice")
    assert alice.is_in()


def test_an_authenticator_app_from_its_registration_to_its_loss(tmp_path):
    """A mail with STARTTLS brings the link, oathtool is the app; then a recovery code, and the
    operator's reset."""
    with MailServer(Authority(tmp_path / "authority")) as mails:
        door = GateDoor(tmp_path, gate={"factors": ["otp"]}, channel=mails.channel())
        first = someone(door)
        first.start()
        first.submit(f"{GATE}/register", factor="otp")
        page = first.get(mails.link())
        secret = app_secret(page)
        page = first.submit(f"{GATE}/register", k=first.field("k"), code=app_code(secret, -30))
        recovery = re.findall(r"<code>([a-z0-9-]{8,})</code>", page.text, re.IGNORECASE)
        assert len(recovery) == 10
        assert "authenticator app" in mails.text(2).lower()

        first.start()
        first.submit(f"{GATE}/code", code=app_code(secret))
        assert first.is_in()

        without_phone = someone(door)
        without_phone.start()
        without_phone.submit(f"{GATE}/code", code=recovery[0])
        assert without_phone.is_in()
        again = someone(door)
        again.start()
        again.submit(f"{GATE}/code", code=recovery[0])
        assert not again.is_in()

        sallyport(door, "users", "reset-otp", "alice")
        again.start()
        again.submit(f"{GATE}/code", code=app_code(secret, 30))
        again.submit(f"{GATE}/code", code=recovery[1])
        assert not again.is_in()


def test_a_file_of_users_is_read_again_when_it_is_replaced(tmp_path):
    """By rename, as editors and scripts do; a broken one changes nothing."""
    users = tmp_path / "users.json"

    def replace(text):
        new = tmp_path / "users.json.new"
        new.write_text(text)
        new.rename(users)

    replace(json.dumps([ALICE]))
    door = GateDoor(tmp_path, users=[], more=toml({"gate.directory": [
        {"name": "file", "type": "file", "path": str(users)}]}))
    someone(door).start("alice")
    door.code_to("alice")
    for attempt in range(2):  # a watch that is lost with the first file misses the second
        name = f"bob{attempt}"
        replace(json.dumps([ALICE, {**BOB, "id": name}]))

        def knows(name=name):
            someone(door).start(name)
            return door.texts_to(name)

        wait_until(knows, lambda: door.err()[-4000:], every_s=0.2)
    replace("[{")
    someone(door).start("bob1")
    before = len(door.codes_to("alice"))
    someone(door).start("alice")
    door.code_to("alice", before + 1)


def test_operators_see_and_end_what_visitors_have(tmp_path):
    door = GateDoor(tmp_path, users=[ALICE, BOB], gate={"lock_after": 2, "tries": 10})
    alice = someone(door)
    alice.enter()
    source = alice.options[1]
    grants = json.loads(sallyport(door, "grants", "list", "--json", "--user", "alice"))
    assert [(grant["address"], grant["user"]) for grant in grants] == [(source, "alice")]
    assert source in sallyport(door, "users", "show", "alice")
    sallyport(door, "grants", "revoke", "--user", "alice")
    wait_until(alice.is_out, lambda: door.err()[-4000:])

    guesser = someone(door)
    guesser.start("bob")
    code = door.code_to("bob")
    token = guesser.field("form_token")
    for wrong in ("000000", "000001"):
        if wrong != code:
            guesser.post(f"{GATE}/code", {"form_token": token, "code": wrong})
    guesser.post(f"{GATE}/code", {"form_token": token, "code": code})
    assert not guesser.is_in()
    sallyport(door, "users", "unlock", "bob")
    guesser.post(f"{GATE}/code", {"form_token": token, "code": code})
    guesser.follow()
    assert guesser.is_in()


def test_a_reload_takes_over_what_the_gate_is_told(tmp_path):
    """Directories, factors and times; who is in stays in."""
    door = GateDoor(tmp_path)
    alice = someone(door)
    alice.enter()
    someone(door).start("bob")
    wait_until(lambda: "unknown_user" in door.err(), lambda: door.err()[-4000:])
    changed = (door.text.replace('id = "alice"', 'id = "bob"')
               .replace('issuer = "Example"', 'issuer = "Example"\ntries = 1\nspacing = "-"'))
    assert changed.count("tries = 1") == 1 and 'id = "bob"' in changed
    door.reload(changed)
    assert alice.is_in()
    bob = someone(door)
    bob.start("bob")
    code = re.search(r"\b\d(-\d){5}\b", door.text_to("bob")).group(0).replace("-", "")
    wrong = "000000" if code != "000000" else "000001"
    token = bob.field("form_token")
    bob.post(f"{GATE}/code", {"form_token": token, "code": wrong})
    bob.post(f"{GATE}/code", {"form_token": token, "code": code})
    assert not bob.is_in(), "one wrong code ends a visit now"
    bob.start("bob")
    bob.submit(f"{GATE}/code", code=re.search(
        r"\b\d(-\d){5}\b", door.text_to("bob", 2)).group(0).replace("-", ""))
    assert bob.is_in()


def test_a_reload_with_a_mistake_changes_nothing(tmp_path):
    door = GateDoor(tmp_path)
    door.write_config(door.text.replace('issuer = "Example"', 'issuer = "Other"\ntries = 0'))
    door.signal(1)
    door.wait_log("gate.tries")
    page = Visitor(door).get(f"{GATE}/").text
    assert "Example" in page and "Other" not in page
    someone(door).enter()
