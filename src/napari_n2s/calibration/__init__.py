"""Calibrating the parameters of a denoiser on the noisy image alone."""
