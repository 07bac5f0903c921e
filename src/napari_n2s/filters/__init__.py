"""Filters that predict a pixel from the others, and the baselines made of them."""
