"""Figures in windows of their own, one after the other: for runs in a terminal."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.figure import Figure


def can_show() -> bool:
    """Find out whether matplotlib can open windows here."""
    import matplotlib
    from matplotlib import pyplot
    from matplotlib.backends.registry import BackendFilter, backend_registry

    try:
        pyplot.switch_backend(matplotlib.get_backend())
    except ImportError:  # one was asked for by name that needs a display
        return False
    able = backend_registry.list_builtin(BackendFilter.INTERACTIVE)  # type: ignore[no-untyped-call]
    return matplotlib.get_backend().lower() in [name.lower() for name in able]


def show(draw: Callable[..., Figure]) -> None:
    """Show what ``draw(new=…)`` makes in a window, until that is closed."""
    from matplotlib import pyplot

    figure = draw(new=pyplot.figure)
    pyplot.show()
    pyplot.close(figure)
