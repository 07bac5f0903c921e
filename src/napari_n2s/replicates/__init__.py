"""Several noisy recordings of one thing: how they are made, checked and aligned."""
