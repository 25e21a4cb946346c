/* The app's page: one state (the model's text), sent to the server whenever it changes. */
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const MARKS = { "safe": ["#00664b", "✓"], "can get stuck": ["#8a5a00", "⚠"], "always stuck": ["#a33b00", "✗"] };
  const REST = 150;        // ms without a move after which the rest is asked for
  const PATIENCE = 700;    // ms after which a page that still waits says so
  let yaml = "";
  let fresh = true;        // a model that was not asked about yet
  let pending = null;      // what changed while a request is under way
  let moved = 0;           // when the first of it changed
  let busy = false;
  let resting = 0;         // the timer that asks for the rest of the answer
  let refining = null;     // the AbortController of that question
  let example = "";        // the name of the one shown, "" for a model of one's own
  let own = "";            // the last of one's own, to come back to
  const running = {};      // path -> the AbortController of its stream

  async function post(path, body, signal) {
    return fetch(path, { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body), signal: signal });
  }

  const none = (error, text) => ({ error: error, problems: [{ text: text }] });
  const GONE = "`separatrix app` does not answer any more: start it again, then turn a knob.";

  /* What a refusal says: the app's own are JSON, those of its guard plain text. */
  async function refusal(response) {
    const json = (response.headers.get("content-type") || "").startsWith("application/json");
    return json ? response.json() : none("refused", await response.text());
  }

  /* The answer, or why there is none. */
  async function asked(path, body, signal) {
    try {
      const response = await post(path, body, signal);
      return response.ok ? await response.json() : await refusal(response);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      return none("gone", GONE);
    }
  }

  /* --- the quick answer ------------------------------------------------------------------------ */

  function change(changes) {
    if (pending === null) moved = performance.now();
    pending = Object.assign(pending || {}, changes || {});
    delete document.body.dataset.settled;
    clearTimeout(resting);
    if (refining !== null) refining.abort();
    outdate();
    if (!busy) ask();
  }

  /* What was worked out for the model before this change says nothing of the one after it. */
  function outdate() {
    for (const path of Object.keys(running)) stop(path, "stopped: the model has changed");
    const told = "of the model before the last change";
    if ($("exact-answer").childElementCount && !$("exact-answer").classList.contains("former")) {
      $("exact-answer").classList.add("former");
      $("exact-stage").textContent = told;
    }
    if (!$("timeline-figure").hidden && !$("timeline-figure").classList.contains("former")) {
      $("timeline-figure").classList.add("former");
      $("simulated").textContent = told;
    }
  }

  async function ask() {
    busy = true;
    while (pending !== null) {
      const changes = pending, before = yaml, begin = moved;
      pending = null;
      const slow = setTimeout(waiting, PATIENCE);
      const answer = await asked("/api/glance", { yaml: before, changes: changes });
      clearTimeout(slow);
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

  /* The answer is late: what stands there is that of another model. */
  function waiting() {
    word("working …");
    $("sentence").textContent = "";
    $("problems").hidden = $("wrong").hidden = true;
    document.body.classList.add("stale");
  }

  function word(text) {
    const [color, sign] = MARKS[text] || ["#6b2f6b", "?"];
    $("word").textContent = text;
    $("word").dataset.sign = sign;
    document.body.style.setProperty("--mark", color);
  }

  const REFUSED = { unsupported: "only simulation", inconclusive: "no verdict", refused: "refused",
    gone: "no connection", damaged: "damaged link", fault: "a fault of ours" };
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
    Knobs.show(answer.sliders, (changes) => {
      chosen("");
      change(changes);
    });
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

  /* --- models ---------------------------------------------------------------------------------- */

  function load(text) {
    fresh = true;
    yaml = text;
    $("yaml").value = text;
    Knobs.forget();
    change({});
    $("exact-answer").replaceChildren();
    $("exact-stage").textContent = $("simulated").textContent = "";
    $("timeline-figure").hidden = true;
  }

  /* What the list of models shows: an example, or none once it was changed, so that it can be chosen again. */
  function chosen(name) {
    $("gallery").value = name;
    example = name;
  }

  /* --- streams ---------------------------------------------------------------------------------- */

  /* End a stream that may be under way; `why` is what its part of the page then says. */
  function stop(path, why) {
    if (running[path]) running[path].abort(why);
  }

  /* `take` gets each line; the answer is whether the stream was this path's last. */
  async function stream(path, body, take) {
    stop(path, "");
    const mine = running[path] = new AbortController();
    const last = () => running[path] === mine;
    try {
      const response = await post(path, body, mine.signal);
      if (!response.ok) { take(await refusal(response)); return last(); }
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
    } catch {
      if (!last()) return false;
      take(mine.signal.aborted ? { cancelled: mine.signal.reason } : none("gone", GONE));
    } finally {
      if (last()) delete running[path];
    }
    return running[path] === undefined;
  }

  /* A button that goes away gives the focus back to the one that began. */
  function over(cancel, begin) {
    if (document.activeElement === $(cancel)) $(begin).focus();
    $(cancel).hidden = true;
  }

  async function exact() {
    $("exact-stage").textContent = "…";
    $("exact-cancel").hidden = false;
    const last = await stream("/api/exact", { yaml: yaml }, (line) => {
      if (line.cancelled) { $("exact-stage").textContent = line.cancelled; return; }
      if (line.stage) { $("exact-stage").textContent = `working on: ${line.stage}`; return; }
      if (line.error) {
        $("exact-stage").textContent = line.problems.map((p) => p.text).join("; ");
        return;
      }
      $("exact-stage").textContent = "";
      $("exact-answer").classList.remove("former");
      $("exact-answer").replaceChildren(...line.rows.flatMap(([a, b]) => [item("dt", a), item("dd", b)]));
    });
    if (last) over("exact-cancel", "exact");
  }

  async function simulate() {
    $("cancel").hidden = $("progress").hidden = false;
    $("simulated").textContent = "";
    $("progress").removeAttribute("value");  // until the first run is done nobody knows how long it takes
    const body = { yaml: yaml, horizon: Number($("horizon").value), runs: Number($("runs").value) };
    const last = await stream("/api/simulate", body, (line) => {
      if (line.error) {
        $("simulated").textContent = line.problems.map((p) => p.text).join("; ");
      } else if (line.cancelled) {
        $("simulated").textContent = line.cancelled;
      } else if (line.timeline) {
        $("timeline-figure").hidden = false;
        $("timeline-figure").classList.remove("former");
        Figures.timeline($("timeline"), line.timeline);
        $("simulated").textContent = `${line.timeline.runs} runs`;
        $("found").textContent = line.finding;
      } else {
        $("progress").max = line.total;
        $("progress").value = line.done;
        $("simulated").textContent = `${line.done} of ${line.total} runs`;
      }
    });
    if (!last) return;
    over("cancel", "simulate");
    $("progress").hidden = true;
  }

  /* --- files and links: the server is not asked -------------------------------------------------- */

  async function share() {
    history.replaceState(null, "", await Links.made(yaml));
    let told = "Copied";
    try { await navigator.clipboard.writeText(location.href); } catch { told = "It is in the address bar"; }
    $("share").textContent = told;
    setTimeout(() => { $("share").textContent = "Copy link"; }, 2000);
  }

  /* A link that was opened, in this page or in a new one; false where there is none. */
  async function arrived() {
    const text = await Links.read(location.hash);
    if (text === null) return false;
    chosen("");
    if (text !== undefined) { load(text); return true; }
    yaml = $("yaml").value = "";
    Knobs.forget();
    problems(none("damaged", "The link that led here is damaged: it carries no model. Ask for it again, or choose an example."));
    settle();
    return true;
  }

  async function opened(file) {
    if (file.size > Links.MOST) {
      problems(none("refused", `${file.name} has ${file.size.toLocaleString("en")} bytes, more than a model has.`));
      return;
    }
    chosen("");
    load(await file.text());
  }

  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([yaml], { type: "text/yaml" }));
    const name = $("name").textContent.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
    link.download = `${name || "model"}.yaml`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  async function begin() {
    // the cookie holds the token from here on; a link that is copied must not give it away
    history.replaceState(null, "", location.pathname + location.hash);
    let start;
    try {
      const response = await fetch("/api/start");
      if (!response.ok) { problems(await refusal(response)); return; }
      start = await response.json();
    } catch {
      problems(none("gone", "`separatrix app` does not answer: start it, then load this page again."));
      return;
    }
    own = start.yaml;
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
    const yours = item("option", "your own");
    yours.value = "";
    $("gallery").replaceChildren(yours, group("Examples", start.examples.filter((e) => !e.family)),
      group("Kinds of incidents", start.examples.filter((e) => e.family)));
    $("gallery").addEventListener("change", () => {
      if (example === "") own = yaml;
      chosen($("gallery").value);
      const found = start.examples.find((e) => e.name === example);
      load(found ? found.yaml : own);
    });
    $("load").addEventListener("click", () => $("file").click());
    $("file").addEventListener("change", async () => {
      if ($("file").files.length) await opened($("file").files[0]);
      $("file").value = "";
    });
    $("save").addEventListener("click", save);
    $("share").addEventListener("click", share);
    $("exact").addEventListener("click", exact);
    $("simulate").addEventListener("click", simulate);
    $("exact-cancel").addEventListener("click", () => stop("/api/exact", "cancelled"));
    $("cancel").addEventListener("click", () => stop("/api/simulate", "cancelled"));
    addEventListener("keydown", (event) => {
      if (event.key === "Escape") for (const path of Object.keys(running)) stop(path, "cancelled");
    });
    addEventListener("hashchange", arrived);
    let typing = 0;
    $("yaml").addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => {
        chosen("");
        yaml = $("yaml").value;
        Knobs.forget();
        change({});
      }, 400);
    });
    if (await arrived()) return;
    const known = start.examples.find((e) => e.yaml === start.yaml);
    chosen(known ? known.name : "");
    load(start.yaml);
  }

  begin();
})();
