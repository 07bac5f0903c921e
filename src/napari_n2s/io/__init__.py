"""Reading and writing image files: TIFF, OME-Zarr, MRC, PNG and vendor formats."""
