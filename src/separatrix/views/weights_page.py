"""The page on weights: what operations cost, how well that is known, and what the data were."""

from __future__ import annotations

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
            section("Weights", table("", weight_rows(weights), WEIGHT_HEADER)),
            section(
                "Agreement",
                table(title, agreement_rows(found.agreements), AGREEMENT_HEADER)
                if found.agreements
                else listed(title, [found.unjudged]),
            ),
            section("Why", figures(_figures(found))),
            section("Operations", table("", summary_rows(summary), SUMMARY_HEADER)),
            section("Method", listed("", _method(found))),
            section(
                "Data",
                listed("Quality", [line.strip() for line in str(summary.quality).splitlines()]),
                folded(_files(len(summary.sources)), listed("", summary.sources)),
            ),
        ],
        command=command,
        embedded=("separatrix-weights", {"schema": "separatrix.weights/1", **found.to_dict()}),
    )


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _tiles(found: Study) -> list[Tile]:
    """The dearest operation, the busiest, and how far the score explains the load."""
    tiles: list[Tile] = []
    rows = weight_rows(found.weights)
    if rows and found.weights.status == "ok":
        operation, weight, interval, *_ = rows[0]
        remark = f"95 % interval {interval}" if interval else found.weights.method
        tiles.append(("Dearest operation", operation, f"weight {weight}, {remark}"))
    largest = found.summary.cumulative()[:1]
    if largest:
        share = f"{100 * largest[0][1]:.3g} % of all operations"
        tiles.append(("Most frequent", largest[0][0], share))
    if found.agreements:
        row = agreement_rows(found.agreements)[0]
        value = "unknown" if row[1] == "-" else f"R² {row[1]}"
        tiles.append(("CPU load explained", value, "held out: where it was not fitted"))
    return tiles


def _figures(found: Study) -> list[str]:
    from separatrix.views import figures_weights as pictures
    from separatrix.views.figures_canvas import inline_svg

    largest = found.summary.cumulative()[:1]
    share = f"{largest[0][0]} alone makes {100 * largest[0][1]:.3g} %" if largest else "none seen"
    drawn = [
        (
            "What each operation costs",
            pictures.weights_by_method(found.methods),
            "Weight by method; bars are 95 % intervals where the method has them.",
        ),
        (
            "How often at which rate",
            pictures.rate_histogram(found.summary),
            "How many intervals saw each operation at which rate.",
        ),
        (
            "Which operations there are most of",
            pictures.cumulative_share(found.summary),
            f"Of all operations {share}.",
        ),
    ]
    if len(found.dots[0]):
        drawn += [
            (
                "Does the score explain the load",
                pictures.score_against_load(found),
                "Each dot is an interval: the tighter the cloud, the better the score.",
            ),
            (
                "Score and load over time",
                pictures.score_over_time(found),
                "Where the two part, something else than metadata operations loads the server.",
            ),
        ]
    if found.daily_ratio:
        drawn.append(
            (
                "Does the cost stay the same",
                pictures.daily_ratio(found),
                "CPU load over load score by day: a step is a change that the score does not see.",
            )
        )
    return [figure(inline_svg(picture, title), finding, title) for title, picture, finding in drawn]


def _method(found: Study) -> list[str]:
    weights = found.weights
    lines = [f"method {weights.method}, status {weights.status}"]
    if weights.reason:
        lines.append(weights.reason)
    lines += [
        f"{name.replace('_', ' ')}: {value if isinstance(value, str) else f'{value:.4g}'}"
        for name, value in weights.details.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    ]
    where = weights.provenance
    lines.append(f"telemetry from {where.get('from')} to {where.get('to')} ({where.get('zone')})")
    return lines
