"""The lessons' questions and figures."""
