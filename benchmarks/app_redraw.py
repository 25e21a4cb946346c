"""How long a move of a slider takes until the app has redrawn, seen from a real browser.

    python benchmarks/app_redraw.py

Prints the median, the quartiles and the worst of 40 moves [ms]: from the event of the key to the picture
of the screen that follows both figures. Then, of 40 moves in a row, the CPU time of a move [ms] in the server
and in the page, which hardly depends on what else the machine does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

MOVES = 40


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
            page.wait_for_selector("body[data-settled]")
            page.get_by_label("arrival rate of web").focus()
            taken = list(moves(page))
            cost = page.context.new_cdp_session(page)
            cost.send("Performance.enable", {"timeDomain": "threadTicks"})
            before = server_time(served.pid), page_times(cost)
            within = page.evaluate(IN_A_ROW, MOVES)
            after = server_time(served.pid), page_times(cost)
            browser.close()
    finally:
        served.terminate()
        served.wait()
    low, middle, high = np.quantile(taken, (0.25, 0.5, 0.75))
    print(
        f"{MOVES} moves: median {middle:.0f} ms ({low:.0f} .. {high:.0f}), worst {max(taken):.0f}"
    )
    print(f"{MOVES} in a row: median {np.median(within):.0f} ms, worst {max(within):.0f}")
    print(f"CPU of a move: server {1e3 * (after[0] - before[0]) / MOVES:.0f} ms", end="")
    for name in after[1]:
        print(f", {name} {1e3 * (after[1][name] - before[1][name]) / MOVES:.1f}", end="")
    print()
    return 0


IN_A_ROW = """async (moves) => {
  const slider = document.activeElement, taken = [];
  const drawn = () => new Promise((done) => new MutationObserver((_, seen) => {
    if (document.body.dataset.redrawn) { seen.disconnect(); done(); }
  }).observe(document.body, { attributes: true }));
  for (let k = 0; k < moves; k++) {
    delete document.body.dataset.redrawn;
    slider.stepDown();
    slider.dispatchEvent(new Event("input"));
    await drawn();
    taken.push(Number(document.body.dataset.redrawn));
  }
  return taken;
}"""
"""Moves the slider in the page itself, so that nothing is counted but the page's own work."""


def moves(page: Page) -> Iterator[float]:
    """Wall time [ms] of each of `MOVES` moves; the next waits for the separatrix of the last."""
    for _ in range(MOVES):
        page.evaluate("delete document.body.dataset.redrawn")
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector("body[data-redrawn]")
        yield float(page.evaluate("document.body.dataset.redrawn"))
        page.wait_for_selector("body[data-settled]")


def server_time(pid: int) -> float:
    """CPU time of a process [s] so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def page_times(cost: Any) -> dict[str, float]:
    """CPU time of the page's main thread [s] so far: all of it, and parts of it."""
    metrics = {m["name"]: m["value"] for m in cost.send("Performance.getMetrics")["metrics"]}
    parts = ("Task", "Script", "Layout", "RecalcStyle")
    return {f"page {part}": metrics[f"{part}Duration"] for part in parts}


if __name__ == "__main__":
    sys.exit(main())
