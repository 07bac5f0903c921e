"""Filters to calibrate: those without the centre pixel, which are the baselines, and any others."""
