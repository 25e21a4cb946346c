"""Learned models, as Metafor's README makes them."""
