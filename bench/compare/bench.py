"""What every scenario is handed: where the programs are, how long to measure, where results go."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Iterator, Mapping

from .machine import Cores
from .processes import Children
from .progress import Progress


@dataclasses.dataclass(frozen=True)
class Plan:
    """How long and how often. Times in seconds, rates in requests a second."""

    rounds: int
    warm_up_s: float
    round_s: float
    latency_round_s: float
    latency_rounds: int
    step_s: float
    curve_rates: tuple[int, ...]
    fixed_rate: int
    fixed_rate_rounds: int
    paired_rounds: int  # of ratios between two runs of sallyport, which are near 1 and need many
    window: int
    clients: int
    addresses_by_client: int  # of those that do not send
    pending: int
    steady_s: float  # how long waiting verifications are watched
    transfers: int
    http_round_s: float
    http_idle: int  # connections
    gate_visitors: int  # of one flood
    gate_floods: int
    enforce: bool = True


FULL = Plan(rounds=9, warm_up_s=1, round_s=4, latency_round_s=3, latency_rounds=11, step_s=2,
            curve_rates=(5_000, 10_000, 20_000, 30_000, 40_000, 60_000, 80_000, 100_000, 120_000),
            fixed_rate=8_000, fixed_rate_rounds=5, paired_rounds=15, window=128,
            clients=1_000_000, addresses_by_client=1, pending=100_000, steady_s=8,
            transfers=20_000, http_round_s=5, http_idle=10_000, gate_visitors=50_000,
            gate_floods=5)
QUICK = Plan(rounds=3, warm_up_s=0.3, round_s=1, latency_round_s=0.8, latency_rounds=5, step_s=0.3,
             curve_rates=(5_000, 20_000, 80_000), fixed_rate=8_000,
             fixed_rate_rounds=1, paired_rounds=7, window=128, clients=1_000_000,
             addresses_by_client=100, pending=100_000, steady_s=2, transfers=6_000, http_round_s=1,
             http_idle=10_000, gate_visitors=50_000, gate_floods=2)
# So small that it only shows that everything works: nothing that it measures means anything.
TINY = Plan(rounds=1, warm_up_s=0.05, round_s=0.1, latency_round_s=0.1, latency_rounds=1,
            step_s=0.1, curve_rates=(500, 1_000), fixed_rate=1_000, fixed_rate_rounds=1,
            paired_rounds=1,
            window=16, clients=5_000, addresses_by_client=10, pending=300, steady_s=0.3,
            transfers=50, http_round_s=0.3, http_idle=100, gate_visitors=500,
            gate_floods=1, enforce=False)


class Bench:
    """One run of the comparison. Scenarios add to `rounds` and `limits`."""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path, children: Children, plan: Plan,
                 cores: Cores, progress: Progress) -> None:
        self.sallyport = pathlib.Path(os.environ.get("SALLYPORT", build / "sallyport"))
        self.lab = pathlib.Path(os.environ.get("SALLYPORT_LAB", build / "sallyport-lab"))
        self.folder = folder
        self.children = children
        self.plan = plan
        self.cores = cores
        self.progress = progress
        self.rounds: list[dict[str, object]] = []
        self.limits: list[str] = []

    def new_folder(self, name: str) -> pathlib.Path:
        return pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """No core that takes part in a measurement halts within."""
        spinners = self.children.keep_awake(self.cores.proxy | self.cores.generator
                                            | self.cores.downstream)
        try:
            yield
        finally:
            for spinner in spinners:
                self.children.stop(spinner)

    @staticmethod
    def clean_environment() -> Mapping[str, str]:
        """None of the variables by which sallyport could be configured."""
        return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8"}

    def limit(self, text: str) -> None:
        """Something that a reader of the results must know; said once."""
        if text not in self.limits:
            self.limits.append(text)

    def of(self, scenario: str) -> list[dict[str, object]]:
        return [entry for entry in self.rounds if entry["scenario"] == scenario]

    def by_round(self, scenario: str, system: str, key: str, **setting: object) -> dict[int, float]:
        """One figure of one system in each round of a scenario; `setting` as in load.measure."""
        return {int(entry["round"]): float(entry[key]) for entry in self.of(scenario)
                if entry["system"] == system and entry.get(key) is not None
                and all(entry.get(name) == value for name, value in setting.items())}
