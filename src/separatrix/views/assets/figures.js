/* Figures drawn from the numbers that a page carries or asks for. Colours: Okabe and Ito. */
"use strict";

const Figures = (() => {
  const BLUE = "#0072b2", ORANGE = "#e69f00", GREEN = "#009e73", RED = "#d55e00", GREY = "#777777",
    VIOLET = "#cc79a7";
  const OPTIONS = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "resetScale2d"]] };

  function layout(titleX, titleY, more) {
    const style = getComputedStyle(document.body);
    const axis = (title) => ({ title: { text: title }, zeroline: false, rangemode: "tozero",
      gridcolor: "rgba(128,128,128,.25)" });
    const found = { margin: { l: 58, r: 16, t: 24, b: 48 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: style.color, size: 12, family: style.fontFamily }, showlegend: false,
      xaxis: axis(titleX), yaxis: axis(titleY) };
    for (const [name, value] of Object.entries(more || {})) {
      found[name] = /^[xy]axis/.test(name) ? Object.assign(axis(""), found[name], value) : value;
    }
    return found;
  }

  /* While a slider moves, only the lines and points of a picture are drawn again, on its axes as they are:
     to set a picture anew costs more than twice as much. */
  function draw(div, traces, layout, moving) {
    const drawn = moving && onSameAxes(div, traces, layout)
      ? Plotly.animate(div, { data: traces, traces: traces.map((_, i) => i) }, { mode: "immediate",
        frame: { duration: 0, redraw: false }, transition: { duration: 0 } })
      : Plotly.react(div, traces, layout, OPTIONS);
    key(div, traces);
    return drawn;  // a promise
  }

  function onSameAxes(div, traces, layout) {
    if (!div.data || div.data.length !== traces.length) return false;
    if (traces.some((t, i) => t.name !== div.data[i].name || t.mode !== div.data[i].mode)) return false;
    return ["xaxis", "yaxis"].every((axis) => {
      const share = layout[axis].range[1] / div.layout[axis].range[1];
      return share > 0.6 && share < 1.2;
    });
  }

  /* The library's own legend is laid out again at every move. */
  function key(div, traces) {
    const entries = traces.filter((t) => t.name && t.showlegend !== false && t.type !== "heatmap");
    const told = JSON.stringify(entries.map((t) => [t.name, t.line, t.marker]));
    let list = div.nextElementSibling;
    if (list === null || !list.classList.contains("key")) {
      list = document.createElement("ul");
      list.className = "key";
      div.after(list);
    }
    if (list.told !== told) {
      list.told = told;
      list.replaceChildren(...entries.map((t) => {
        const entry = document.createElement("li");
        entry.append(sample(t), t.name);
        return entry;
      }));
    }
  }

  /* A piece of a trace's line, or one of its marks. */
  function sample(t) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = t.type !== "bar" && t.mode !== "markers";
    const piece = document.createElementNS(svg.namespaceURI, line ? "path" : "circle");
    const look = line
      ? { d: "M1 6H25", stroke: t.line.color, "stroke-width": Math.max(2, t.line.width),
        "stroke-dasharray": { dash: "6 4" }[t.line.dash] || "none" }
      : { cx: 13, cy: 6, r: 5, fill: t.marker.color, stroke: t.marker.line ? t.marker.line.color : "none" };
    for (const [name, value] of Object.entries(look)) piece.setAttribute(name, value);
    for (const [name, value] of [["viewBox", "0 0 26 12"], ["width", 26], ["height", 12],
      ["aria-hidden", "true"]]) svg.setAttribute(name, value);
    svg.append(piece);
    return svg;
  }

  /* Arrows of the drift, as one line with gaps. */
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

  /* Where z(x, y) passes `at`: the crossings of the grid's edges, joined cell by cell into lines. The
     library's own contours cannot be moved without setting the picture anew. */
  function levelLines(x, y, z, at) {
    const place = new Map(), joined = new Map();
    const cut = (id, a, b, point) => {
      if ((a > at) === (b > at)) return null;
      if (!place.has(id)) place.set(id, point((at - a) / (b - a)));
      return id;
    };
    const n = x.length, m = y.length;
    const across = (j, i) => cut(2 * (j * n + i), z[j][i], z[j][i + 1],
      (t) => [x[i] + t * (x[i + 1] - x[i]), y[j]]);
    const up = (j, i) => cut(2 * (j * n + i) + 1, z[j][i], z[j + 1][i],
      (t) => [x[i], y[j] + t * (y[j + 1] - y[j])]);
    const join = (a, b) => {
      for (const [one, other] of [[a, b], [b, a]]) {
        if (joined.has(one)) joined.get(one).push(other); else joined.set(one, [other]);
      }
    };
    for (let j = 0; j + 1 < m; j++) {
      for (let i = 0; i + 1 < n; i++) {
        const found = [across(j, i), up(j, i + 1), across(j + 1, i), up(j, i)].filter((e) => e !== null);
        if (found.length > 1) join(found[0], found[1]);
        if (found.length > 2) join(found[2], found[3]);
      }
    }
    const xs = [], ys = [];
    const put = ([px, py]) => { xs.push(px); ys.push(py); };
    const walk = (first, ring) => {
      for (let next = first; next !== undefined;) {
        put(place.get(next));
        const on = joined.get(next);
        joined.delete(next);
        next = on.find((other) => joined.has(other));
      }
      if (ring) put(place.get(first));
      put([null, null]);
    };
    for (const [id, on] of [...joined]) if (on.length === 1 && joined.has(id)) walk(id, false);
    for (const id of [...joined.keys()]) if (joined.has(id)) walk(id, true);
    return { x: xs, y: ys };
  }

  function level(p, z, color, dash, name, at) {
    return Object.assign(levelLines(p.queue, p.orbit, z, at || 0), { mode: "lines", name: name,
      hoverinfo: "skip", line: { color: color, width: 2, dash: dash, simplify: false } });
  }

  function points(p, stable) {
    const own = p.points.filter((q) => q.stable === stable);
    return { x: own.map((q) => q.queue), y: own.map((q) => q.orbit), mode: "markers",
      name: stable ? "attracts" : "repels", cliponaxis: false,
      marker: { size: 12, color: stable ? GREEN : "#ffffff", line: { color: "#000", width: 1.5 } } };
  }

  function portrait(div, p, course, moving) {
    const traces = [
      arrows(p),
      level(p, p.queue_drift, BLUE, "solid", "queue at rest"),
      level(p, p.orbit_drift, ORANGE, "dash", "orbit at rest"),
      points(p, true), points(p, false),
    ];
    if (p.ridge) traces.push(level(p, p.ridge, RED, "solid", "separatrix (even odds)", 0.5));
    // where it is not known, a gap: a trace that comes or goes has the picture set anew
    const line = p.separatrix || [[null, null]];
    traces.push({ x: line.map((s) => s[0]), y: line.map((s) => s[1]), mode: "lines",
      line: { color: RED, width: 3 }, name: "separatrix", showlegend: Boolean(p.separatrix) });
    if (course) {
      traces.push({ x: course.queue, y: course.orbit, mode: "lines",
        line: { color: VIOLET, width: 3 }, name: "through your faults" });
    }
    const queueTop = p.queue[p.queue.length - 1], orbitTop = p.orbit[p.orbit.length - 1];
    return draw(div, traces, layout("queue [attempts]", "waiting to retry (orbit) [requests]", {
      xaxis: { range: [0, queueTop] }, yaxis: { range: [0, orbitTop] },
    }), moving);
  }

  /* Where the queue rests over a parameter; what repels is dashed. */
  function hysteresis(div, h, range, moving) {
    const traces = [true, false].map((stable) => {
      const x = [], y = [];
      for (const b of h.branches) {
        b.values.forEach((value, i) => {
          // the point where it changes belongs to both, so that no gap shows
          const own = b.stable[i] === stable || (i > 0 && b.stable[i - 1] === stable);
          x.push(own ? value : null);
          y.push(own ? b.queue[i] : null);
        });
        x.push(null);
        y.push(null);
      }
      return { x: x, y: y, mode: "lines", name: stable ? "rests here" : "tips here",
        line: { color: stable ? BLUE : RED, width: 2.5, dash: stable ? "solid" : "dash" } };
    });
    const top = 1.08 * Math.max(1, tallest(h));
    let right = 2 * h.value;
    if (range && range.low !== null) {
      // where danger reaches far beyond the present load, what is near it is what matters
      right = Math.min(Math.max(1.35 * range.high, 1.2 * h.value), 4 * Math.max(range.low, h.value));
      const edge = range.edge, y = 0.4 * top;
      const words = `${range.margin > 0 ? "margin" : "too much"} ${Number(Math.abs(range.margin).toPrecision(3))}/s`;
      for (const s of range.stretches) {
        traces.push({ x: [s.low, s.high, s.high, s.low], y: [0, 0, top, top], mode: "lines",
          fill: "toself", fillcolor: RED + "1a", line: { width: 0 }, name: "can rest at either",
          showlegend: false, hoverinfo: "skip" });
      }
      if (edge !== null) traces.push({ x: [h.value, (h.value + edge) / 2, edge], y: [y, y, y], mode: "lines+markers+text",
        text: ["", words, ""], textposition: h.value + edge > 0.5 * right ? "top center" : "top right", name: "margin", showlegend: false,
        hoverinfo: "skip", line: { color: GREY, width: 1.5 }, cliponaxis: false, marker: { color: GREY,
          size: [0, 0, 12], symbol: ["circle", "circle", edge > h.value ? "triangle-right" : "triangle-left"] } });
    }
    traces.push({ x: [h.value, h.value], y: [0, top], mode: "lines+text", text: ["", "you are here"],
      textposition: h.value > 0.2 * right ? "top center" : "top right", cliponaxis: false, name: "now",
      showlegend: false, hoverinfo: "skip", line: { color: GREEN, width: 2 } });
    return draw(div, traces, layout("arrival rate [requests/s]", "queue at rest [attempts]", {
      xaxis: { range: [0, right] }, yaxis: { range: [0, top] },
    }), moving);
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
    return draw(div, traces, layout("time [s]", "", {
      shapes: t.faults.map((f) => ({ type: "rect", x0: f.begin_s, x1: f.end_s, yref: "paper", y0: 0, y1: 1,
        fillcolor: RED + "26", line: { width: 0 }, layer: "below" })),
      yaxis: axis("requests/s", 0.7, 1), yaxis2: axis("retries/s", 0.36, 0.65),
      yaxis3: axis("attempts", 0, 0.31),
      xaxis: { anchor: "y3", range: [0, t.times_s[t.times_s.length - 1]] },
    }));
  }

  /* Recovery over the load; what does not come back has no point. */
  function recovery(div, r) {
    const shown = r.points.filter((p) => typeof p.p99_s === "number" && p.p50_s > 0);
    const line = (key, color, name, symbol) => ({ x: shown.map((p) => p.rate_per_s),
      y: shown.map((p) => p[key]), mode: "lines+markers", name: name,
      line: { color: color, width: 2 }, marker: { symbol: symbol, size: 8 } });
    return draw(div, [line("p99_s", RED, "p99", "square"), line("p50_s", BLUE, "p50", "circle")],
      layout(`arrival rate of ${r.source} [requests/s]`, "time until it is back [s]",
        { yaxis: { type: "log", rangemode: "normal", exponentformat: "power" } }));
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
    return draw(div, [side("danger_lower", "lower", ORANGE, "turned down"),
      side("danger_upper", "upper", BLUE, "turned up")],
      layout("load at which danger begins [requests/s]", "", { barmode: "overlay",
        shapes: [{ type: "line", x0: t.rate_per_s, x1: t.rate_per_s, yref: "paper", y0: 0, y1: 1,
          line: { color: GREEN, width: 2 } }] }));
  }

  /* The verdict over two parameters. */
  function map(div, m) {
    const words = ["safe", "can get stuck", "always stuck", "inconclusive"];
    const colors = [GREEN, ORANGE, RED, GREY];
    const [[, rows], [, columns]] = Object.entries(m.parameters);
    const z = rows.map((_, i) => columns.map((_, j) => words.indexOf(m.points[i * columns.length + j].verdict)));
    const scale = colors.flatMap((c, k) => [[k / 4, c], [(k + 1) / 4, c]]);
    return draw(div, [{ type: "heatmap", x: columns, y: rows, z: z, zmin: -0.5, zmax: 3.5,
      colorscale: scale, opacity: 0.65, xgap: 1, ygap: 1, hovertemplate: "%{y} requests/s, %{x} retries: %{text}<extra></extra>",
      text: z.map((row) => row.map((k) => words[k])),
      colorbar: { tickvals: [0, 1, 2, 3], ticktext: words } }],
      layout("retries", "arrival rate [requests/s]", {}));
  }

  return { portrait, hysteresis, timeline, recovery, tornado, map };
})();
