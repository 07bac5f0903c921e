"""Controls that several docks share: rows, plots and layout helpers."""
