"""The report of a denoising: what came of it, in numbers and in words."""
