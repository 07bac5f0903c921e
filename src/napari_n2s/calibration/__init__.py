"""Finding the strength of a filter on the noisy image alone."""
