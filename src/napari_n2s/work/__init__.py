"""The work: networks, training, applying and files, without a window."""
