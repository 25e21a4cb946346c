"""Draw docs/report.png: the verdict, the six numbers and the first two pictures of a report.

Run: separatrix report examples/retry_storm.yaml -o report.html && python docs/report_picture.py report.html
It needs Chromium and playwright (the extra `test`). Nothing is drawn by hand: what the picture leaves
out is taken away from the page before it is photographed.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).with_name("report.png")
WIDTH = 1080
SHORTEN = """
() => {
  const why = document.getElementById("why"), keep = new Set();
  for (let node = why; node; node = node.nextElementSibling) {
    keep.add(node);
    if (node.classList.contains("figures")) break;
  }
  let gone = false;
  for (const node of [...why.parentElement.children]) {
    if (node.tagName === "H2") gone = !keep.has(node);
    if (gone) node.remove();
    else if (keep.has(node)) gone = node.classList.contains("figures");
  }
  document.querySelectorAll("footer").forEach((footer) => footer.remove());
  document.querySelectorAll(".figures figure").forEach((figure, i) => { if (i > 1) figure.remove(); });
}
"""


def main(report: str) -> int:
    """Photograph the shortened report; 2 where there is no browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no chromium is installed")
        return 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        page.goto(Path(report).resolve().as_uri())
        page.evaluate(SHORTEN)
        page.screenshot(path=str(PICTURE), full_page=True)
        browser.close()
    print(f"{PICTURE} is drawn")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
