"""The command `napari-n2s`."""
