"""The docks in napari: gather settings, call the engine, show its results."""
