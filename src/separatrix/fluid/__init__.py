"""The fluid reading: the population's mean velocity at real-valued states."""
