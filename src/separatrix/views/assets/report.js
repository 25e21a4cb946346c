/* Still pictures first; a button draws one again from the numbers the page carries, to be read off. */
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("separatrix-report").textContent);
  const quick = data.mean_dynamics || {};
  const course = data.timeline;
  const parts = {
    timeline: [course, (div) => Figures.timeline(div, course)],
    portrait: [quick.portrait, (div) => Figures.portrait(div, quick.portrait, course && course.path)],
    hysteresis: [quick.hysteresis, (div) => Figures.hysteresis(div, quick.hysteresis, quick.range)],
    recovery: [data.recovery_over_load, (div) => Figures.recovery(div, data.recovery_over_load)],
    tornado: [data.tornado, (div) => Figures.tornado(div, data.tornado)],
    map: [data.risk_map, (div) => Figures.map(div, data.risk_map)],
  };

  function button(words, press) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "copy";
    made.textContent = words;
    made.addEventListener("click", () => press(made));
    return made;
  }

  /* The drawing library is only text until somebody asks for it: the page opens at once. */
  function library() {
    const held = document.getElementById("drawing-library");
    if (held === null) return;
    const script = document.createElement("script");
    script.textContent = held.textContent;
    held.remove();
    document.head.append(script);
  }

  for (const place of document.querySelectorAll("[data-figure]")) {
    const part = parts[place.dataset.figure];
    if (!part || !part[0]) continue;
    const still = place.firstElementChild;
    let live = null, read = false;
    const turn = (on) => {
      live.hidden = !on;
      still.style.display = on ? "none" : "";
    };
    place.closest("figure").prepend(button("Read off", (made) => {
      read = !read;
      if (live === null) {
        library();
        live = place.appendChild(document.createElement("div"));
        const plot = live.appendChild(document.createElement("div"));
        plot.className = "plot";
        part[1](plot);
        addEventListener("beforeprint", () => turn(false));
        addEventListener("afterprint", () => turn(read));
      }
      turn(read);
      made.textContent = read ? "Picture" : "Read off";
    }));
  }

  for (const text of document.querySelectorAll("pre.patch, pre[aria-label]:not(.patch)")) {
    const content = text.textContent;
    const around = document.createElement("div");
    around.className = "held";
    text.replaceWith(around);
    around.append(text, button("Copy", async (made) => {
      try {
        await navigator.clipboard.writeText(content);
        made.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(text);
        made.textContent = "Selected: press Ctrl+C";
      }
    }));
  }

  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details")) one.open = true;
  });
})();
