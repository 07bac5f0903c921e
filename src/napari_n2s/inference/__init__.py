"""Inference with a trained network: tiled, on other images, and on a cluster."""
