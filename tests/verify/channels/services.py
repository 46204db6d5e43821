"""A mail server and an SMS service for one test: prints "SMTP_PORT HTTP_PORT", then one JSON line
for each message or request it has got. Ends with its standard input.

    services.py [--tls CERT KEY] [--smtps] [--login USER PASSWORD] [--answers 503,503,200]
                [--smtp-answers 451,250]
"""

import argparse
import email
import email.policy
import http.server
import json
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


def tell(**what):
    print(json.dumps(what), flush=True)


class Mail:
    def __init__(self, answers, tls):
        self.answers = answers
        self.tls = tls  # from the first octet: then the session does not know

    async def handle_DATA(self, server, session, envelope):
        answer = self.answers.pop(0) if self.answers else 250
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content()
                 for part in message.walk() if not part.is_multipart()}
        longest = max(len(line) for line in envelope.content.split(b"\r\n"))
        tell(mail=True, tls=self.tls or session.ssl is not None, sender=envelope.mail_from,
             recipients=envelope.rcpt_tos, subject=message["Subject"], to=message["To"],
             origin=message["From"], date=message["Date"], text=parts.get("text/plain"),
             html=parts.get("text/html"), longest=longest, answer=answer,
             login=bool(session.authenticated))
        return f"{answer} as told"


class Sms(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers = []

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.answers.pop(0) if self.answers else 200
        tell(mail=False, method=self.command, target=self.path, body=body.decode(),
             headers={name.lower(): value for name, value in self.headers.items()}, answer=answer)
        if answer == 0:  # never
            threading.Event().wait()
        self.send_response(answer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_PUT = serve

    def log_message(self, *_):
        pass


class Mailer(Controller):
    """Any free port: the one it is known by comes from the socket."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def numbers(text):
    return [int(word) for word in text.split(",") if word]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--smtps", action="store_true")
    parser.add_argument("--login", nargs=2)
    parser.add_argument("--answers", default="")
    parser.add_argument("--smtp-answers", default="")
    options = parser.parse_args()
    given = {}
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
        given["ssl_context" if options.smtps else "tls_context"] = context
    if options.login:
        expected = [part.encode() for part in options.login]

        def authenticate(_server, _session, _envelope, mechanism, data):
            del mechanism
            return AuthResult(success=[data.login, data.password] == expected)

        given.update(authenticator=authenticate, auth_required=True,
                     auth_require_tls=bool(options.tls))
    mail = Mailer(Mail(numbers(options.smtp_answers), options.smtps),
                  hostname="127.0.0.1", port=0, **given)
    mail.start()
    Sms.answers = numbers(options.answers)
    sms = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sms)
    sms.daemon_threads = True
    threading.Thread(target=sms.serve_forever, daemon=True).start()
    print(mail.port, sms.server_address[1], flush=True)
    sys.stdin.read()
    mail.stop(no_assert=True)


main()
