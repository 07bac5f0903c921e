"""The dock that denoises a layer."""
