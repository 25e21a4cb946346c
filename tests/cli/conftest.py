"""What the tests of the command line share."""

from __future__ import annotations

import pytest


@pytest.fixture
def calm() -> str:
    """A small model that is answered at once and keeps its promises."""
    return """\
separatrix: 1
name: Calm
servers:
  s: {qsize: 8, apis: {get: {processing_rate: 10/s}}}
sources:
  c: {server: s, api: get, arrival_rate: 2/s, timeout: 4s, retries: 0}
"""
