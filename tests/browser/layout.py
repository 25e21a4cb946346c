"""Where things are on a page: its picture, reduced until letters are grey, beside a stored one.

Fonts differ between machines and would move every line, so the page is set in the one font that comes
with matplotlib. What is left to differ is how a machine draws edges, which the reduction blurs away.
To store new references, after looking at them: SEPARATRIX_WRITE_LAYOUT=1 pytest tests/browser
"""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from PIL import Image

STORED = Path(__file__).parent / "layout"
REDUCED = 8
"""Pixels of the page on a side of one of the reduced picture."""
HEIGHT = 1600
"""How far down a page is compared [px]."""
APART = 40
"""Levels of 255 from which on a reduced pixel counts as another."""
MOST = 0.015
"""Share of other pixels that edges and rounding may make."""


def set_in_one_font(page):
    """Set every letter of the page in DejaVu Sans, wherever it is looked at."""
    font = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    data = base64.b64encode(font.read_bytes()).decode()
    page.add_style_tag(
        content=f"@font-face {{ font-family: One; src: url(data:font/ttf;base64,{data}); }}"
        "* { font-family: One !important; font-weight: normal !important; }"
        "* { scrollbar-width: none; animation: none !important; transition: none !important; }"
    )
    page.evaluate("document.fonts.load('16px One').then(() => document.fonts.ready).then(() => 0)")


def reduced(page, width):
    """Grey levels of the top of the page, (HEIGHT, width) / REDUCED."""
    clip = {"x": 0, "y": 0, "width": width, "height": HEIGHT}
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip))).convert("L")
    return np.asarray(picture.resize((width // REDUCED, HEIGHT // REDUCED), Image.Resampling.BOX))


def other(levels, name):
    """Share of the reduced pixels that are not as stored; the reference is written where that is asked."""
    path = STORED / f"{name}.png"
    if os.environ.get("SEPARATRIX_WRITE_LAYOUT"):
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(levels).save(path, optimize=True)
    stored = np.asarray(Image.open(path).convert("L"))
    assert stored.shape == levels.shape
    return float((np.abs(stored.astype(int) - levels.astype(int)) > APART).mean())
