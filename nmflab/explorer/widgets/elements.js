// Elements of the page.

/**
 * A child of `parent` with the given properties; names with a dash become attributes.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Element} parent @param {Tag} tag @param {Record<string, unknown>} properties
 */
export function add(parent, tag, properties = {}) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, String(value));
    else Object.assign(element, { [name]: value });
  }
  return parent.appendChild(element);
}
