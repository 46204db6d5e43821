"use strict";
// SVG charts, drawn anew for the width there is, so that text keeps its size on a phone. Each comes
// in a figure with a title, a sentence for those who cannot see it, and its figures as a table.

let chartCount = 0;
const hover = document.getElementById("hover");

function showHover(event, title, lines) {
  hover.replaceChildren(
    h("strong", {}, title),
    ...lines.map(({ colour, name, text }) =>
      h("span", { class: "hover-line" }, h("i", { style: `background:${colour}` }), h("span", {}, name), h("b", {}, text))),
  );
  hover.hidden = false;
  const box = hover.getBoundingClientRect();
  const right = event.clientX + 16 + box.width > innerWidth - 8;
  hover.style.left = `${Math.max(8, right ? event.clientX - 16 - box.width : event.clientX + 16)}px`;
  hover.style.top = `${Math.max(8, Math.min(innerHeight - box.height - 8, event.clientY - box.height / 2))}px`;
}

const hideHover = () => { hover.hidden = true; };

// From here on lines carry their names at their ends; on less room a key above names them.
const kLabelledWidth = 420;

/** draw(width) → svg. The chart is drawn again when its figure gets another width. */
function figure({ title, description, draw, table, wide = false }) {
  const key = draw.lines?.length > 1 ? legend(draw.lines) : null;
  const id = `chart-${++chartCount}`;
  const frame = h("div", { class: "frame" });
  const element = h("figure", { class: wide ? "chart wide" : "chart", id },
    h("figcaption", {}, h("h3", {}, title), description ? h("p", {}, description) : null),
    key, frame,
    table ? h("details", { class: "figures" }, h("summary", {}, "Figures"), h("div", { class: "scroll" }, table)) : null);
  let drawnWidth = 0;
  const redraw = () => {
    const width = Math.floor(frame.clientWidth);
    if (width < 40 || width === drawnWidth) return;
    drawnWidth = width;
    if (key) key.hidden = width >= kLabelledWidth;
    const picture = draw(width);
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-labelledby", `${id}-title`);
    picture.prepend(svg("title", { id: `${id}-title` }, description ? `${title}. ${description}` : title));
    picture.addEventListener("pointerleave", hideHover);
    frame.replaceChildren(picture);
  };
  new ResizeObserver(redraw).observe(frame);
  return element;
}

function canvas(width, height) {
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "plot" });
}

/** Round steps from 0 or from the low end, about `count` of them. */
function linearTicks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) * power;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); ++i) ticks.push(i * step + 0);  // + 0: never -0
  return ticks;
}

function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const factors = decades > 4 ? [1] : decades > 2 ? [1, 3] : decades > 0.9 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8];
  const ticks = [];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) {
    for (const factor of factors) {
      if (factor * power >= low * 0.999 && factor * power <= high * 1.001) ticks.push(factor * power);
    }
  }
  return ticks;
}

/** { at(value) → pixel, ticks } of an axis from pixel a to pixel b. */
function scale({ log, low, high, ticks, count = 5 }, a, b) {
  if (log) {
    const span = Math.log(high / low) || 1;
    return { at: (v) => a + ((b - a) * Math.log(Math.max(v, low) / low)) / span, ticks: ticks ?? logTicks(low, high) };
  }
  const span = high - low || 1;
  return { at: (v) => a + ((b - a) * (v - low)) / span, ticks: ticks ?? linearTicks(low, high, count) };
}

/** The ends of an axis that holds all values, with air above on a log axis. */
function ends(values, { log, zero }) {
  const finite = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  if (finite.length === 0) return log ? { low: 1, high: 10 } : { low: 0, high: 1 };
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  if (log) return { low: low / 1.25, high: Math.max(high * 1.25, low * 2) };
  return zero ? { low: 0, high: high * 1.06 || 1 } : { low, high: high === low ? low + 1 : high };
}

/** Moves labels apart so that none covers another; keeps their order. */
function spreadLabels(labels, low, high, gap) {
  labels.sort((a, b) => a.y - b.y);
  for (let i = 1; i < labels.length; ++i) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + gap);
  const over = labels.length ? labels[labels.length - 1].y - high : 0;
  if (over > 0) for (const label of labels) label.y -= over;
  for (let i = 1; i < labels.length; ++i) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + gap);
  return labels;
}

const textWidth = (text, size = 12) => [...text].length * size * 0.56;

/**
 * Lines over a common x.
 *   x, y: { label, format, log, zero, ticks }
 *   series: [{ name, colour, dash, points: [{ x, y, hollow, note }] }]
 *   marks: [{ x, name }] vertical lines
 */
function lineChart({ x, y, series, marks = [], height = 300, area = false, dots = true, hoverTitle }) {
  // On a logarithmic axis nothing has no place: no answer, no latency.
  const placed = (point) => Number.isFinite(point.y) && (!y.log || point.y > 0) && (!x.log || point.x > 0);
  const drawn = series.map((line) => ({ ...line, points: line.points.filter(placed) })).filter((line) => line.points.length > 0);
  const points = drawn.flatMap((line) => line.points);
  const paint = (width) => {
    const longest = Math.max(0, ...drawn.map((line) => textWidth(line.name)));
    const direct = width >= kLabelledWidth && drawn.length > 1;
    const top = 30;
    const yEnds = { ...ends(points.map((point) => point.y), y), ...y };
    const xEnds = { ...ends(points.map((point) => point.x), x), ...x, count: Math.max(2, Math.floor(width / 110)) };
    const yScale = scale(yEnds, height - 40, top);
    const left = Math.max(...yScale.ticks.map((tick) => textWidth((y.tick ?? y.format)(tick), 11.5))) + 14;
    const right = direct ? Math.min(longest + 18, width * 0.3) : 16;
    const xScale = scale(xEnds, left, width - right);
    const picture = canvas(width, height);
    picture.append(
      ...yScale.ticks.map((tick) => svg("g", {},
        svg("line", { class: "grid", x1: left, x2: width - right, y1: yScale.at(tick), y2: yScale.at(tick) }),
        svg("text", { class: "tick", x: left - 8, y: yScale.at(tick) + 4, "text-anchor": "end" }, (y.tick ?? y.format)(tick)))),
      ...roomy(xScale.ticks, xScale.at, x.tick ?? x.format).map((tick) =>
        svg("text", { class: "tick", x: xScale.at(tick), y: height - 20, "text-anchor": "middle" }, (x.tick ?? x.format)(tick))),
      svg("line", { class: "axis", x1: left, x2: width - right, y1: height - 38, y2: height - 38 }),
      svg("text", { class: "axis-name", x: 0, y: 12 }, y.label),
      svg("text", { class: "axis-name", x: width - right, y: height - 3, "text-anchor": "end" }, x.label));
    drawMarks(picture, marks, xScale, { top, bottom: height - 38, left, right: width - right });
    drawLines(picture, drawn, xScale, yScale, { area, dots, floor: height - 38 });
    if (direct) {
      const labels = drawn.map((line) => {
        const last = line.points[line.points.length - 1];
        return { line, x: xScale.at(last.x), y: yScale.at(last.y) };
      });
      const end = width - right + 8;
      for (const label of spreadLabels(labels, top, height - 40, 16)) {
        picture.append(svg("text", { class: "direct", x: end, y: label.y + 4, style: `fill:${label.line.colour}` }, label.line.name));
      }
    }
    followPointer(picture, drawn, xScale, { x, y, top, bottom: height - 38, hoverTitle });
    return picture;
  };
  paint.lines = drawn;
  return paint;
}

/** Those whose texts have room beside each other. */
function roomy(ticks, at, text) {
  let free = -Infinity;
  return ticks.filter((tick) => {
    const half = textWidth(text(tick), 11.5) / 2;
    if (at(tick) - half < free) return false;
    free = at(tick) + half + 10;
    return true;
  });
}

function drawMarks(picture, marks, xScale, { top, bottom, left, right }) {
  let row = 0;
  let previous = -Infinity;
  for (const mark of marks) {
    const at = xScale.at(mark.x);
    if (at < left - 1 || at > right + 1) continue;
    row = at - previous < textWidth(mark.name, 11.5) + 8 ? row + 1 : 0;
    previous = at;
    const end = at + textWidth(mark.name, 11.5) > right;
    picture.append(
      svg("line", { class: "mark", x1: at, x2: at, y1: top + row * 15, y2: bottom }),
      svg("text", { class: "mark-name", x: end ? at - 4 : at + 4, y: top + 9 + row * 15, "text-anchor": end ? "end" : "start" }, mark.name));
  }
}

function drawLines(picture, drawn, xScale, yScale, { area, dots, floor }) {
  for (const line of drawn) {
    const path = line.points.map((point, i) => `${i ? "L" : "M"}${xScale.at(point.x).toFixed(1)},${yScale.at(point.y).toFixed(1)}`).join("");
    const first = xScale.at(line.points[0].x).toFixed(1);
    const last = xScale.at(line.points[line.points.length - 1].x).toFixed(1);
    if (area) picture.append(svg("path", { class: "area", d: `${path}L${last},${floor}L${first},${floor}Z`, style: `fill:${line.colour}` }));
    picture.append(svg("path", { class: "line", d: path, style: `stroke:${line.colour}`, "stroke-dasharray": line.dash }));
    if (!dots) continue;
    for (const point of line.points) {
      picture.append(svg("circle", {
        class: point.hollow ? "dot hollow" : "dot", cx: xScale.at(point.x), cy: yScale.at(point.y), r: 3.5,
        style: point.hollow ? `stroke:${line.colour}` : `fill:${line.colour}`,
      }));
    }
  }
}

/** A line at the x nearest to the pointer, and what every series has there. */
function followPointer(picture, drawn, xScale, { x, y, top, bottom, hoverTitle }) {
  const cross = svg("line", { class: "cross", y1: top, y2: bottom, visibility: "hidden" });
  picture.append(cross);
  const all = [...new Set(drawn.flatMap((line) => line.points.map((point) => point.x)))];
  const move = (event) => {
    const box = picture.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * picture.viewBox.baseVal.width;
    const distance = (value) => Math.abs(xScale.at(value) - at);
    const nearest = all.reduce((best, value) => (distance(value) < distance(best) ? value : best), all[0]);
    const lines = drawn.flatMap((line) => {
      const point = line.points.reduce((best, p) => (distance(p.x) < distance(best.x) ? p : best));
      if (Math.abs(xScale.at(point.x) - xScale.at(nearest)) > 12) return [];
      return [{ colour: line.colour, name: line.name, text: y.format(point.y) + (point.note ? ` · ${point.note}` : "") }];
    });
    cross.setAttribute("x1", xScale.at(nearest));
    cross.setAttribute("x2", xScale.at(nearest));
    cross.setAttribute("visibility", "visible");
    showHover(event, hoverTitle ? hoverTitle(nearest) : x.format(nearest), lines);
  };
  if (all.length === 0) return;
  picture.addEventListener("pointermove", move);
  picture.addEventListener("pointerdown", move);
  picture.addEventListener("pointerleave", () => cross.setAttribute("visibility", "hidden"));
}

/**
 * Horizontal bars from 0, with a whisker from the least to the greatest round and a dot for each.
 *   rows: [{ name, colour, value, min, max, values, note }]
 */
function barChart({ rows, format, unit = "" }) {
  const high = Math.max(...rows.map((row) => row.max ?? row.value)) || 1;
  const label = (row) => `${format(row.value)}${row.note ? `  ${row.note}` : ""}`;
  return (width) => {
    const stacked = width < 460;
    const rowHeight = stacked ? 48 : 38;
    const left = stacked ? 0 : Math.min(width * 0.34, Math.max(...rows.map((row) => textWidth(row.name, 13))) + 16);
    const right = Math.max(...rows.map((row) => textWidth(label(row), 13))) + 18;
    const room = Math.max(40, width - left - right);
    const height = rows.length * rowHeight + 6;
    const picture = canvas(width, height);
    const at = (value) => left + (room * value) / high;
    rows.forEach((row, i) => {
      const top = i * rowHeight + (stacked ? 20 : 8);
      const middle = top + 11;
      const line = svg("g", { class: "bar-row" },
        svg("rect", { class: "touch", x: 0, y: i * rowHeight, width, height: rowHeight }),
        svg("text", { class: "bar-name", x: stacked ? 0 : left - 12, y: stacked ? top - 6 : middle + 4.5, "text-anchor": stacked ? "start" : "end" }, row.name),
        svg("rect", { class: "bar", x: left, y: top, width: Math.max(2, at(row.value) - left), height: 22, rx: 3, style: `fill:${row.colour}` }));
      const rounds = row.values ?? [];
      if (rounds.length > 1) {
        line.append(
          svg("line", { class: "whisker", x1: at(row.min), x2: at(row.max), y1: middle, y2: middle }),
          svg("line", { class: "whisker", x1: at(row.min), x2: at(row.min), y1: middle - 5, y2: middle + 5 }),
          svg("line", { class: "whisker", x1: at(row.max), x2: at(row.max), y1: middle - 5, y2: middle + 5 }));
      }
      line.append(svg("text", { class: "bar-value", x: at(Math.max(row.value, row.max ?? 0)) + 10, y: middle + 4.5 },
        format(row.value), row.note ? svg("tspan", { class: "bar-note", dx: 8 }, row.note) : null));
      const tell = (event) => showHover(event, row.name, [
        { colour: row.colour, name: "median", text: format(row.value) + unit },
        ...(rounds.length > 1 ? [
          { colour: "transparent", name: "least", text: format(row.min) + unit },
          { colour: "transparent", name: "greatest", text: format(row.max) + unit },
          { colour: "transparent", name: "rounds", text: String(rounds.length) }] : []),
      ]);
      line.addEventListener("pointermove", tell);
      line.addEventListener("pointerdown", tell);
      picture.append(line);
    });
    return picture;
  };
}

/** Where a value stands between nothing and its bound: left of the bound is good. */
function bullet({ share, aimShare, holds, words }) {
  const width = 132;
  const bound = 88;
  const at = (value) => Math.max(4, Math.min(width - 4, bound * value));
  return svg("svg", { class: "bullet", viewBox: `0 0 ${width} 20`, width, height: 20, role: "img", "aria-label": words },
    svg("rect", { class: "bullet-good", x: 0, y: 7, width: bound, height: 6, rx: 3 }),
    svg("rect", { class: "bullet-bad", x: bound, y: 7, width: width - bound, height: 6, rx: 3 }),
    Number.isFinite(aimShare) ? svg("line", { class: "bullet-aim", x1: at(aimShare), x2: at(aimShare), y1: 4, y2: 16 }) : null,
    svg("line", { class: "bullet-bound", x1: bound, x2: bound, y1: 2, y2: 18 }),
    svg("circle", { class: holds ? "bullet-dot ok" : "bullet-dot bad", cx: at(share), cy: 10, r: 5 }));
}

function legend(entries) {
  return h("p", { class: "legend", "aria-hidden": "true" },
    entries.map(({ name, colour }) => h("span", {}, h("i", { style: `background:${colour}` }), name)));
}

/** head: names, a leading ">" for columns of numbers. rows: texts or elements. */
function dataTable(caption, head, rows) {
  const numeric = head.map((name) => name.startsWith(">"));
  return h("table", {}, h("caption", {}, caption),
    h("thead", {}, h("tr", {}, head.map((name, i) => h("th", { scope: "col", class: numeric[i] ? "n" : null }, name.replace(/^>/, ""))))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, i) =>
      i === 0 ? h("th", { scope: "row" }, cell ?? "–") : h("td", { class: numeric[i] ? "n" : null }, cell ?? "–"))))));
}
