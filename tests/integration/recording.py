"""An origin that keeps all octets that reach it, to see what a proxy made of a request."""

import re

from http_lab import OK, Scripted


class RecordingOrigin(Scripted):
    """Answers every request with `answer`, and keeps what each was made of: `requests` has (head,
    body as it came, chunks and all). What was begun and not ended is in `fragments`."""

    def __init__(self, answer=OK):
        self.answer = answer
        self.requests = []
        self.fragments = []
        super().__init__(self._answer)

    def _answer(self, connection, _number):
        head, body = "", b""
        try:
            while True:
                head, body = "", b""
                head = connection.until("\r\n\r\n").decode("latin-1")
                length = re.search(r"(?im)^content-length: *(\d+)\r$", head)
                if re.search(r"(?im)^transfer-encoding: *chunked\r$", head):
                    size = 1
                    while size:
                        line = connection.until("\r\n")
                        size = int(line.split(b";")[0], 16)
                        body += line + (connection.exactly(size + 2) if size else b"")
                    while (line := connection.until("\r\n")) != b"\r\n":
                        body += line
                    body += line
                elif length:
                    body = connection.exactly(int(length.group(1)))
                self.requests.append((head, body))
                connection.send(self.answer)
        finally:
            rest = head + (body + connection.kept).decode("latin-1")
            if rest:
                self.fragments.append(rest)

    def everything(self):
        """All that came, as texts."""
        return [head + body.decode("latin-1") for head, body in self.requests] + self.fragments
