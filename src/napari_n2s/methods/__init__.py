"""Denoising methods: the blind-spot network, masked Noise2Self, Noise2Noise and non-local Bayes."""
