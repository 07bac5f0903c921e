"""Offsets that a detector adds to rows, columns or pixels, which networks take for structure."""
