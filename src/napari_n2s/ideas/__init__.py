"""The ideas: settings, axes, blind spot and score, on arrays and tensors alone."""
