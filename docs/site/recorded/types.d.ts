// What anywidget is given to show a widget.

export interface Shown {
  render: (scope: { model: object; el: HTMLElement }) => unknown;
  initialize?: (scope: { model: object }) => unknown;
}

export type Widget = Shown | (() => Shown);
