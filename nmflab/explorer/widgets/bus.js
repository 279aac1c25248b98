// What canvases and players of one page share. Every widget instance is a module of its own, so
// the bus hangs on `window`; whichever loads first puts it there. The kernel never hears of it.

/** @import { Bus } from "./types.d.ts" */

window.__nmflab_bus ??= {
  groups: new Map(),

  // JupyterLab's one-key commands (m, 1, arrows, Enter, ...) must not act on the notebook from
  // inside a widget. It looks for this attribute on the focused element; with Ctrl, Alt or Cmd a
  // key stays JupyterLab's. On `window`, while capturing: before JupyterLab looks.
  keys: window.addEventListener(
    "keydown",
    ({ target, ctrlKey, metaKey, altKey }) => {
      const isPlain = !(ctrlKey || metaKey || altKey);
      const element = /** @type {Partial<Element>} */ (target);
      if (element.closest?.(".nmflab, .nmflab-opener"))
        element.toggleAttribute?.("data-lm-suppress-shortcuts", isPlain);
    },
    { capture: true },
  ),

  // Join a group. `hear(type, detail)` gets all that is sent in it, one's own words included.
  // `state` keeps the last detail of each type, for members that come late. "" is a group of one.
  join(name, hear) {
    const group = (name && this.groups.get(name)) || { members: new Set(), state: {} };
    if (name) this.groups.set(name, group);
    group.members.add(hear);
    return {
      state: group.state,
      send(type, detail) {
        group.state[type] = detail;
        for (const member of [...group.members]) member(type, detail);
      },
      leave: () => {
        group.members.delete(hear);
        if (!group.members.size && this.groups.get(name) === group) this.groups.delete(name);
      },
    };
  },
};

/** @type {Bus} */
export const bus = window.__nmflab_bus;
