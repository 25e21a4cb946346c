"""What a notebook shows of a result, in a real browser: no wider than its cell, and read by a screen reader."""

from __future__ import annotations

import pytest

from separatrix import Program, Server, Source, Work, check, explain, lower
from separatrix.fluid.equilibria import equilibria
from separatrix.markov import stationary, steady
from separatrix.questions.agreement import agreement
from separatrix.questions.fluid_verdict import fluid_verdict
from separatrix.questions.tipping_curve import tipping_curve
from separatrix.simulate import simulate


def program():
    made = Program("Service")
    made.add_server(Server("s", {"get": Work(10.0)}, qsize=12))
    made.add_source(Source("c", "get", 6.0, timeout=0.5, retries=1))
    made.connect("c", "s")
    return made


RESULTS = {
    "verdict": check,
    "explanation": explain,
    "law": lambda p: stationary(lower(p)),
    "long run": lambda p: steady(stationary(lower(p))),
    "mean dynamics": fluid_verdict,
    "resting points": lambda p: equilibria(lower(p)),
    "tipping": lambda p: tipping_curve(p, durations=[1.0, 10.0]),
    "simulation": lambda p: simulate(p, horizon=20.0, runs=2, workers=1, progress=False),
    "agreement": lambda p: agreement(p, runs=5, events=1e4),
}
CELL = """<!doctype html><html lang="en"><head><meta name="viewport" content="width=device-width">
<title>Cell</title></head><body>{}</body></html>"""


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("width", [360, 1100])
def test_a_result_stays_within_its_cell(name, width, opened, tmp_path):
    page = tmp_path / "cell.html"
    page.write_text(CELL.format(RESULTS[name](program())._repr_html_()))
    shown = opened(page.as_uri(), width=width)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    box = shown.get_by_role("region")
    assert box.get_attribute("aria-label")
    assert box.get_by_role("rowheader").count() > 0
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.getAttribute('role')") == "region"
