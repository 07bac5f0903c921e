"""An image made ready to learn from: normalised, with held-out pixels, read in parts."""
