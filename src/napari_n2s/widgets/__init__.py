"""The docks in napari: collect settings, run the pipeline, show its results."""
