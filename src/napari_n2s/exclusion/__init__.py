"""What in an image is no signal: outliers, constant areas, traces of processing."""
