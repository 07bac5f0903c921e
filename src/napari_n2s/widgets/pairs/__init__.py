"""The dock that learns from several recordings of one thing."""
