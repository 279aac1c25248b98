// Predict first: choose an answer or drag a curve, then let the truth be drawn over it.

import { dragCurve } from "./drag_curve.js";
import { add } from "./elements.js";

/** @import { PredictTraits } from "./drag_curve.js" */
/** @import { Scope } from "./types.d.ts" */

export default {
  /** @param {Scope<PredictTraits>} scope */
  render({ model, el }) {
    el.classList.add("nmflab-host");
    const root = add(el, "section", { className: "nmflab-predict", "aria-label": "Prediction" });
    const question = add(root, "p", { hidden: !model.get("question") });
    add(question, "b", { textContent: "Predict. " });
    question.append(model.get("question"));
    const place = add(root, "div");
    const foot = add(root, "p", { className: "nmflab-told", hidden: !model.get("question") });
    const button = add(foot, "button", {
      type: "button",
      className: "jupyter-widgets jupyter-button widget-button",
      textContent: "reveal",
    });
    const told = add(foot, "span", { role: "status" });

    let isTouched = model.get("revealed");
    const guessed = (/** @type {number[]} */ guess) => {
      isTouched = true;
      model.set("guess", guess);
      model.save_changes();
      show();
    };
    const body = model.get("choices").length
      ? choose(place, model, guessed)
      : dragCurve(place, model, guessed);
    const show = () => {
      const revealed = model.get("revealed");
      root.dataset.state = revealed ? "revealed" : isTouched ? "guessed" : "asked";
      button.disabled = revealed || !isTouched;
      told.textContent = revealed
        ? model.get("because")
        : isTouched
          ? "Sure? Then look."
          : "Your guess first, a wrong one is worth as much.";
      body();
    };
    button.onclick = () => {
      model.set("revealed", true);
      model.save_changes();
      show();
    };
    // Arrow keys and Enter are the guess's: JupyterLab looks for this on what has the focus.
    for (const each of root.querySelectorAll("input, button, circle"))
      each.toggleAttribute("data-lm-suppress-shortcuts", true);
    model.on("change", show);
    show();
    return () => {
      model.off("change", show);
      root.remove();
    };
  },
};

let groups = 0;

/**
 * Radio buttons; gives what shows the guess and the truth on them.
 * @param {Element} parent @param {Scope<PredictTraits>["model"]} model
 * @param {(guess: number[]) => void} guessed
 */
function choose(parent, model, guessed) {
  const name = `nmflab-predict-${groups++}`;
  const group = add(parent, "div", { role: "radiogroup", "aria-label": model.get("question") });
  const rows = model.get("choices").map((text, i) => {
    const row = add(group, "label", { className: "nmflab-choice" });
    const input = add(row, "input", { type: "radio", name, value: String(i) });
    input.onchange = () => guessed([i]);
    add(row, "span", { textContent: text });
    return { input, row, mark: add(row, "b") };
  });
  return () => {
    const revealed = model.get("revealed");
    const [truth] = model.get("truth");
    const [guess] = model.get("guess");
    rows.forEach(({ input, row, mark }, i) => {
      input.checked = i === guess;
      input.disabled = revealed;
      const isTrue = revealed && i === truth;
      row.dataset.is = isTrue ? "true" : revealed && i === guess ? "false" : "";
      mark.textContent = isTrue ? "✓ this is it" : revealed && i === guess ? "✗ your guess" : "";
    });
  };
}
