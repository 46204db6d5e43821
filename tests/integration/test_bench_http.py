"""The HTTP side of the comparison, and the gate's, in the shortest form: that it runs, not what it
measures."""

import json
import os
import pathlib
import subprocess

import pytest
from harness.notakey import LAB
from harness.sallyport import BINARY

ROOT = pathlib.Path(__file__).resolve().parents[2]
SYSTEMS = {"sallyport", "nginx", "haproxy", "caddy"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    done = subprocess.run(
        [ROOT / "scripts/bench", "--build", os.path.dirname(LAB), "--tiny", "--only", "http",
         "gate", "--json", folder / "results.json", "--report", folder / "report.html"],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "SALLYPORT": str(BINARY), "SALLYPORT_LAB": str(LAB)})
    assert done.returncode == 0, done.stdout + done.stderr
    page = (folder / "report.html").read_text()
    assert "http-idle" in page and "</html>" in page
    return json.loads((folder / "results.json").read_text())


def test_every_proxy_met_every_kind_of_traffic(results):
    assert not [limit for limit in results["limits"]
                if "not installed" in limit or "does not run" in limit]
    met = {(entry["system"], entry["protocol"], entry["tls"], entry["body_octets"])
           for entry in results["rounds"] if entry["scenario"] == "http"}
    kinds = {("h1", False, 60), ("h1", True, 60), ("h2", True, 60), ("h1", False, 1_000_000),
             ("h1", True, 1_000_000)}
    assert met == {(system, *kind) for system in SYSTEMS for kind in kinds}


def test_requests_were_counted_and_cost_something(results):
    for entry in results["rounds"]:
        if entry["scenario"] != "http":
            continue
        assert entry["requests"] > 0 and entry["failed"] == 0
        assert entry["octets"] >= entry["requests"] * entry["body_octets"]
        assert entry["cpu_us_per_request"] > 0
        latency = entry["latency_us"]
        assert 0 < latency["min"] <= latency["p50"] <= latency["p99"] <= latency["max"]


def test_every_row_of_the_table_was_measured(results):
    rows = {row["name"]: row["value"] for row in results["table"]}
    assert len(rows) == 10
    # A hundred plain connections of nginx's may fit into what was there already: then there is
    # nothing to divide by.
    weight = next(entry["rss_bytes_per_connection"] for entry in results["rounds"]
                  if entry["scenario"] == "http-idle" and entry["system"] == "nginx"
                  and not entry["tls"])
    missing = {name for name, value in rows.items() if value is None}
    assert missing == (set() if weight > 0 else {"HTTP: memory of an idle connection ÷ nginx's"})


def test_idle_connections_were_weighed(results):
    idle = [entry for entry in results["rounds"] if entry["scenario"] == "http-idle"]
    assert {(entry["system"], entry["tls"]) for entry in idle} == {
        (system, tls) for system in SYSTEMS for tls in (False, True)}
    # A hundred plain ones may fit into what was there already; those of TLS do not.
    assert all(entry["rss_bytes_per_connection"] > 0 for entry in idle if entry["tls"])


def test_the_gate_served_its_page_and_every_visitor_of_the_flood(results):
    pages = {entry["system"]: entry for entry in results["rounds"]
             if entry["scenario"] == "gate-page"}
    assert set(pages) == {"sallyport", "nginx"}
    assert len({entry["body_octets"] for entry in pages.values()}) == 1
    floods = [entry for entry in results["rounds"] if entry["scenario"] == "gate-flood"]
    assert [entry["visitors"] for entry in floods] == [0, 500]
    assert floods[1]["flood"]["served"] == 500 and floods[1]["failed"] == 0
