"""Speed of nmflab against its peers and against the machine: ``python -m benchmarks``."""
