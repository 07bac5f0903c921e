"""Training as a generator: training data, optimisation, schedule, validation and previews."""
