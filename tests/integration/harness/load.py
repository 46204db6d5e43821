"""The load generator and a downstream that keeps up with it."""

import json
import subprocess

from .downstream import RadiusSimulator
from .notakey import LAB


def rejecting_downstream(folder):
    """Rejects every password: nobody is asked for a second factor, so that requests take no longer
    than the RADIUS door."""
    return RadiusSimulator(folder, {f"user-{n:07d}": "another password" for n in range(100)})


class RadiusLoad:
    """`sallyport-lab bench radius`: PAP logins at a door that are all rejected."""

    def __init__(self, folder, door):
        self.folder = folder
        self.server = door.server
        (folder / "load.secret").write_text(door.secret)
        (folder / "load.password").write_text("a password of load tests")

    def start(self, *options):
        host, port = self.server
        command = [LAB, "bench", "radius", "--target", f"{host}:{port}", "--secret-file",
                   self.folder / "load.secret", "--password-file", self.folder / "load.password",
                   "--expect", "reject", "--timeout", "20s", "--quiet", "--json", "-", *options]
        return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    @staticmethod
    def result(run):
        """Of a run that was started, once it has ended."""
        out, err = run.communicate(timeout=120)
        assert run.returncode == 0, out + err
        return json.loads(out)
