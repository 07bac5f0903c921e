"""From an image to a result with a report: the main jobs, short and resumable."""
