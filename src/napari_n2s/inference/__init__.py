"""Applying a trained network: in tiles, elsewhere, on a cluster."""
