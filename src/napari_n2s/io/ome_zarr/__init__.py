"""Reading and writing zarr and OME-Zarr, larger than memory."""
