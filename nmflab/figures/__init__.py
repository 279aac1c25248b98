"""What matplotlib draws: spectrograms, and the static face of an explorer."""
