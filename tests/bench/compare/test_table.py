"""The speed table: right ratios from rounds, right verdicts from ratios."""

import pytest
from compare import (clients, duplicates, gate, http_idle, http_scenario, latency, pending, table,
                     throughput, verify)


def add(bench, scenario, system, values, key="cpu_us_per_request", **setting):
    for number, value in enumerate(values):
        bench.rounds.append({"scenario": scenario, "system": system, "round": number, key: value,
                             **setting})


def row(bench, begin):
    (found,) = [row for row in table.rows(bench) if row.name.startswith(begin)]
    return found


def test_nothing_measured_holds_nothing(bench):
    rows = table.rows(bench)
    assert len(rows) == 19
    assert {row.holds for row in rows} == {None}
    assert "not measured" in table.text(rows)


def test_cpu_is_ours_by_the_relay_and_peers_by_ours(bench):
    add(bench, throughput.SATURATED, "sallyport", [6.0, 8.0, 6.0])
    add(bench, throughput.SATURATED, "relay", [5.0, 5.0, 5.0])
    add(bench, throughput.SATURATED, "radsecproxy", [12.0, 12.0, 24.0])
    relay, radsecproxy = row(bench, "CPU per proxied"), row(bench, "radsecproxy")
    assert relay.value.median == 1.2 and relay.value.high == 1.6
    assert (relay.ours, relay.theirs) == (6.0, 5.0)
    assert relay.holds and not relay.reaches_aim
    assert radsecproxy.value.median == 2.0 and not radsecproxy.holds
    assert row(bench, "FreeRADIUS").holds is None


def test_added_latency_is_above_the_direct_way(bench):
    for system, p99 in (("direct", 100), ("relay", 150), ("sallyport", 190)):
        add(bench, latency.ADDED, system, [p99], key="p99_us")
    added = row(bench, "added p99")
    assert added.value.median == pytest.approx(90 / 50)
    assert not added.holds


def test_a_duplicate_is_what_is_spent_above_fresh_requests(bench):
    add(bench, duplicates.SCENARIO, "sallyport", [8.0], variant=duplicates.FRESH)
    bench.rounds.append({"scenario": duplicates.SCENARIO, "system": "sallyport", "round": 0,
                         "variant": duplicates.REPEATED, "cpu_us": 1400.0, "requests": 100,
                         "duplicates_sent": 200, "cpu_us_per_request": 14.0})
    assert duplicates.cost_of_a_duplicate_us(bench) == {0: 3.0}
    assert row(bench, "duplicate").value.median == pytest.approx(0.375)


def test_settings_set_rounds_of_one_system_apart(bench):
    add(bench, clients.SCENARIO, "sallyport", [10.0], clients=clients.FEW)
    add(bench, clients.SCENARIO, "sallyport", [12.0], clients=bench.plan.clients)
    add(bench, pending.SCENARIO, "sallyport", [100.0], key="p99_us", pending=0)
    add(bench, pending.SCENARIO, "sallyport", [110.0], key="p99_us", pending=bench.plan.pending)
    assert row(bench, "cost per request at 1,000,000").value.median == 1.2
    assert row(bench, "100,000 verifications").value.median == pytest.approx(1.1)


def test_memory_is_in_kilobytes_and_has_no_other(bench):
    add(bench, pending.MEMORY, "sallyport", [2_500.0], key="rss_bytes_per_pending")
    memory = row(bench, "memory")
    assert memory.value.median == 2.5 and memory.theirs is None
    assert memory.holds and memory.reaches_aim


def test_transfers_are_the_pool_by_the_bare_program(bench):
    add(bench, verify.TRANSFERS, "pool", [50.0, 60.0], key="cpu_us_per_transfer")
    add(bench, verify.TRANSFERS, "bare", [50.0, 40.0], key="cpu_us_per_transfer")
    assert row(bench, "CPU per HTTPS").value.median == pytest.approx(1.25)


def test_proxies_are_compared_by_what_a_busy_core_bears(bench):
    for traffic, ours, theirs in ((http_scenario.PLAIN, 120, 100), (http_scenario.TLS, 90, 100)):
        for system, rate in (("sallyport", ours), ("nginx", theirs)):
            add(bench, http_scenario.SCENARIO, system, [rate], key="rate_of_a_core",
                **traffic.setting())
    plain, tls = row(bench, "HTTP: requests/s of a busy core ÷ nginx's"), row(bench, "HTTPS: req")
    assert plain.value.median == 1.2 and plain.holds and not plain.reaches_aim
    assert (plain.ours, plain.theirs) == (120, 100)
    assert tls.value.median == 0.9 and not tls.holds
    assert row(bench, "HTTP: requests/s of a busy core ÷ haproxy's").holds is None


def test_idle_connections_may_cost_what_nginxs_cost(bench):
    for system, octets in (("sallyport", 800.0), ("nginx", 1000.0)):
        add(bench, http_idle.SCENARIO, system, [octets], key="rss_bytes_per_connection", tls=False)
    idle = row(bench, "HTTP: memory of an idle")
    assert idle.value.median == 0.8 and idle.reaches_aim and (idle.ours, idle.theirs) == (0.8, 1.0)
    assert row(bench, "HTTPS: memory of an idle").holds is None


def test_the_gates_page_is_compared_with_a_file_and_the_flood_with_before(bench):
    for system, rate in (("sallyport", 50), ("nginx", 100)):
        add(bench, gate.PAGE, system, [rate], key="rate_of_a_core")
    for flooded, p99 in ((False, 1000), (True, 1100)):
        add(bench, gate.FLOOD, "sallyport", [p99], key="p99_us", flooded=flooded)
    page, flood = row(bench, "gate's first page"), row(bench, "p99 of those let in")
    assert page.value.median == 0.5 and not page.holds
    assert flood.value.median == pytest.approx(1.1) and flood.holds and not flood.reaches_aim


def test_half_load_is_half_of_what_the_slower_bears(bench):
    setting = http_scenario.PLAIN.setting()
    add(bench, http_scenario.SCENARIO, "sallyport", [150, 160, 170], key="rate_of_a_core",
        **setting)
    add(bench, http_scenario.SCENARIO, "nginx", [90, 100, 120], key="rate_of_a_core",
        **setting)
    assert http_scenario.half_of(bench, ["sallyport", "nginx"]) == 50


def test_every_row_belongs_to_a_scenario_of_the_command_line(bench):
    from compare import scenarios

    names = {scenario.name for scenario in scenarios.ALL}
    assert {table.SCENARIO_OF[row.scenario] for row in table.rows(bench)} <= names
    left_out = {row.name for row in table.rows(bench)
                if table.SCENARIO_OF[row.scenario] in scenarios.NOT_QUICK}
    assert left_out and all(name.startswith(("HTTP", "gate", "p99 of those let in"))
                            for name in left_out)
