"""The dock that calibrates a filter."""
