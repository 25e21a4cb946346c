"""Makes the strategies for models importable here, too."""

from __future__ import annotations

import sys
from pathlib import Path

STRATEGIES = str(Path(__file__).resolve().parents[1] / "strategies")
if STRATEGIES not in sys.path:
    sys.path.insert(0, STRATEGIES)
