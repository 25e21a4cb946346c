/* Figures drawn from the numbers that a page carries or asks for. Colours: Okabe and Ito. */
"use strict";

const Figures = (() => {
  const BLUE = "#0072b2", ORANGE = "#e69f00", GREEN = "#009e73", RED = "#d55e00", GREY = "#777777";
  const OPTIONS = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["sendDataToCloud"] };

  function layout(titleX, titleY, more) {
    const style = getComputedStyle(document.body);
    const ink = style.color;
    return Object.assign({
      margin: { l: 60, r: 15, t: 10, b: 45 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink, size: 13 }, showlegend: true,
      legend: { orientation: "h", y: 1.12, x: 0 },
      xaxis: { title: { text: titleX }, zeroline: false, gridcolor: "rgba(128,128,128,.25)" },
      yaxis: { title: { text: titleY }, zeroline: false, gridcolor: "rgba(128,128,128,.25)" },
    }, more || {});
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

  function portrait(div, p) {
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
    if (p.course) {
      traces.push({ x: p.course.queue, y: p.course.orbit, mode: "lines",
        line: { color: "#cc79a7", width: 3 }, name: "the model's faults" });
    }
    const queueTop = p.queue[p.queue.length - 1], orbitTop = p.orbit[p.orbit.length - 1];
    return Plotly.react(div, traces, layout("queue [attempts]", "orbit [requests]", {
      xaxis: { title: { text: "queue [attempts]" }, range: [0, queueTop], zeroline: false },
      yaxis: { title: { text: "orbit [requests]" }, range: [0, orbitTop], zeroline: false },
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
    if (range && range.low !== null) {
      shapes.push({ type: "rect", x0: range.low, x1: range.high, yref: "paper", y0: 0, y1: 1,
        fillcolor: ORANGE + "30", line: { width: 0 }, layer: "below" });
    }
    const top = Math.max(...h.branches.map((b) => b.values[b.values.length - 1]));
    return Plotly.react(div, traces, layout("", "", { shapes: shapes,
      annotations: [{ x: h.value, yref: "paper", y: 1, text: "you are here", showarrow: false,
        xanchor: "left", yanchor: "bottom" }],
      xaxis: { title: { text: "arrival rate [1/s]" }, range: [0, Math.min(top, 2.5 * h.value)] },
      yaxis: { title: { text: "queue at rest [attempts]" }, rangemode: "tozero" },
    }), OPTIONS);
  }

  function band(time, lows, middles, highs, color, name, axis) {
    return [
      { x: time.concat(time.slice().reverse()), y: highs.concat(lows.slice().reverse()), fill: "toself",
        fillcolor: color + "40", line: { width: 0 }, hoverinfo: "skip", showlegend: false, yaxis: axis },
      { x: time, y: middles, mode: "lines", line: { color: color, width: 2 }, name: name, yaxis: axis },
    ];
  }

  function timeline(div, s) {
    const traces = [
      ...band(s.time, s.goodput[0], s.goodput[1], s.goodput[2], GREEN, "answered in time [1/s]", "y"),
      ...band(s.time, s.attempts[0], s.attempts[1], s.attempts[2], RED, "attempts [1/s]", "y"),
      ...band(s.time, s.queue[0], s.queue[1], s.queue[2], BLUE, "waiting [attempts]", "y2"),
    ];
    return Plotly.react(div, traces, layout("time [s]", "", {
      yaxis: { title: { text: "rate [1/s]" }, domain: [0.52, 1], rangemode: "tozero" },
      yaxis2: { title: { text: "waiting [attempts]" }, domain: [0, 0.44], rangemode: "tozero" },
      xaxis: { title: { text: "time [s]" }, anchor: "y2" },
    }), OPTIONS);
  }

  return { portrait, hysteresis, timeline };
})();
