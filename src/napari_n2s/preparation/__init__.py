"""Preparation of images for training: normalisation, held-out pixels, sampling and streaming."""
