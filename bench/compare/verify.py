"""What verifications cost: memory while they wait, and CPU of each transfer beside a bare libcurl
program. `sallyport-lab bench verify` measures both; here its results are fetched."""

from __future__ import annotations

import json

from .bench import Bench
from .processes import ChildFailed

TRANSFERS, POOL, BARE = "verify-transfers", "pool", "bare"
MEMORY, INTERVAL, HELD = "verify-pending", "interval", "held"


def _measured(bench: Bench, *words: object, patience_s: float = 240) -> dict[str, object]:
    path = bench.new_folder("verify") / "result.json"
    command = [str(bench.lab), "bench", "verify", *map(str, words), "--json", str(path)]
    child = bench.children.start("verify", command, bench.cores.all)
    if child.wait(patience_s) != 0:
        raise ChildFailed(f"bench verify {words[0]} failed\n{child.tail()}")
    bench.children.stop(child)
    return json.loads(path.read_text())


def transfers(bench: Bench) -> None:
    bench.progress.doing("verify: CPU of each transfer")
    result = _measured(bench, "transfers", "--verifications", bench.plan.transfers, "--rounds",
                       bench.plan.paired_rounds)
    turns = {POOL: 0, BARE: 0}
    for entry in result["rounds"]:
        system = entry["system"]
        bench.rounds.append({**entry, "scenario": TRANSFERS, "round": turns[system]})
        turns[system] += 1
    costs = {system: bench.by_round(TRANSFERS, system, "cpu_us_per_transfer").values()
             for system in turns}
    bench.progress.say("verify       CPU of a transfer: " + ", ".join(
        f"{system} {min(values):.1f} to {max(values):.1f} µs" for system, values in costs.items()))


def memory(bench: Bench, mode: str) -> None:
    bench.progress.doing(f"verify: {bench.plan.pending:,} verifications wait ({mode} polls)")
    result = _measured(bench, "pending", "--pending", bench.plan.pending, "--mode", mode, "--rate",
                       20_000, "--steady", f"{bench.plan.steady_s * 1000:.0f}ms")
    bench.rounds.append({**result, "scenario": MEMORY, "system": "sallyport", "round": 0})
    kilo = float(result["rss_bytes_per_pending"]) / 1000
    bench.progress.say(f"verify       {kilo:.2f} kB for each of {result['pending']:,} waiting, "
                       f"polls {mode}")
