"""Formats other than TIFF and zarr, each read by a library of its own."""
