"""Describing services in Metafor's words."""
