r"""Why are chain and simulator apart in recovery and collapse: the fates, or the clocks?

Before its fates turned, the staged chain drew an attempt's fate (in time or late) on arrival, by the queue there, and
waited exponentially where the client waits exactly `timeout`. One server, one retry, three ways of living,
all else equal:

* `true`: the fate is what happens, the time-out is fixed (what `separatrix.simulate` follows);
* `drawn`: the fate is drawn on arrival, the time-out is fixed;
* `drawn, exponential`: the fate is drawn on arrival, the time-out is exponential (the staged chain
  without the turns of `population.turns`, which this finding led to).

Each row is read as "fates" or "clocks", by which of the two steps between the first and the third column is the
longer, or "hardly apart" within a tenth. A slow spell of the server dooms all who wait at once; drawn fates do
not know of it, so that what needs bad luck in a row comes out too rare.

Run: python verification/fate_on_arrival.py  (about a minute)
"""

from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np
from scipy.special import gammaincc

from separatrix.compiled import compiled

RESULT = Path(__file__).parent / "results" / "fate_on_arrival.md"
MU, K = 10.0, 50
TRUE, DRAWN, EXPONENTIAL = 0, 1, 2
WAYS = {TRUE: "true", DRAWN: "drawn", EXPONENTIAL: "drawn, exponential"}
RING = 65_536


def _run(rate, timeout, tail, way, low, high, outage, longest, rng):
    """Time after an outage until the queue is at most `low`, or until it reaches `high`."""
    sent, number, served = np.zeros(RING), np.zeros(RING, np.int8), np.zeros(RING, np.bool_)
    place, retry = np.zeros(RING, np.int64), np.zeros(RING)
    first_sent = last_sent = first_place = last_place = first_retry = last_retry = orbit = queue = 0
    time, up = 0.0, outage == 0.0
    arrival, done = rng.exponential(1 / rate), np.inf
    while time < outage + longest:
        back = retry[first_retry % RING] if first_retry < last_retry else np.inf
        given_up = sent[first_sent % RING] + timeout if first_sent < last_sent else np.inf
        waits = np.inf
        if way == EXPONENTIAL and orbit > 0:
            waits = time + rng.exponential(timeout / orbit)
        time = min(arrival, done, back, given_up, waits, np.inf if up else outage)
        attempt = -1
        if not up and time == outage:
            up = True
            done = time + rng.exponential(1 / MU) if queue > 0 else np.inf
        elif time == arrival:
            attempt, arrival = 0, time + rng.exponential(1 / rate)
        elif time == done:
            queue -= 1
            if way == TRUE:
                served[place[first_place % RING] % RING] = True
                first_place += 1
            done = time + rng.exponential(1 / MU) if queue > 0 else np.inf
        elif time == back:
            first_retry += 1
            attempt = 1
        elif time == waits:
            orbit -= 1
            attempt = 1
        else:
            if not served[first_sent % RING] and number[first_sent % RING] == 0:
                attempt = 1
            first_sent += 1
        if attempt >= 0:
            doomed = queue == K
            if way == TRUE:
                sent[last_sent % RING], number[last_sent % RING] = time, attempt
                served[last_sent % RING] = False
                if queue < K:
                    place[last_place % RING] = last_sent
                    last_place += 1
                last_sent += 1
            if queue < K:
                doomed = rng.random() < tail[queue]
                queue += 1
                if queue == 1 and up:
                    done = time + rng.exponential(1 / MU)
            if way == DRAWN and doomed and attempt == 0:
                retry[last_retry % RING] = time + timeout
                last_retry += 1
            if way == EXPONENTIAL and doomed and attempt == 0:
                orbit += 1
        if up and (queue <= low or queue >= high):
            return time - outage
    return np.inf


run = compiled(_run)


def mean_time(rate, timeout, way, low, high, outage, longest, runs):
    """Mean and its standard error [s]; exits that were not seen count with their time."""
    tail = gammaincc(np.arange(1, K + 2), MU * timeout)
    times = np.array(
        [
            run(rate, timeout, tail, way, low, high, outage, longest, np.random.default_rng(seed))
            for seed in range(runs)
        ]
    )
    seen = np.isfinite(times)
    mean = float(np.minimum(times, longest).sum() / max(int(seen.sum()), 1))
    return mean, mean / max(int(seen.sum()), 1) ** 0.5


def main() -> None:
    rows = ["| passage | " + " | ".join(WAYS.values()) + " | reading |", "|---|---|---|---|---|"]
    readings = []
    for rate, timeout, low in ((5.5, 5 / 3, 10), (6.0, 2.5, 12), (8.0, 5.0, 20)):
        for what in ("recovery", "collapse"):
            found = {}
            for way in WAYS:
                args = (
                    (low, K + 2, 50.0, 1e7, 2000) if what == "recovery" else (-1, 42, 0.0, 2e5, 60)
                )
                found[way] = mean_time(rate, timeout, way, *args)
            true, drawn, chain = (log(found[way][0]) for way in WAYS)
            word = "fates" if abs(drawn - true) > abs(chain - drawn) else "clocks"
            if abs(true - chain) < log(1.1):
                word = "hardly apart"
            readings.append(word)
            cells = " | ".join(f"{m:.4g} ± {e:.2g} s" for m, e in found.values())
            rows.append(
                f"| {what}, load {rate / MU:g}, timeout {timeout:.3g} s | {cells} | {word} |"
            )
            print(rows[-1], flush=True)
    text = (__doc__ or "").split("\n\nRun:")[0].strip()
    body = ["# Fates drawn on arrival", "", text, "", *rows]
    RESULT.write_text("\n".join(body) + "\n")
    print(f"{readings.count('fates')} of {len(readings)} rows read fates: {RESULT}")


if __name__ == "__main__":
    main()
