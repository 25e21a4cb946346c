"""The import paths that Metafor's README prints, each a few lines over separatrix.

Where the README uses a name that it never defines (`basic_stats`, `program`), it is here. What its
users should know is in docs/why/metafor.md.
"""

from metafor.readme import BasicStats, basic_stats, program

__all__ = ["BasicStats", "basic_stats", "program"]
