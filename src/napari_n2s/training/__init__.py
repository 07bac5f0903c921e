"""Training, as a generator: data, optimizer steps, schedule, scores and previews."""
