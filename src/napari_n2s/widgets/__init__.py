"""The docks in napari: gather settings, call the engine, show what comes back."""
