"""Training data for the learned reading, from the request-level simulator."""
