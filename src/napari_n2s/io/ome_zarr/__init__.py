"""Zarr and OME-Zarr, larger than memory."""
