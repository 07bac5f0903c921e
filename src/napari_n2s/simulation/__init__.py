"""Simulated fluorescence with a known truth."""
