"""Sound: signals in memory, and the files that they come from and go to."""
