"""Multifrontal elimination of lattice chains in nested-dissection order; imports numba lazily."""
