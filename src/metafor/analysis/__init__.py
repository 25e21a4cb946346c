"""Pictures and parameter studies of programs in Metafor's words."""
