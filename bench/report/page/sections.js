"use strict";
// From results to sections. A part that a result lacks leaves out its chart, never the page.

const kPercentiles = [["p99", "99th percentile"], ["p50", "median"], ["p999", "99.9th percentile"]];

function section(id, title, lede, figures) {
  const shown = figures.filter(Boolean);
  if (shown.length === 0) return null;
  return h("section", { id, "aria-labelledby": `${id}-title` },
    h("h2", { id: `${id}-title` }, title), lede ? h("p", { class: "lede" }, lede) : null,
    h("div", { class: "charts" }, shown));
}

const latency = (round, name) => round.latency_us?.[name] ?? NaN;

/** What sets rounds of one scenario and one system apart, in words. */
const kVariants = {
  clients: (value) => `${short(value)} clients`,
  pending: (value) => (value ? `${short(value)} pending` : "none pending"),
  variant: String,
  mode_of_polls: String,
};

function variantOf(round) {
  return Object.entries(kVariants)
    .filter(([key]) => round[key] !== undefined && round[key] !== null)
    .map(([key, words]) => words(round[key]))
    .join(", ");
}

/** Rows for a bar chart: one for each system, or system and variant. */
function barRows(rounds, pick) {
  const variants = new Set(rounds.map(variantOf));
  const systems = new Set(rounds.map((round) => round.system));
  const named = (round) => {
    const words = variantOf(round);
    if (variants.size < 2 || !words) return systemName(round.system);
    return systems.size < 2 ? words : `${systemName(round.system)}, ${words}`;
  };
  const rows = [];
  for (const [name, group] of groupBy(rounds, named)) {
    const values = spread(group, pick);
    if (values) rows.push({ name, system: group[0].system, colour: colourOf(group[0].system), ...values });
  }
  return rows;
}

/** How many times as much as ours, beside each bar. */
function noteRatios(rows, words) {
  const ours = rows.find((row) => row.system === "sallyport");
  if (!ours || rows.length < 2 || !(ours.value > 0)) return rows;
  for (const row of rows) if (row !== ours) row.note = `${number(row.value / ours.value)} × ${words}`;
  return rows;
}

function barFigure({ title, description, rounds, pick, format, column, note, wide }) {
  const rows = barRows(rounds, pick);
  if (rows.length === 0) return null;
  if (note) noteRatios(rows, note);
  return figure({
    title, description, wide, draw: barChart({ rows, format }),
    table: dataTable(title, ["System", `>${column}, median`, ">least", ">greatest", ">rounds"],
      rows.map((row) => [row.name, format(row.value), format(row.min), format(row.max), String(row.values.length)])),
  });
}

// ---- rate against latency -------------------------------------------------------------------

/** Points of [{system, offered, p50, p99, p999, held}], medians of the rounds at each step. */
function curvePoints(rounds) {
  const points = [];
  for (const [system, group] of groupBy(rounds, (round) => round.system)) {
    for (const [offered, same] of groupBy(group, (round) => round.offered_rate)) {
      points.push({
        system, offered, rate: median(same.map((round) => round.rate)),
        loss: median(same.map((round) => (round.requests ? (round.lost ?? 0) / round.requests : round.loss ?? 0))),
        ...Object.fromEntries(kPercentiles.map(([name]) => [name, median(same.map((round) => latency(round, name)))])),
      });
    }
  }
  for (const point of points) point.held = !(point.loss > 0.0001) && !(point.rate < 0.98 * point.offered);
  return points;
}

function stepPoints(run) {
  return (run.result.steps ?? []).map((step) => ({
    system: run.label, colour: run.colour, offered: step.offered, rate: step.rate, loss: step.loss ?? 0,
    p50: step.p50_us, p99: step.p99_us, p999: step.p999_us, held: step.held !== false,
  }));
}

function curveSection(points, id = "curve") {
  const usable = points.filter((point) => point.offered > 0);
  const systems = [...groupBy(usable, (point) => point.system)];
  if (!systems.some(([, group]) => group.length > 1)) return null;
  const all = kPercentiles.flatMap(([name]) => usable.map((point) => point[name]));
  const range = ends(all, { log: true });
  const lines = systems.map(([system, group]) => ({ system, group: group.sort((a, b) => a.offered - b.offered) }));
  const figures = kPercentiles.map(([name, words]) => {
    if (!usable.some((point) => point[name] > 0)) return null;
    return figure({
      title: plainWords(words),
      draw: lineChart({
        x: { label: "offered requests/s", format: perSecond, tick: short, zero: true },
        y: { label: "latency", format: micros, tick: microsShort, log: true, ...range },
        series: lines.map(({ system, group }) => ({
          name: systemName(system), colour: group[0].colour ?? colourOf(system),
          points: group.filter((point) => Number.isFinite(point[name])).map((point) => ({
            x: point.offered, y: point[name], hollow: !point.held,
            note: point.held ? "" : `not held, ${percent(point.loss)} lost`,
          })),
        })),
      }),
    });
  });
  const table = dataTable("Rate against latency",
    ["System", ">offered/s", ">answered/s", ">lost", ">p50", ">p99", ">p99.9", "held"],
    lines.flatMap(({ system, group }) => group.map((point) => [
      systemName(system), number(point.offered), number(point.rate), percent(point.loss),
      micros(point.p50), micros(point.p99), micros(point.p999), point.held ? "yes" : "no"])));
  const made = section(id, "Rate against latency",
    "An open loop: requests leave at a fixed rate, and latency counts from the moment each was meant to leave. Both matter: a"
    + " server that falls behind cannot hide it. Hollow points are steps that were not held.", figures);
  made?.append(h("details", { class: "figures" }, h("summary", {}, "Figures"), h("div", { class: "scroll" }, table)));
  return made;
}

// ---- one run --------------------------------------------------------------------------------

/** Histogram buckets [[upper_us, count]…] joined to even steps of the logarithm. */
function densityPoints(histogram) {
  const total = histogram.reduce((sum, [, count]) => sum + count, 0);
  const filled = histogram.filter(([upper, count]) => upper > 0 && count > 0);
  if (total === 0 || filled.length === 0) return [];
  const perDecade = 24;
  const bin = (value) => Math.floor(Math.log10(value) * perDecade + 1e-9);
  const counts = new Map();
  for (const [upper, count] of filled) counts.set(bin(upper), (counts.get(bin(upper)) ?? 0) + count);
  const first = Math.min(...counts.keys()) - 1;
  const last = Math.max(...counts.keys()) + 1;
  // Buckets and steps do not fall together: a step takes a part of its neighbours', or it would saw.
  const near = (at) => (counts.get(at - 1) ?? 0) + 2 * (counts.get(at) ?? 0) + (counts.get(at + 1) ?? 0);
  return Array.from({ length: last - first + 1 }, (_, i) => ({ x: 10 ** ((first + i + 0.5) / perDecade), y: near(first + i) / 4 / total }));
}

/** Points of (1 / share that is slower, latency): the tail drawn as long as it is rare. */
function tailPoints(histogram) {
  const total = histogram.reduce((sum, [, count]) => sum + count, 0);
  const points = [];
  let below = 0;
  for (const [upper, count] of histogram) {
    if (count === 0) continue;
    below += count;
    const rarity = total / Math.max(total - below, 1);
    const previous = points[points.length - 1];
    if (!previous || rarity >= previous.x * 1.04) points.push({ x: rarity, y: upper });
    else previous.y = upper;
  }
  return points.filter((point) => point.y > 0);
}

const rarityName = (rarity) => {
  const share = 100 * (1 - 1 / rarity);
  return `p${Number(share.toPrecision(Math.max(2, Math.ceil(Math.log10(rarity)) + 2)))}`;
};

function distributionSection(runs) {
  const shown = runs.filter((run) => run.result.histogram?.length);
  if (shown.length === 0) return null;
  const lines = shown.map((run) => ({ name: run.label, colour: run.colour }));
  const one = shown.length === 1 ? shown[0].result.latency_us ?? {} : {};
  const density = figure({
    title: "How long answers took",
    description: "Share of the answers by latency, on a logarithmic scale.",
    draw: lineChart({
      x: { label: "latency", format: micros, tick: microsShort, log: true },
      y: { label: "share of answers", format: percent, tick: percent, zero: true },
      series: shown.map((run, i) => ({ ...lines[i], points: densityPoints(run.result.histogram) })),
      marks: [["p50", "p50"], ["p99", "p99"], ["p999", "p99.9"]].filter(([key]) => one[key] > 0)
        .map(([key, name]) => ({ x: one[key], name: `${name} ${micros(one[key])}` })),
      area: true, dots: false,
    }),
  });
  const tail = figure({
    title: "The tail",
    description: "Latency by percentile; each step to the right is ten times as rare.",
    draw: lineChart({
      x: { label: "percentile", format: rarityName, log: true, ticks: [1, 10, 100, 1e3, 1e4, 1e5, 1e6]
        .filter((tick) => tick <= Math.max(...shown.map((run) => tailPoints(run.result.histogram).at(-1)?.x ?? 0))), tick: (v) => (v === 1 ? "p0" : rarityName(v)) },
      y: { label: "latency", format: micros, tick: microsShort, log: true },
      series: shown.map((run, i) => ({ ...lines[i], points: tailPoints(run.result.histogram) })),
      dots: false,
    }),
    table: dataTable("Latency by percentile", ["Run", ">least", ">mean", ">p50", ">p90", ">p99", ">p99.9", ">greatest"],
      shown.map((run) => [run.label, ...["min", "mean", "p50", "p90", "p99", "p999", "max"].map((name) => micros(latency(run.result, name)))])),
  });
  return section("distribution", "Latency", null, [density, tail]);
}

function seriesSection(runs) {
  const shown = runs.filter((run) => run.result.series?.length > 1);
  if (shown.length === 0) return null;
  const answered = shown.some((run) => run.result.series.some((second) => second.p99_us > 0));
  const x = { label: "seconds", format: (value) => `${number(value)} s`, tick: short, zero: true };
  const lines = (pick) => shown.map((run) => ({
    name: run.label, colour: run.colour,
    points: run.result.series.filter((second) => Number.isFinite(pick(second))).map((second) => ({ x: second.t_s, y: pick(second) })),
  }));
  const latencies = shown.length === 1
    ? [["p50", "p50_us", "var(--c4)"], ["p99", "p99_us", "var(--ours)"]].map(([name, key, colour]) => ({
      name, colour, points: lines((second) => second[key])[0].points }))
    : lines((second) => second.p99_us);
  return section("time", "Over time", null, [
    figure({
      title: "Answers per second",
      draw: lineChart({ x, y: { label: "answers/s", format: short, zero: true }, series: lines((second) => second.rate), height: 240, dots: false }),
      table: dataTable("Second by second", ["Run", ">second", ">answers/s", ">p50", ">p99"],
        shown.flatMap((run) => run.result.series.map((second) => [
          run.label, number(second.t_s), number(second.rate), micros(second.p50_us), micros(second.p99_us)]))),
    }),
    answered && figure({
      title: shown.length === 1 ? "Latency, median and 99th percentile" : "Latency, 99th percentile",
      draw: lineChart({ x, y: { label: "latency", format: micros, tick: microsShort, log: true }, series: latencies, height: 240, dots: false }),
    }),
  ]);
}

function runsTable(runs) {
  const share = (result) => (result.requests ? percent((result.lost ?? 0) / result.requests) : "–");
  return dataTable("The runs",
    ["Run", "method", "load", ">answers/s", ">p50", ">p99", ">p99.9", ">lost", ">wrong", ">accepts", ">rejects"],
    runs.map(({ label, result }) => [
      label, result.method, loadWords(result), number(result.rate), micros(latency(result, "p50")), micros(latency(result, "p99")),
      micros(latency(result, "p999")), share(result), number(result.wrong ?? 0), number(result.accepts), number(result.rejects)]));
}

function loadWords(result) {
  if (result.mode === "search") return "search for the highest rate";
  if (result.mode === "ramp") return "ramp";
  if (result.mode === "open" || result.offered_rate > 0) return `open loop, ${number(result.offered_rate)}/s`;
  return result.window ? `closed loop, ${number(result.window)} at once` : "closed loop";
}

// ---- the comparison -------------------------------------------------------------------------

const cpu = (round) => round.cpu_us_per_request;

function scalingSection(rounds) {
  const points = [];
  for (const [system, group] of groupBy(rounds, (round) => round.system)) {
    for (const [shards, same] of groupBy(group, (round) => round.shards)) points.push({ system, shards, rate: median(same.map((round) => round.rate)) });
  }
  const systems = [...groupBy(points, (point) => point.system)];
  if (!systems.some(([, group]) => group.length > 1)) return null;
  const series = systems.map(([system, group]) => ({
    name: systemName(system), colour: colourOf(system),
    points: group.sort((a, b) => a.shards - b.shards).map((point) => ({
      x: point.shards, y: point.rate, note: `${number(point.rate / group[0].rate)} × of ${group[0].shards}` })),
  }));
  const [first] = series;
  const ideal = { name: "in proportion", colour: "var(--soft)", dash: "4 4",
    points: first.points.map((point) => ({ x: point.x, y: (first.points[0].y * point.x) / first.points[0].x })) };
  return section("scaling", "Scaling by shards", "A shard is one pinned core with its own ring, sockets and tables.", [figure({
    title: "Answers per second by number of shards", wide: true,
    draw: lineChart({
      x: { label: "shards", format: (value) => `${value} shards`, tick: String, ticks: first.points.map((point) => point.x) },
      y: { label: "answers/s", format: short, zero: true }, series: [...series, ideal] }),
    table: dataTable("Scaling by shards", ["System", ">shards", ">answers/s", ">÷ in proportion"], series.flatMap((line) => line.points.map((point) => [
      line.name, String(point.x), number(point.y), number(point.y / ((line.points[0].y * point.x) / line.points[0].x))]))),
  })]);
}

function memorySection(rounds) {
  const rows = rounds.map((round) => ({ ...round, system: round.system ?? "sallyport", variant: round.variant ?? (round.mode === "held" ? "polls held open" : "polls at intervals") }));
  return section("memory", "Memory of a waiting user",
    "What the process grows by for each user who has not answered yet. Held polls keep an HTTP/2 stream open each; polls at intervals need none between them.", [
      barFigure({ title: "Memory per pending verification", rounds: rows, pick: (round) => round.rss_bytes_per_pending, format: octets, column: "octets" }),
      barFigure({ title: "CPU per pending verification and second", rounds: rows, pick: (round) => round.cpu_us_per_pending_second, format: micros, column: "CPU" }),
    ]);
}

function transfersSection(rounds) {
  return section("transfers", "An HTTPS transfer of a verification", "Beside a bare program on libcurl's multi interface that does the same transfers.", [
    barFigure({ title: "CPU per transfer", wide: true, rounds, pick: (round) => round.cpu_us_per_transfer, format: micros, column: "CPU" })]);
}

const kHttpVariants = [["protocol", (v) => ({ h1: "HTTP/1.1", h2: "HTTP/2" })[v] ?? v], ["tls", (v) => (v ? "TLS 1.3" : "plain")], ["body_octets", octetsShort], ["load", (v) => v]];

function httpSection(rounds) {
  const words = (round) => kHttpVariants.filter(([key]) => round[key] !== undefined).map(([key, say]) => say(round[key])).join(" · ");
  const loads = rounds.filter((round) => Number.isFinite(round.rate));
  const idle = rounds.filter((round) => Number.isFinite(round.rss_bytes_per_connection));
  if (loads.length + idle.length === 0) return null;
  const figures = (group) => [
    barFigure({ title: "Requests per second", rounds: group, pick: (round) => round.rate, format: perSecond, column: "requests/s" }),
    barFigure({ title: "CPU per request", rounds: group, pick: cpu, format: micros, column: "CPU" }),
    barFigure({ title: "99th percentile of latency", rounds: group, pick: (round) => latency(round, "p99"), format: micros, column: "latency" })];
  const memory = [...groupBy(idle, (round) => Boolean(round.tls))].map(([tls, group]) => barFigure({
    title: tls ? "TLS 1.3" : "Plain", rounds: group, pick: (round) => round.rss_bytes_per_connection, format: octets, column: "octets" }));
  const part = (title, charts) => [h("h3", { class: "variant" }, title), h("div", { class: "charts three" }, charts.filter(Boolean))];
  return h("section", { id: "http", "aria-labelledby": "http-title" }, h("h2", { id: "http-title" }, "HTTP reverse proxies"),
    h("p", { class: "lede" }, "One core each, 64 connections kept alive, one origin behind all of them; rounds in turns."),
    [...groupBy(loads, words)].flatMap(([title, group]) => part(title, figures(group))),
    memory.length ? part("Memory of an idle connection", memory) : []);
}

// What a reader looks for in each scenario; in others, all that was measured.
const kScenarios = {
  saturation: { title: "A proxied request", lede: "As much as each bears: a closed loop keeps a fixed number of requests under way." },
  "fixed-rate": { title: "At a rate that all bear", lede: "An open loop: the same rate of requests for all.", show: ["cpu", "p99"] },
  latency: { title: "Latency at half load", lede: "At half of sallyport's highest rate; direct is the downstream without any proxy.", show: ["p99"] },
  duplicates: { title: "A duplicate, answered from the table", show: ["cpu", "rate"] },
  clients: { title: "Many configured clients", show: ["cpu", "p99"] },
  pending: { title: "Other traffic while users are waited for", show: ["p99", "cpu"] },
};

function scenarioSection(name, rounds) {
  const { title, lede, show = ["cpu", "rate", "p99"] } = kScenarios[name] ?? {};
  const several = new Set(rounds.map((round) => round.system)).size > 1;
  const figures = {
    cpu: () => barFigure({ title: "CPU per request", description: "User and system time of the proxy alone, as the kernel counts it. Less is better.",
      rounds, pick: cpu, format: micros, column: "CPU", note: several ? "ours" : null }),
    rate: () => barFigure({ title: "Answers per second", description: "More is better.", rounds, pick: (round) => round.rate, format: perSecond, column: "answers/s" }),
    p99: () => barFigure({ title: "99th percentile of latency", description: "Less is better.", rounds, pick: (round) => latency(round, "p99"), format: micros, column: "latency" }),
  };
  const id = `scenario-${String(name).replaceAll(/[^a-zA-Z0-9]+/g, "-")}`;
  return section(id, title ?? plainWords(name), lede, show.map((what) => figures[what]()));
}
