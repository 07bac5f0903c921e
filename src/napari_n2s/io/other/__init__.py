"""Files that are neither TIFF nor zarr."""
