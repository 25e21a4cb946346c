"""The answer of simulation where no chain can be worked out: rows for a terminal, and a page."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from separatrix.model.quantities import duration_text, percent_text
from separatrix.questions.answers import Time
from separatrix.questions.limits import Kept
from separatrix.questions.witnessed import Witnessed
from separatrix.views.report import answer_html
from separatrix.views.subject import Subject
from separatrix.views.tables import Group, Row


def witnessed_rows(found: Witnessed) -> list[Group]:
    """Its numbers as titled groups of rows."""
    times: list[Row] = []
    for name, time, start in (
        ("recovery", found.seen.recovery, "after a long outage"),
        ("collapse", found.seen.collapse, "from empty, without a trigger"),
    ):
        if time is not None:
            times += _time(name, time, start)
    share = ("goodput", percent_text(found.share), "of the requests, answered in time")
    groups: list[Group] = [("Times, simulated", times)] if times else []
    return [*groups, ("At normal load, simulated", [share])]


def _time(name: str, time: Time, start: str) -> list[Row]:
    if not isfinite(time.mean):
        return [(f"{name} time", f"> {duration_text(time.low)}", f"{start}; never seen")]
    interval = f"{duration_text(time.low)} .. {duration_text(time.high)}"
    return [
        (f"{name} time", duration_text(time.mean), f"mean, {start}"),
        ("", interval, "95 % interval of the mean"),
        ("", duration_text(time.p99), "p99: 99 % of the times within"),
    ]


def witnessed_html(found: Witnessed, subject: Subject, kept: Sequence[Kept] = ()) -> str:
    """The page as text; parameters as `report_html`."""
    return answer_html(found, (), witnessed_rows(found), found.basis, subject, kept)
