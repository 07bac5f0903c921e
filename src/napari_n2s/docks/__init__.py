"""The faces in napari: docks and sample data."""
