"""The ways to learn from noisy images alone, and what each delivers."""
