"""Denoising from an image to a result with a report, in one run or resumable."""
