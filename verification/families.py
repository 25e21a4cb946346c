r"""Do the known families of metastable failure collapse, and stay? Read "right" or "wrong".

Each model of examples/families meets its own fault, request by request, and is watched for three minutes
after it. "Right" needs three things: healthy before (97 % of the requests answered in time), stuck after
(every run), and back again in every run once the sustaining effect alone is taken away. The mean
dynamics are asked, too, where a population carries the model: they must find the stuck state, and none
without the sustaining effect.

Run: python verification/families.py  (about two minutes)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from separatrix import load
from separatrix.errors import Unsupported
from separatrix.model import Program
from separatrix.model.parameters import with_parameters
from separatrix.questions.aftermath import Aftermath, aftermath
from separatrix.questions.fluid_verdict import fluid_verdict

HERE = Path(__file__).parent
RESULT = HERE / "results" / "families.md"
RUNS, WAIT = 50, 180.0

WITHOUT: dict[str, tuple[str, dict[Any, Any]]] = {
    "load_spike_retries": ("no retries", {"web.retries": 0}),
    "capacity_loss_retries": ("no retries", {"web.retries": 0}),
    "queue_degrades_capacity": ("no slowdown", {"app.slowdown": None}),
    "cold_cache": ("late answers fill the cache", {"database.qsize": 40}),
    "slow_error_handling": ("errors cost nothing", {"app.slowdown": None}),
    "reconnection_cost": ("short handshake queue", {"handshake.qsize": 40}),
    "unfair_links": ("fair shares", {"preferred.arrival_rate": 46.5, "other.arrival_rate": 46.5}),
}


def fluid(program: Program) -> str:
    try:
        return fluid_verdict(program, timed=False).word
    except Unsupported as error:
        return f"not carried ({error.feature})"


def reading(seen: Aftermath, freed: Aftermath, words: tuple[str, str]) -> str:
    right = seen.before.mean > 0.97 and seen.trapped == 1.0 and freed.trapped == 0.0
    carried = [w for w in words if not w.startswith("not carried")]
    if len(carried) == 2:
        right = right and words == ("can get stuck", "safe")
    return "right" if right else "wrong"


def main() -> None:
    rows = [
        "| family | reading | in time before | in time after | trapped | fluid | without the effect |"
        " trapped then | fluid then |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    readings: list[str] = []
    for name, (what, changes) in WITHOUT.items():
        program = load(HERE.parent / "examples" / "families" / f"{name}.yaml")
        other = with_parameters(program, changes)
        seen = aftermath(program, runs=RUNS, wait=WAIT)
        freed = aftermath(other, runs=RUNS, wait=WAIT)
        words = (fluid(program), fluid(other))
        readings.append(reading(seen, freed, words))
        rows.append(
            f"| {name} | {readings[-1]} | {100 * seen.before.mean:.3g} % | "
            f"{100 * seen.after.mean:.3g} % | {100 * seen.trapped:.3g} % | {words[0]} | {what} | "
            f"{100 * freed.trapped:.3g} % | {words[1]} |"
        )
        print(rows[-1], flush=True)
    text = (__doc__ or "").split("\n\nRun:")[0].strip()
    right = readings.count("right")
    body = [
        "# Families of metastable failure", "", text, "",
        f"{right} of {len(readings)} right; {RUNS} runs each.", "", *rows,
    ]  # fmt: skip
    RESULT.write_text("\n".join(body) + "\n")
    print(f"{right} of {len(readings)} right: {RESULT}")


if __name__ == "__main__":
    main()
