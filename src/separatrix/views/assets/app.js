/* The app's page: one state (the model's text), sent to the server whenever it changes. */
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const MARKS = { "safe": ["#00664b", "✓"], "can get stuck": ["#8a5a00", "⚠"], "always stuck": ["#a33b00", "✗"] };
  const REST = 150;        // ms without a move after which the rest is asked for
  let yaml = "";
  let fresh = true;        // a model that was not asked about yet
  let pending = null;      // what changed while a request is under way
  let moved = 0;           // when the first of it changed
  let busy = false;
  let resting = 0;         // the timer that asks for the rest of the answer
  let refining = null;     // the AbortController of that question
  let running = null;      // the AbortController of a stream

  async function post(path, body, signal) {
    return fetch(path, { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body), signal: signal });
  }

  /* The answer, or why there is none: what the page's guard refuses comes as plain text. */
  async function asked(path, body, signal) {
    const none = (error, text) => ({ error: error, problems: [{ text: text }] });
    try {
      const response = await post(path, body, signal);
      return response.ok ? await response.json() : none("refused", await response.text());
    } catch (error) {
      if (error.name === "AbortError") throw error;
      return none("gone", "`separatrix app` does not answer any more: start it again, then turn a knob.");
    }
  }

  /* --- the quick answer ------------------------------------------------------------------------ */

  function change(changes) {
    if (pending === null) moved = performance.now();
    pending = Object.assign(pending || {}, changes || {});
    delete document.body.dataset.settled;
    clearTimeout(resting);
    if (refining !== null) refining.abort();
    if (!busy) ask();
  }

  async function ask() {
    busy = true;
    while (pending !== null) {
      const changes = pending, before = yaml, begin = moved;
      pending = null;
      const answer = await asked("/api/glance", { yaml: before, changes: changes });
      if (yaml !== before) continue;  // another model was loaded meanwhile, and waits to be asked about
      if (answer.error) { problems(answer); settle(); continue; }
      yaml = answer.yaml;
      if (document.activeElement !== $("yaml")) $("yaml").value = yaml;
      await show(answer);
      await painted();
      document.body.dataset.redrawn = Math.round(performance.now() - begin);
      if (pending === null) resting = setTimeout(refine, REST);
    }
    busy = false;
  }

  /* The separatrix and the proof take longer than all the rest: they follow when the hand rests. */
  async function refine() {
    const before = yaml, own = refining = new AbortController();
    try {
      const answer = await asked("/api/glance", { yaml: before, divided: true }, own.signal);
      if (pending !== null || yaml !== before || own.signal.aborted) return;
      if (answer.error) { problems(answer); settle(); return; }
      await pictures(answer, false);
      if (answer.finding) $("finding").textContent = answer.finding;
      settle();
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      if (refining === own) refining = null;
    }
  }

  /* Nothing of the quick answer is to come any more. */
  function settle() {
    if (pending === null) document.body.dataset.settled = "yes";
  }

  /* After the next picture of the screen. */
  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));

  function word(text) {
    const [color, sign] = MARKS[text] || ["#6b2f6b", "?"];
    $("word").textContent = text;
    $("word").dataset.sign = sign;
    document.body.style.setProperty("--mark", color);
  }

  const REFUSED = { unsupported: "only simulation", inconclusive: "no verdict", refused: "refused",
    gone: "no connection" };
  function problems(answer) {
    word(REFUSED[answer.error] || "not a model");
    $("sentence").textContent = answer.error === "unsupported"
      ? "The mean dynamics cannot carry this model; simulation can." : "";
    // what was answered before is still there, and no longer true
    document.body.classList.add("stale");
    for (const list of [$("problems"), $("wrong")]) {
      list.hidden = false;
      list.replaceChildren(...answer.problems.map((p) => item("li", p.text)));
    }
  }

  function item(tag, text) {
    const element = document.createElement(tag);
    element.textContent = text;
    return element;
  }

  function show(answer) {
    $("problems").hidden = $("wrong").hidden = true;
    document.body.classList.remove("stale");
    $("about").textContent = answer.about;
    if (fresh) $("horizon").value = Math.ceil(answer.horizon);
    fresh = false;
    word(answer.verdict.word);
    $("name").textContent = answer.program;
    $("sentence").textContent = answer.sentence.replace(/^(Safe|Can get stuck|Always stuck)[^:]*: (.)/,
      (_, word, first) => first.toUpperCase());
    $("finding").textContent = answer.finding;
    $("notes").replaceChildren(...answer.notes.map((n) => item("li", n)));
    knobs(answer.sliders);
    $("range").textContent = answer.range_finding;
    return pictures(answer, true);
  }

  function pictures(answer, moving) {
    $("portrait-figure").hidden = answer.portrait === null;
    $("hysteresis-figure").hidden = answer.hysteresis === null && !answer.range_finding;
    $("hysteresis").hidden = answer.hysteresis === null;
    return Promise.all([
      answer.portrait && Figures.portrait($("portrait"), answer.portrait, null, moving),
      answer.hysteresis && Figures.hysteresis($("hysteresis"), answer.hysteresis, answer.range, moving),
    ]);
  }

  /* --- sliders --------------------------------------------------------------------------------- */

  const STEPS = 1000;
  const toSlider = (s) => s.scale === "log"
    ? STEPS * Math.log(s.value / s.low) / Math.log(s.high / s.low)
    : STEPS * (s.value - s.low) / (s.high - s.low);
  function fromSlider(s, x) {
    const value = s.scale === "log"
      ? s.low * Math.pow(s.high / s.low, x / STEPS) : s.low + (s.high - s.low) * x / STEPS;
    return s.whole ? Math.round(value) : Number(value.toPrecision(3));
  }
  const UNITS = { "1/s": "/s", "s": " s" };
  const shown = (s, value) => `${Number(value.toPrecision(4))}${UNITS[s.unit] || ""}`;

  /* The range of a slider stays what it was when the model was loaded, so that it does not run away. */
  const inputs = new Map();
  function knobs(list) {
    for (const s of list) {
      let input = inputs.get(s.path);
      if (input === undefined) {
        const label = item("label", s.label);
        const output = document.createElement("span");  // an <output> would take the label
        output.className = "value";
        input = document.createElement("input");
        inputs.set(s.path, input);
        input.type = "range";
        input.min = 0;
        input.max = STEPS;
        input.slider = s;
        input.output = output;
        input.addEventListener("input", () => {
          const value = fromSlider(input.slider, Number(input.value));
          output.textContent = shown(input.slider, value);
          input.setAttribute("aria-valuetext", output.textContent);
          change({ [input.slider.path]: value });
        });
        label.append(output, input);
        $("knobs").append(label);
      }
      if (document.activeElement !== input) {
        input.value = toSlider(Object.assign({}, input.slider, { value: s.value }));
        input.output.textContent = shown(s, s.value);
        input.setAttribute("aria-valuetext", input.output.textContent);
      }
    }
  }

  function forget() {
    inputs.clear();
    $("knobs").replaceChildren();
  }

  function load(text) {
    fresh = true;
    yaml = text;
    $("yaml").value = text;
    forget();
    $("exact-answer").replaceChildren();
    $("exact-stage").textContent = $("simulated").textContent = "";
    $("timeline-figure").hidden = true;
    if (running !== null) running.abort();
    change({});
  }

  /* --- streams ---------------------------------------------------------------------------------- */

  async function stream(path, body, take) {
    if (running !== null) running.abort();
    const own = running = new AbortController();
    try {
      const response = await post(path, body, own.signal);
      if (!response.ok) { take(await response.json()); return; }
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        rest += decoder.decode(value, { stream: true });
        const lines = rest.split("\n");
        rest = lines.pop();
        for (const line of lines) take(JSON.parse(line));
      }
    } catch (error) {
      if (error.name === "AbortError") {
        take({ cancelled: true });
      } else {
        take({ error: "gone", problems: [{ text: "`separatrix app` does not answer any more." }] });
      }
    } finally {
      if (running === own) running = null;
    }
  }

  function exact() {
    $("exact-stage").textContent = "…";
    $("exact-cancel").hidden = false;
    stream("/api/exact", { yaml: yaml }, (line) => {
      if (line.cancelled) { $("exact-stage").textContent = "cancelled"; return; }
      if (line.stage) { $("exact-stage").textContent = `working on: ${line.stage}`; return; }
      if (line.error) {
        $("exact-stage").textContent = line.problems.map((p) => p.text).join("; ");
        return;
      }
      $("exact-stage").textContent = "";
      $("exact-answer").replaceChildren(...line.rows.flatMap(([a, b]) => [item("dt", a), item("dd", b)]));
    }).finally(() => {
      $("exact-cancel").hidden = true;
      if ($("exact-stage").textContent === "…") $("exact-stage").textContent = "";
    });
  }

  async function simulate() {
    $("cancel").hidden = $("progress").hidden = false;
    $("simulated").textContent = "";
    $("progress").removeAttribute("value");  // until the first run is done nobody knows how long it takes
    const body = { yaml: yaml, horizon: Number($("horizon").value), runs: Number($("runs").value) };
    await stream("/api/simulate", body, (line) => {
      if (line.error) {
        $("simulated").textContent = line.problems.map((p) => p.text).join("; ");
      } else if (line.cancelled) {
        $("simulated").textContent = "cancelled";
      } else if (line.timeline) {
        $("timeline-figure").hidden = false;
        Figures.timeline($("timeline"), line.timeline);
        $("simulated").textContent = `${line.timeline.runs} runs`;
        $("found").textContent = line.finding;
      } else {
        $("progress").max = line.total;
        $("progress").value = line.done;
        $("simulated").textContent = `${line.done} of ${line.total} runs`;
      }
    });
    $("cancel").hidden = $("progress").hidden = true;
  }

  /* --- files and links: the server is not asked -------------------------------------------------- */

  const toText = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_");
  const toBytes = (text) => Uint8Array.from(
    atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

  async function through(bytes, transform) {
    const stream = new Blob([bytes]).stream().pipeThrough(transform);
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  async function share() {
    const packed = await through(new TextEncoder().encode(yaml), new CompressionStream("deflate-raw"));
    location.hash = "m=" + toText(packed);
    let told = "Copied";
    try { await navigator.clipboard.writeText(location.href); } catch { told = "It is in the address bar"; }
    $("share").textContent = told;
    setTimeout(() => { $("share").textContent = "Copy link"; }, 2000);
  }

  async function shared() {
    if (!location.hash.startsWith("#m=")) return null;
    try {
      const bytes = await through(toBytes(location.hash.slice(3)), new DecompressionStream("deflate-raw"));
      return new TextDecoder().decode(bytes);
    } catch {
      return "# the link that led here is damaged: it carries no model";
    }
  }

  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([yaml], { type: "text/yaml" }));
    link.download = "model.yaml";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  async function begin() {
    const start = await (await fetch("/api/start")).json();
    const group = (label, examples) => {
      const found = document.createElement("optgroup");
      found.label = label;
      found.append(...examples.map((e) => {
        const option = item("option", e.title);
        option.value = e.name;
        return option;
      }));
      return found;
    };
    const own = item("option", "your own");
    own.value = "";
    $("gallery").replaceChildren(own, group("Examples", start.examples.filter((e) => !e.family)),
      group("Kinds of incidents", start.examples.filter((e) => e.family)));
    $("gallery").addEventListener("change", () => {
      const example = start.examples.find((e) => e.name === $("gallery").value);
      load(example ? example.yaml : start.yaml);
    });
    $("load").addEventListener("click", () => $("file").click());
    $("file").addEventListener("change", async () => {
      if ($("file").files.length) {
        $("gallery").value = "";
        load(await $("file").files[0].text());
      }
      $("file").value = "";
    });
    $("save").addEventListener("click", save);
    $("share").addEventListener("click", share);
    $("exact").addEventListener("click", exact);
    $("simulate").addEventListener("click", simulate);
    for (const id of ["cancel", "exact-cancel"]) {
      $(id).addEventListener("click", () => running !== null && running.abort());
    }
    let typing = 0;
    $("yaml").addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => {
        $("gallery").value = "";
        yaml = $("yaml").value;
        forget();
        change({});
      }, 400);
    });
    const first = (await shared()) || start.yaml;
    const known = start.examples.find((e) => e.yaml === first);
    $("gallery").value = known ? known.name : "";
    load(first);
  }

  begin();
})();
