"""How well it works: scores, the experiment on a corpus, sweeps over settings."""
