"""The dock that trains a network on replicates."""
