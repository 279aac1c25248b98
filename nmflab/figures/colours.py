"""Colours and lines of curves, for all that draws."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Of Okabe and Ito: told apart by all eyes, the first four readable on light and dark."""

BLUE, RED, GREEN = COLOURS[:3]
GREY = "#888888"
STYLES = ("-", "--", "-.", ":")
