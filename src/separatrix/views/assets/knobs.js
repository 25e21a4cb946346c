/* The sliders of the app: one for each knob of the model, in the scale that suits it. */
"use strict";

const Knobs = (() => {
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

  /* An arrow key takes a slider to its next value; a step of its own would seldom change a whole number. */
  const ARROWS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
  function next(s, x, way) {
    const before = fromSlider(s, x), step = s.whole ? 1 : 5;
    for (let to = x + way * step; to >= 0 && to <= STEPS; to += way * step) {
      if (fromSlider(s, to) !== before) return to;
    }
    return way > 0 ? STEPS : 0;
  }

  /* The range of a slider stays what it was when the model was loaded, so that it does not run away. */
  const inputs = new Map();
  function show(list, changed) {
    const place = document.getElementById("knobs");
    for (const s of list) {
      let input = inputs.get(s.path);
      if (input === undefined) {
        const label = document.createElement("label");
        label.append(s.label);
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
          changed({ [input.slider.path]: value });
        });
        input.addEventListener("keydown", (event) => {
          const way = ARROWS[event.key];
          if (way === undefined) return;
          event.preventDefault();
          const moved = next(input.slider, Number(input.value), way);
          if (moved === Number(input.value)) return;
          input.value = moved;
          input.dispatchEvent(new Event("input"));
        });
        label.append(output, input);
        place.append(label);
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
    document.getElementById("knobs").replaceChildren();
  }

  return { show, forget };
})();
