"""The report of a one-pass evaluation: success, precision, attributes and sequences."""

from __future__ import annotations

from collections.abc import Sequence

from tracker_core.evaluation.plot_parts import Curve
from tracker_core.evaluation.plot_style import assign_styles
from tracker_core.evaluation.plots import (
    NORMALISED,
    ONE_PASS_KINDS,
    PRECISION,
    SUCCESS,
    curve_of,
    plot_attribute_grid,
    plot_curves,
    plot_radar,
)
from tracker_core.evaluation.report import Report
from tracker_core.evaluation.report_html import Measure
from tracker_core.evaluation.scoring import OnePassScore, one_pass_numbers

SUCCESS_AUC = Measure("success_auc", "Success AUC", 3)
PRECISION_20 = Measure("precision_20", "Precision 20 px", 3)
NORMALISED_20 = Measure("normalised_precision", "Norm. precision 0.2", 3)
RATE_50 = Measure("success_rate_50", "Success rate 0.5", 3)
RATE_75 = Measure("success_rate_75", "Success rate 0.75", 3)
OVERLAP = Measure("average_overlap", "Average overlap", 3)
SPEED = Measure("fps", "fps", 1)
MEASURES = (SUCCESS_AUC, PRECISION_20, NORMALISED_20, RATE_50, RATE_75, OVERLAP, SPEED)
FEWEST_FOR_RADAR = 3  # axes below which a radar shows no area


def build_one_pass_report(scores: Sequence[OnePassScore], title: str) -> Report:
    """Return the report of one or more trackers' one-pass scores, which must stem from one ground truth."""
    ranked = sorted(scores, key=lambda score: (-score.overall.success_auc, score.tracker))
    names = tuple(score.tracker for score in ranked)
    # colours follow the order in which trackers were given, not their rank: another tracker changes no colour
    styles = assign_styles(score.tracker for score in scores)
    parts = {score.tracker: score.span for score in scores if not score.is_complete}
    overall = {score.tracker: score.overall for score in scores}
    attributes = {score.tracker: score.attributes() for score in scores}
    sizes = _attribute_sizes(scores)
    curves: dict[str, dict[str, Curve]] = {}
    figures = {}
    for kind in ONE_PASS_KINDS:
        curves[kind.key] = {name: curve_of(overall[name], kind) for name in names}
        caption = f"{kind.title} plot of one-pass evaluation: {title}"
        figures[kind.key] = (
            caption,
            plot_curves(curves[kind.key], kind, f"{kind.title} – {title}", styles=styles, parts=parts),
        )
    if sizes:
        for kind in (SUCCESS, PRECISION):
            groups = {
                attribute: {n: curve_of(attributes[n][attribute], kind) for n in names if attribute in attributes[n]}
                for attribute in sizes
            }
            heading = f"{kind.title} by attribute – {title}"
            grid = plot_attribute_grid(groups, kind, heading, sizes, styles=styles, parts=parts)
            figures[f"{kind.key}_by_attribute"] = (f"{heading} (number of sequences in brackets)", grid)
    per_attribute = {
        attribute: {n: one_pass_numbers(attributes[n][attribute]) for n in names if attribute in attributes[n]}
        for attribute in sizes
    }
    if len(sizes) >= FEWEST_FOR_RADAR:
        radar = {
            attribute: {name: values["success_auc"] or 0.0 for name, values in by_tracker.items()}
            for attribute, by_tracker in per_attribute.items()
        }
        heading = f"Success AUC by attribute – {title}"
        figures["attribute_radar"] = (heading, plot_radar(radar, heading, styles=styles, order=names, parts=parts))
    tags = {part.name: part.attributes for score in scores for part in score.sequences}
    measured = {score.tracker: {part.name: part for part in score.sequences} for score in scores}
    return Report(
        title=title,
        subtitle=f"One-pass evaluation of {_count(len(scores), 'tracker')} on {_count(scores[0].total, 'sequence')}.",
        trackers=names,
        styles=styles,
        parts=parts,
        overall_measures=MEASURES,
        overall={
            score.tracker: {
                **one_pass_numbers(overall[score.tracker]),
                "sequences": score.span,
            }
            for score in scores
        },
        sequence_measures=MEASURES,
        per_sequence={
            sequence: {name: one_pass_numbers(measured[name][sequence]) for name in names if sequence in measured[name]}
            for sequence in sorted(tags, key=str.casefold)
        },
        sequence_tags=tags,
        attribute_measures=MEASURES,
        per_attribute=per_attribute,
        curves=curves,
        figures=figures,
        remarks={s.tracker: s.remarks.describe(len(s.sequences), s.total) for s in ranked},
        method=_method(scores[0]),
    )


def _attribute_sizes(scores: Sequence[OnePassScore]) -> dict[str, int]:
    """Return how many measured sequences carry each attribute, counted over all trackers' sequences together."""
    tags = {part.name: part.attributes for score in scores for part in score.sequences}
    sizes: dict[str, int] = {}
    for attributes in tags.values():
        for attribute in attributes:
            sizes[attribute] = sizes.get(attribute, 0) + 1
    return dict(sorted(sizes.items()))


def _method(score: OnePassScore) -> list[str]:
    thresholds = len(score.sequences[0].success)
    mean = "frames (as GOT-10k has it)" if score.by_frame else "sequences, each alike"
    return [
        f"Success: share of frames whose overlap is greater than a threshold, at {thresholds} thresholds from 0 to 1; "
        "its score is the mean over the thresholds (area under the curve).",
        f"{PRECISION.title}: share of frames whose centre error is at most a number of pixels; its score is at 20.",
        f"{NORMALISED.title}: the same with the error in units of the target's width and height; its score is at 0.2.",
        f"Overall numbers are means over {mean}. Frames without ground truth do not count.",
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
