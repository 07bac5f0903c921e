"""Replicates for Noise2Noise: several noisy recordings of one field, made, checked and aligned."""
