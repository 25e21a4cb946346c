"""Iterative aggregation for lattices whose elimination would cost too much; imports numba lazily."""
