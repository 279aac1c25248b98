"""Recordings to train and to test on: clips, folders, public corpora."""
