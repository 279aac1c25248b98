"""What the browser shows: canvas, player, recorder; Python and JavaScript side by side."""
