"""The page on weights: what operations cost, how well that is known, and what the data were."""

from __future__ import annotations

from separatrix.views.page import figure, listed, page, table
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
    return page(
        name=f"Metadata costs of {summary.fs or 'the file system'}",
        word="weights found" if good else weights.status,
        mark="good" if good else "unknown",
        sentence=found.sentence,
        body=[
            table("Weights", weight_rows(weights), WEIGHT_HEADER),
            table("Agreement with the CPU load", agreement_rows(found.agreements), AGREEMENT_HEADER)
            if found.agreements
            else listed("Agreement with the CPU load", [found.unjudged]),
            *_figures(found),
            table("Operations", summary_rows(summary), SUMMARY_HEADER),
            listed("How they were found", _method(found)),
            listed("Data quality", [line.strip() for line in str(summary.quality).splitlines()]),
            listed("Files", summary.sources),
        ],
        command=command,
        embedded=("separatrix-weights", found.to_dict()),
    )


def _figures(found: Study) -> list[str]:
    from separatrix.views import figures_weights as pictures
    from separatrix.views.figures_canvas import inline_svg

    largest = found.summary.cumulative()[:1]
    drawn = [
        (
            pictures.weights_by_method(found.methods),
            "Weight by method, with 95 % intervals where the method has them.",
        ),
        (
            pictures.rate_histogram(found.summary),
            "Rates: how many intervals saw each operation at which rate.",
        ),
        (
            pictures.cumulative_share(found.summary),
            f"Shares: {largest[0][0]} alone makes {100 * largest[0][1]:.3g} % of all operations."
            if largest
            else "Shares.",
        ),
    ]
    if len(found.dots[0]):
        drawn += [
            (pictures.score_against_load(found), "Load score against CPU load, by interval."),
            (pictures.score_over_time(found), "Load score and CPU load over time."),
        ]
    if found.daily_ratio:
        drawn.append(
            (
                pictures.daily_ratio(found),
                "CPU load over load score by day: a step is a change that the score does not see.",
            )
        )
    return [figure(inline_svg(drawing, caption), caption) for drawing, caption in drawn]


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
