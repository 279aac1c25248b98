"""The paper: STFT, divergence, NMF, priors, Wiener gain, pipeline; NumPy and SciPy alone."""
