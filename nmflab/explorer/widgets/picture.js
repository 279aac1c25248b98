// A picture in PNG with the words for whoever can't see it. See picture.py.

/** @import { Scope } from "./types.d.ts" */

/** @param {Scope<{ alt: string, value: DataView<ArrayBuffer> }>} scope */
function render({ model, el }) {
  const image = document.createElement("img");
  image.className = "nmflab-plot";
  el.append(image);

  function update() {
    const old = image.src;
    image.alt = model.get("alt");
    image.src = URL.createObjectURL(new Blob([model.get("value")], { type: "image/png" }));
    if (old) image.addEventListener("load", () => URL.revokeObjectURL(old), { once: true });
  }
  model.on("change", update);
  update();
  return () => {
    model.off("change", update);
    URL.revokeObjectURL(image.src);
  };
}

export default { render };
