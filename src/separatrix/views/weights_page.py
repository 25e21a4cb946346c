"""The page on weights: what operations cost, how well that is known, and what the data were."""

from __future__ import annotations

from math import isfinite

from separatrix.model.quantities import amount_text, percent_text, rate_text
from separatrix.views.data_section import data_section
from separatrix.views.page import Tile, figure, figures, folded, listed, page, section, table
from separatrix.views.weights_tables import (
    AGREEMENT_HEADER,
    SUMMARY_HEADER,
    WEIGHT_HEADER,
    agreement_rows,
    summary_rows,
    weight_rows,
)
from separatrix.weights.study import Study
from separatrix.weights.summary import Summary


def weights_page(found: Study, *, command: str) -> str:
    """The page as text; `command` is the command that made it."""
    weights, summary = found.weights, found.summary
    good = weights.status == "ok"
    title = "Agreement with the CPU load"
    return page(
        name=f"Metadata costs of {summary.fs or 'the file system'}",
        word="weights found" if good else weights.status,
        mark="good" if good else "unknown",
        sentence=found.sentence,
        tiles=_tiles(found),
        body=[
            section("Weights", table("", weight_rows(weights), WEIGHT_HEADER, stacked=True)),
            section(
                "Agreement",
                table(title, agreement_rows(found.agreements), AGREEMENT_HEADER, stacked=True)
                if found.agreements
                else listed(title, [found.unjudged]),
            ),
            section("Why", figures(_figures(found))),
            section("Operations", _operations(summary)),
            section("Method", listed("", _method(found))),
            data_section(
                summary.quality, folded(_files(len(summary.sources)), listed("", summary.sources))
            ),
        ],
        command=command,
        embedded=("separatrix-weights", {"schema": "separatrix.weights/1", **found.to_dict()}),
    )


def _operations(summary: Summary) -> str:
    title = "Rates in operations/s of a target, over its intervals"
    return table(title, summary_rows(summary), SUMMARY_HEADER, stacked=True)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _tiles(found: Study) -> list[Tile]:
    """The dearest operation, the busiest, and how far the score explains the load."""
    tiles: list[Tile] = []
    rows = weight_rows(found.weights)
    if rows and found.weights.status == "ok":
        operation, weight, interval, *_ = rows[0]
        remark = f"95 % interval {interval}" if interval else found.weights.method
        tiles.append(("Dearest operation", operation, f"{weight} average operations; {remark}"))
    largest = found.summary.cumulative()[:1]
    if largest:
        share = f"{percent_text(largest[0][1])} of all operations"
        tiles.append(("Most frequent", largest[0][0], share))
    if found.agreements:
        row = agreement_rows(found.agreements)[0]
        value = "unknown" if row[1] == "-" else f"R² {row[1]}"
        tiles.append(("CPU load explained", value, "held out: where it was not fitted"))
    return tiles


def _figures(found: Study) -> list[str]:
    from separatrix.views import figures_weights as pictures
    from separatrix.views.figures_canvas import inline_svg

    drawn = [
        ("What each operation costs", pictures.weights_by_method(found.methods), _dearest(found)),
        (
            "How often at which rate",
            pictures.rate_histogram(found.summary),
            f"{_fastest(found.summary)}How many intervals saw each operation at which rate.",
        ),
        (
            "Which operations there are most of",
            pictures.cumulative_share(found.summary),
            _largest(found.summary),
        ),
    ]
    if len(found.dots[0]):
        held = ""
        if found.agreements and isfinite(found.agreements[0].r2):
            share = percent_text(found.agreements[0].r2)
            held = (
                f"The score explains {share} of the load's variance on time that was not fitted. "
            )
        drawn += [
            (
                "Does the score explain the load",
                pictures.score_against_load(found),
                f"{held}Each dot is an interval: the tighter the cloud, the better the score.",
            ),
            (
                "Score and load over time",
                pictures.score_over_time(found),
                "Where measured and expected part, something else than metadata operations loads the server.",
            ),
        ]
    if found.daily_ratio:
        drawn.append(
            ("Does the cost stay the same", pictures.daily_ratio(found), _steadiness(found))
        )
    return [figure(inline_svg(picture, title), finding, title) for title, picture, finding in drawn]


def _dearest(found: Study) -> str:
    own = found.methods.get(found.weights.method, {})
    if not own:
        return "Bars are 95 % intervals, where a method has them."
    operation = max(own, key=lambda name: own[name].weight)
    hollow = any(r.weight == 0 for of in found.methods.values() for r in of.values())
    return (
        f"By {found.weights.method}, {operation} costs most: {amount_text(own[operation].weight, 3)} average "
        "operations. Bars are 95 % intervals, where a method has them."
        + (" Hollow: a weight of 0." if hollow else "")
    )


def _fastest(summary: Summary) -> str:
    rows = [row for row in summary.table() if row.count and isfinite(row.maximum)]
    if not rows:
        return ""
    row = max(rows, key=lambda row: row.maximum)
    return f"At most {rate_text(row.maximum)}, of {row.operation}. "


def _largest(summary: Summary) -> str:
    steps = summary.cumulative()
    if not steps:
        return "No operation was seen."
    told = f"{steps[0][0]} alone makes {percent_text(steps[0][1])} of all operations"
    if len(steps) > 3:
        told += f", the first three {percent_text(steps[2][1])}"
    return f"{told}."


def _steadiness(found: Study) -> str:
    """Between which values the cost of a unit of score lay."""
    costs = [10.0 * ratio for ratio in found.daily_ratio.values()]  # percent s -> share at 1,000/s
    told = "A step would be a change that the score does not see."
    low, high = percent_text(min(costs)), percent_text(max(costs))
    if len(costs) == 1 or low == high:
        return f"A score of 1,000/s cost {high} of the CPU. {told}"
    return f"A score of 1,000/s cost {low} to {high} of the CPU, day by day. {told}"


def _method(found: Study) -> list[str]:
    """What was fitted, how, and to what; all numbers of the method are in the page's JSON."""
    weights = found.weights
    known = weights.details
    lines = [f"By {weights.method}."]
    if weights.reason:
        lines.append(f"{weights.status}: {weights.reason}.")
    if "choice" in known:
        lines.append(f"Chosen: {known['choice']}.")
    for name, claim in (
        ("p_no_cost", "That operations cost nothing at all"),
        ("p_equal_costs", "That all operations cost what was believed beforehand"),
    ):
        if isinstance(known.get(name), float) and isfinite(known[name]):
            lines.append(f"{claim}: {_chance(known[name])}.")
    if "noise_percent" in known:
        lines.append(f"Noise of the CPU load around the fit: {known['noise_percent']:.3g} %.")
    if "quantile" in known:
        lines.append(f"Quantile of the rates that counts as the highest: {known['quantile']:g}.")
    if known.get("dropped"):
        lines.append(f"Too rare to be counted: {', '.join(known['dropped'])}.")
    if "rows" in known:
        lines.append(f"{known['rows']:,} intervals were fitted.")
    where = weights.provenance
    begin, end = (str(where.get(k)).replace("T", " ").split("+")[0] for k in ("from", "to"))
    lines.append(f"Telemetry from {begin} to {end}, {where.get('zone')}.")
    return lines


def _chance(p: float) -> str:
    word = "excluded by the data" if p < 0.05 else "not excluded by the data"
    return f"{word} (p {'< 0.0001' if p < 1e-4 else f'= {p:.2g}'})"
