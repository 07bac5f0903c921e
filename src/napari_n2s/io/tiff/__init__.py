"""Reading and writing TIFF: validation, metadata of every format, and images of any size."""
