"""What is said while it runs: one line a measurement, on standard error."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Progress:
    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._begin = time.monotonic()
        self._live = stream.isatty()
        self._pending = False

    def elapsed_s(self) -> float:
        return time.monotonic() - self._begin

    def _clear(self) -> None:
        if self._pending:
            self._stream.write("\r\033[K")
            self._pending = False

    def doing(self, text: str) -> None:
        """What happens now: replaced by the next line; on a terminal only."""
        if self._live:
            self._clear()
            self._stream.write(f"{self.elapsed_s():6.1f} s  {text} …")
            self._stream.flush()
            self._pending = True

    def say(self, text: str) -> None:
        self._clear()
        self._stream.write(f"{self.elapsed_s():6.1f} s  {text}\n")
        self._stream.flush()

    def title(self, text: str) -> None:
        self._clear()
        self._stream.write(f"\n{text}\n")
        self._stream.flush()
