"""The import paths of Metafor's README, each a few lines over separatrix."""
