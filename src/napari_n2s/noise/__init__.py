"""What the noise of an image is like, and how measured pixels and predictions are weighed."""
