"""The machine: threads, safe files, what comes with the package, servers."""
