"""What 100,000 users who are being asked cost: memory of the daemon for each, and the latency of
traffic that asks nobody (wrong passwords) beside what it is with none pending.

Two daemons run side by side, one that asks and one that has nobody to ask, and are loaded in turns.
So both meet the same machine: with few cores the simulated service and the verify thread share the
generator's and the downstream's, which in the field are other machines. What differs is what the
pending users do inside of the daemon that asks them."""

from __future__ import annotations

import re
import urllib.request

from . import accounting, load
from .bench import Bench
from .processes import Child, ChildFailed, loopback_address, make_urgent, wait_until
from .systems import ACCESS_ID, Server, start_downstream, start_sallyport, wait_ready

SCENARIO = "pending"
MEMORY = "pending-memory"
_FILL_RATE = 12_500
_IDENTIFIERS = 256
_SHARD = "shard-"  # so its thread is called
_ENOUGH = 0.98
# A datagram that was lost on a busy machine is sent once more; all others would only be duplicates.
_AGAIN = "20s,2"


def start_notakey(bench: Bench) -> tuple[Child, str, str]:
    """It, the URL of a simulated service whose users never answer, and the settings to trust it.
    Calls may take long: it is asked for 100,000 users at once, perhaps on one core."""
    authority = bench.folder / "notakey-ca.pem"
    child = bench.children.start("notakey", [
        bench.lab, "simulate", "notakey", "--listen", f"{loopback_address()}:0", "--tls",
        "--write-ca", authority, "--access-id", ACCESS_ID, "--default", "expire"],
        bench.cores.service)
    settings = f'ca_file = "{authority}"\ntimeout = "2m"'
    return child, "https://" + child.ready_line()["listening"], settings


def metric(server: Server, name: str, labels: str = "") -> float:
    """Sum of all samples of this name, or the one with these labels, at the daemon's /metrics."""
    assert server.admin
    with urllib.request.urlopen(f"http://{server.admin[0]}:{server.admin[1]}/metrics",
                                timeout=30) as answer:
        text = answer.read().decode()
    sample = re.escape(name) + (re.escape(labels) if labels else r"(?:{[^}]*})?")
    return sum(map(float, re.findall(rf"^{sample} (\S+)$", text, re.MULTILINE)))


def fill(bench: Bench, server: Server) -> None:
    """Good passwords until so many users are being asked. The generator is ended then: its requests
    get no answer while the users think."""
    wanted = bench.plan.pending
    ports = -(-wanted // (_IDENTIFIERS // 2))
    generator, _ = load.start(bench, server, load.Load(
        seconds=4 * wanted / _FILL_RATE + 1, rate=_FILL_RATE, requests=wanted, reject=False,
        ports=ports, presigned=False, options=("--users", str(wanted), "--timeout", "600s",
                                         "--retransmit", _AGAIN)))

    def pending() -> bool:
        return metric(server, "sallyport_verify_pushes_total") >= wanted

    generator.wait_for(pending, f"{wanted:,} users being asked", patience_s=120)
    load.stop(bench, generator)


def rounds(bench: Bench, asking: Server, idle: Server) -> None:
    """Both at the same rate, in turns; who goes first alternates. No core halts meanwhile, and
    no other program of this machine goes before a shard."""
    for server in (asking, idle):
        make_urgent(server.child.pid, _SHARD)
    traffic = load.Load(seconds=bench.plan.latency_round_s, rate=bench.plan.fixed_rate,
                        warm_up_s=bench.plan.latency_round_s / 4, urgent=True)
    pair = ((idle, 0), (asking, bench.plan.pending))
    with bench.awake():
        for number in range(bench.plan.paired_rounds):
            for server, count in pair if number % 2 == 0 else reversed(pair):
                load.measure(bench, SCENARIO, server, number, traffic, pending=count)


def memory(bench: Bench, server: Server, before_kb: int) -> None:
    """What the daemon grew by, for each: the record of the verification, the parked answer and the
    share of connections."""
    grown = (accounting.rss_kb(server.child.pid) - before_kb) * 1024 / bench.plan.pending
    bench.rounds.append({
        "scenario": MEMORY, "system": server.name, "round": 0,
        "variant": "the whole daemon",
        "rss_bytes_per_pending": grown})
    bench.progress.say(f"pending      {grown / 1000:.2f} kB each for "
                       f"{bench.plan.pending:,} users being asked")


def check_cores(bench: Bench, server: Server) -> None:
    """That verify leaves the shard's core alone. The comparison could not tell: both daemons have
    their shards there, so what runs there would hold up both."""
    if bench.cores.proxy == bench.cores.all:
        bench.limit("pending: with one core the second factor shares it with the traffic")
        return
    trespassing = [name for name, cpus in accounting.threads(server.child.pid)
                   if name.startswith("verify") and cpus & bench.cores.proxy]
    if trespassing:
        raise ChildFailed(f"{server.name}: {', '.join(trespassing)} may run on the shard's core")


def start(bench: Bench, downstream: Server, notakey: str, trust: str) -> Server:
    """The verify thread may use the other cores: only the shard has one for itself."""
    server = start_sallyport(bench, downstream, notakey=notakey, notakey_more=trust,
                             max_exchanges=2 * max(bench.plan.pending, 32_768),
                             cpus=bench.cores.all)
    wait_ready(server)
    wait_until(lambda: metric(server, "sallyport_health", '{state="ok"}') == 1,
               "the second factor's API")
    return server


def run(bench: Bench) -> None:
    """Its own downstream, so that the others' state plays no part."""
    downstream = start_downstream(bench)
    if not make_urgent(downstream.child.pid):
        bench.limit("pending: not root, so generator, downstream and shard waited for what shares "
                    "their cores: that counts as the proxy's latency")
    notakey, url, trust = start_notakey(bench)
    asking, idle = (start(bench, downstream, url, trust) for _ in range(2))
    check_cores(bench, asking)
    for server in (asking, idle):  # what traffic takes once is no pending user's
        load.run(bench, server, load.Load(seconds=bench.plan.warm_up_s, rate=bench.plan.fixed_rate))
    before_kb = accounting.rss_kb(asking.child.pid)
    bench.progress.doing(f"pending: asking {bench.plan.pending:,} users")
    fill(bench, asking)
    memory(bench, asking, before_kb)
    rounds(bench, asking, idle)
    still = metric(asking, "sallyport_verify_pending")
    # The later traffic may come from a port of the asking traffic. A new request with the
    # Identifier of one that waits takes its place (RFC 2865 §2.5), and its user need not be asked
    # any more.
    if still < _ENOUGH * bench.plan.pending:
        bench.limit(f"pending: only {still:,.0f} of {bench.plan.pending:,} were still pending at "
                    "the end")
    for child in (asking.child, idle.child, downstream.child, notakey):
        bench.children.stop(child, patience_s=0.2)  # nobody waits for those who are being asked
