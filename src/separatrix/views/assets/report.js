/* Draws the report's figures again from the numbers it carries, so that they can be read off. */
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("separatrix-report").textContent);
  const draw = {
    timeline: (div) => data.simulation_series && Figures.timeline(div, data.simulation_series),
    hysteresis: (div) => data.mean_dynamics && data.mean_dynamics.hysteresis
      && Figures.hysteresis(div, data.mean_dynamics.hysteresis, data.mean_dynamics.range),
    portrait: (div) => data.mean_dynamics && data.mean_dynamics.portrait
      && Figures.portrait(div, data.mean_dynamics.portrait),
  };
  for (const place of document.querySelectorAll("[data-figure]")) {
    const still = place.firstElementChild;
    const div = document.createElement("div");
    div.style.height = "26rem";
    const drawn = draw[place.dataset.figure](place.appendChild(div));
    if (!drawn) { div.remove(); continue; }
    still.style.display = "none";
    // on paper the still picture is the better one
    addEventListener("beforeprint", () => { still.style.display = ""; div.hidden = true; });
    addEventListener("afterprint", () => { still.style.display = "none"; div.hidden = false; });
  }
})();
