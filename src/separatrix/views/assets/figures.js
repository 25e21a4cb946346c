/* Figures drawn from the numbers that a page carries or asks for. Colours: Okabe and Ito. */
"use strict";

const Figures = (() => {
  const BLUE = "#0072b2", ORANGE = "#e69f00", GREEN = "#009e73", RED = "#d55e00", GREY = "#777777",
    VIOLET = "#cc79a7";
  const OPTIONS = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["sendDataToCloud"] };

  function layout(titleX, titleY, more) {
    const style = getComputedStyle(document.body);
    const axis = (title) => ({ title: { text: title }, zeroline: false, rangemode: "tozero",
      gridcolor: "rgba(128,128,128,.25)" });
    const found = { margin: { l: 58, r: 16, t: 24, b: 88 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: style.color, size: 12, family: style.fontFamily }, showlegend: true,
      legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0 },
      xaxis: axis(titleX), yaxis: axis(titleY) };
    for (const [name, value] of Object.entries(more || {})) {
      found[name] = /^[xy]axis/.test(name) ? Object.assign(axis(""), found[name], value) : value;
    }
    return found;
  }

  /* Arrows of the drift, as one line trace with gaps: cheap to redraw. */
  function arrows(p) {
    const xs = [], ys = [];
    const n = p.queue.length, m = p.orbit.length;
    const stepX = p.queue[n - 1] / 16, stepY = p.orbit[m - 1] / 12;
    for (let j = 0; j < m; j += Math.max(1, Math.floor(m / 12))) {
      for (let i = 0; i < n; i += Math.max(1, Math.floor(n / 16))) {
        const u = p.queue_drift[j][i] / stepX, v = p.orbit_drift[j][i] / stepY;
        const size = Math.hypot(u, v);
        if (!(size > 0)) continue;
        const dx = 0.7 * u / size, dy = 0.7 * v / size;
        const x = p.queue[i], y = p.orbit[j], ex = x + dx * stepX, ey = y + dy * stepY;
        xs.push(x, ex, ex + (-dx * .3 - dy * .2) * stepX, ex, ex + (-dx * .3 + dy * .2) * stepX, null);
        ys.push(y, ey, ey + (-dy * .3 + dx * .2) * stepY, ey, ey + (-dy * .3 - dx * .2) * stepY, null);
      }
    }
    return { x: xs, y: ys, mode: "lines", line: { color: GREY, width: 1 }, hoverinfo: "skip",
      name: "mean movement" };
  }

  function level(p, z, color, dash, name, at) {
    return { type: "contour", x: p.queue, y: p.orbit, z: z, autocontour: false,
      contours: { start: at || 0, end: at || 0, size: 1, coloring: "none" },
      line: { color: color, width: 2, dash: dash }, showscale: false, hoverinfo: "skip",
      name: name, showlegend: true };
  }

  function points(p, stable) {
    const own = p.points.filter((q) => q.stable === stable);
    return { x: own.map((q) => q.queue), y: own.map((q) => q.orbit), mode: "markers",
      name: stable ? "attracts" : "repels", cliponaxis: false,
      marker: { size: 12, color: stable ? GREEN : "#ffffff", line: { color: "#000", width: 1.5 } } };
  }

  function portrait(div, p, course) {
    const traces = [
      arrows(p),
      level(p, p.queue_drift, BLUE, "solid", "queue at rest"),
      level(p, p.orbit_drift, ORANGE, "dash", "orbit at rest"),
      points(p, true), points(p, false),
    ];
    if (p.ridge) traces.push(level(p, p.ridge, RED, "solid", "separatrix (even odds)", 0.5));
    if (p.separatrix) {
      traces.push({ x: p.separatrix.map((s) => s[0]), y: p.separatrix.map((s) => s[1]), mode: "lines",
        line: { color: RED, width: 3 }, name: "separatrix" });
    }
    if (course) {
      traces.push({ x: course.queue, y: course.orbit, mode: "lines",
        line: { color: VIOLET, width: 3 }, name: "through your faults" });
    }
    const queueTop = p.queue[p.queue.length - 1], orbitTop = p.orbit[p.orbit.length - 1];
    return Plotly.react(div, traces, layout("queue [attempts]", "orbit [requests]", {
      xaxis: { range: [0, queueTop] }, yaxis: { range: [0, orbitTop] },
    }), OPTIONS);
  }

  /* Where the queue rests over a parameter; what repels is dashed. */
  function hysteresis(div, h, range) {
    const traces = [], seen = {};
    for (const b of h.branches) {
      let first = 0;
      for (let i = 1; i <= b.values.length; i++) {
        if (i < b.values.length && b.stable[i] === b.stable[first]) continue;
        const stable = b.stable[first], last = Math.min(i + 1, b.values.length);
        traces.push({ x: b.values.slice(first, last), y: b.queue.slice(first, last), mode: "lines",
          line: { color: stable ? BLUE : RED, width: 2.5, dash: stable ? "solid" : "dash" },
          name: stable ? "rests here" : "tips here", showlegend: !seen[stable] });
        seen[stable] = true;
        first = i;
      }
    }
    const shapes = [{ type: "line", x0: h.value, x1: h.value, yref: "paper", y0: 0, y1: 1,
      line: { color: GREEN, width: 2 } }];
    const notes = [{ x: h.value, yref: "paper", y: 1, text: "you are here", showarrow: false,
      xanchor: "center", yanchor: "bottom" }];
    let right = 2 * h.value;
    if (range && range.low !== null) {
      shapes.push({ type: "rect", x0: range.low, x1: range.high, yref: "paper", y0: 0, y1: 1,
        fillcolor: RED + "1a", line: { width: 0 }, layer: "below" });
      right = Math.max(1.35 * range.high, 1.2 * h.value);
      const edge = range.worse === "above" ? range.low : range.high;
      notes.push({ x: edge, ax: h.value, axref: "x", ayref: "y", xref: "x", yref: "y", text: "",
        y: tallest(h) * 0.4, ay: tallest(h) * 0.4, arrowhead: 2, arrowwidth: 1.5, arrowcolor: GREY });
      notes.push({ x: (edge + h.value) / 2, y: tallest(h) * 0.42, yanchor: "bottom", showarrow: false,
        text: `${range.margin > 0 ? "margin" : "too much"} ${Number(Math.abs(range.margin).toPrecision(3))}/s` });
    }
    return Plotly.react(div, traces, layout("arrival rate [requests/s]", "queue at rest [attempts]", {
      shapes: shapes, annotations: notes, xaxis: { range: [0, right] },
    }), OPTIONS);
  }

  function tallest(h) {
    return Math.max(...h.branches.map((b) => Math.max(...b.queue)));
  }

  function band(t, name, color, label, axis) {
    const [lows, middles, highs] = t.simulated[name], time = t.times_s;
    return [
      { x: time.concat(time.slice().reverse()), y: highs.concat(lows.slice().reverse()), fill: "toself",
        fillcolor: color + "40", line: { width: 0 }, hoverinfo: "skip", showlegend: false, yaxis: axis },
      { x: time, y: middles, mode: "lines", line: { color: color, width: 2 }, name: label, yaxis: axis },
    ].concat(t.mean_dynamics[name] ? [{ x: t.mean_times_s, y: t.mean_dynamics[name], mode: "lines",
      line: { color: GREY, width: 1.5, dash: "dash" }, name: "mean dynamics", yaxis: axis,
      showlegend: name === "load" }] : []);
  }

  /* Bands of the runs over the line of the mean dynamics; what the model's faults cover is shaded. */
  function timeline(div, t) {
    const traces = [
      ...band(t, "load", ORANGE, "new requests", "y"),
      ...band(t, "goodput", GREEN, "answered in time", "y"),
      ...band(t, "retries", RED, "retries", "y2"),
      ...band(t, "queue", BLUE, "at the servers", "y3"),
    ];
    const axis = (text, from, to) => ({ title: { text: text }, domain: [from, to] });
    return Plotly.react(div, traces, layout("time [s]", "", {
      shapes: t.faults.map((f) => ({ type: "rect", x0: f.begin_s, x1: f.end_s, yref: "paper", y0: 0, y1: 1,
        fillcolor: RED + "26", line: { width: 0 }, layer: "below" })),
      yaxis: axis("requests/s", 0.7, 1), yaxis2: axis("retries/s", 0.36, 0.65),
      yaxis3: axis("attempts", 0, 0.31), xaxis: { anchor: "y3" },
    }), OPTIONS);
  }

  /* Recovery over the load; what does not come back has no point. */
  function recovery(div, r) {
    const shown = r.points.filter((p) => typeof p.p99_s === "number" && p.p50_s > 0);
    const line = (key, color, name, symbol) => ({ x: shown.map((p) => p.rate_per_s),
      y: shown.map((p) => p[key]), mode: "lines+markers", name: name,
      line: { color: color, width: 2 }, marker: { symbol: symbol, size: 8 } });
    return Plotly.react(div, [line("p99_s", RED, "p99", "square"), line("p50_s", BLUE, "p50", "circle")],
      layout(`arrival rate of ${r.source} [requests/s]`, "time until it is back [s]",
        { yaxis: { type: "log", rangemode: "normal", exponentformat: "power" } }), OPTIONS);
  }

  /* Where danger begins, a bar a knob. */
  function tornado(div, t) {
    const bars = t.bars.filter((b) => b.danger_lower !== b.danger_upper).reverse();
    const top = 1.15 * Math.max(t.rate_per_s, t.danger_per_s || 0,
      ...bars.flatMap((b) => [b.danger_lower || 0, b.danger_upper || 0]));
    const middle = t.danger_per_s === null ? top : t.danger_per_s;
    const side = (key, value, color, name) => ({ type: "bar", orientation: "h", name: name, base: middle,
      y: bars.map((b) => b.label), x: bars.map((b) => (b[key] === null ? top : b[key]) - middle),
      marker: { color: color },
      hovertext: bars.map((b) => `${b.label} ${b[value]} ${b.unit}: ${b[key] === null ? "never" : b[key]}`),
      hoverinfo: "text" });
    return Plotly.react(div, [side("danger_lower", "lower", ORANGE, "turned down"),
      side("danger_upper", "upper", BLUE, "turned up")],
      layout("load at which danger begins [requests/s]", "", { barmode: "overlay",
        shapes: [{ type: "line", x0: t.rate_per_s, x1: t.rate_per_s, yref: "paper", y0: 0, y1: 1,
          line: { color: GREEN, width: 2 } }] }), OPTIONS);
  }

  /* The verdict over two parameters. */
  function map(div, m) {
    const words = ["safe", "can get stuck", "always stuck", "inconclusive"];
    const colors = [GREEN, ORANGE, RED, GREY];
    const [[, rows], [, columns]] = Object.entries(m.parameters);
    const z = rows.map((_, i) => columns.map((_, j) => words.indexOf(m.points[i * columns.length + j].verdict)));
    const scale = colors.flatMap((c, k) => [[k / 4, c], [(k + 1) / 4, c]]);
    return Plotly.react(div, [{ type: "heatmap", x: columns, y: rows, z: z, zmin: -0.5, zmax: 3.5,
      colorscale: scale, opacity: 0.65, xgap: 1, ygap: 1, hovertemplate: "%{y} requests/s, %{x} retries: %{text}<extra></extra>",
      text: z.map((row) => row.map((k) => words[k])),
      colorbar: { tickvals: [0, 1, 2, 3], ticktext: words } }],
      layout("retries", "arrival rate [requests/s]", {}), OPTIONS);
  }

  return { portrait, hysteresis, timeline, recovery, tornado, map };
})();
