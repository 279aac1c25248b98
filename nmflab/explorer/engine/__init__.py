"""The chain of stages behind an explorer, and its scheduling; no widget is in here."""
