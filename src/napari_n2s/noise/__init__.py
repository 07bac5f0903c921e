"""The noise of an image, and the weighting of measured pixels and predictions by it."""
