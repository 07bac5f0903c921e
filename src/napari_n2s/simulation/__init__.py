"""Simulated fluorescence images with ground truth."""
