"""Pixels excluded from training: outliers, constant areas; and traces of earlier processing."""
