"""Rows, plots and other controls that several docks share."""
