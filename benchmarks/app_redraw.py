"""How long a move of a slider takes until the app has redrawn, seen from a real browser.

    python benchmarks/app_redraw.py

Prints the median, the quartiles and the worst of 40 moves [ms]: request, answer and both pictures.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import numpy as np
from playwright.sync_api import sync_playwright

MOVES = 40
PAUSE = 400  # ms between two moves, so that the separatrix of the last is drawn


def main() -> int:
    """Serve the app, move a slider, print what it took."""
    served = subprocess.Popen(
        [sys.executable, "-m", "separatrix", "app", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert served.stdout is not None
    address = re.search(r"http://\S+/", served.stdout.readline())
    assert address is not None
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(address.group())
            page.wait_for_selector("body[data-redrawn]")
            page.get_by_label("arrival rate of web").focus()
            taken = []
            for _ in range(MOVES):
                page.evaluate("delete document.body.dataset.redrawn")
                page.keyboard.press("ArrowLeft")
                page.wait_for_selector("body[data-redrawn]")
                taken.append(float(page.evaluate("document.body.dataset.redrawn")))
                page.wait_for_timeout(PAUSE)
            browser.close()
    finally:
        served.terminate()
        served.wait()
    low, middle, high = np.quantile(taken, (0.25, 0.5, 0.75))
    print(
        f"{MOVES} moves: median {middle:.0f} ms ({low:.0f} .. {high:.0f}), worst {max(taken):.0f}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
