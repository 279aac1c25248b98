"""Own recordings, of any length."""
