"""Many combinations of settings: planned, worked off, kept row by row, chosen from, reported."""
