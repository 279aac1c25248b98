"""The priors on activations, and the variants of NMF that they make."""
