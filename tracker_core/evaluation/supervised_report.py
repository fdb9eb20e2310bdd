"""The report of a supervised (VOT) evaluation: the table, accuracy and robustness, expected overlap, attributes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tracker_core.evaluation.plot_parts import Curve
from tracker_core.evaluation.plot_style import assign_styles
from tracker_core.evaluation.plots import plot_radar
from tracker_core.evaluation.report import Report
from tracker_core.evaluation.report_html import Measure
from tracker_core.evaluation.scoring import SupervisedScore
from tracker_core.evaluation.supervised_plots import plot_accuracy_robustness, plot_expected_overlap, plot_ranking

EAO = Measure("eao", "EAO", 3)
ACCURACY = Measure("accuracy", "Accuracy", 3)
ROBUSTNESS = Measure("robustness", "Robustness", 3, higher_is_better=False)
FAILURES = Measure("failures", "Failures", 0, higher_is_better=False)
SPEED = Measure("fps", "fps", 1)
SENSITIVITY = 30  # frames; what the VOT toolkit plots reliability for
ATTRIBUTE_NAMES = {
    "camera_motion": "Camera motion",
    "illum_change": "Illumination change",
    "motion_change": "Motion change",
    "size_change": "Size change",
    "occlusion": "Occlusion",
    "empty": "Unassigned",
}


def build_supervised_report(scores: Sequence[SupervisedScore], title: str) -> Report:
    """Return the report of one or more trackers' supervised scores, which must stem from one ground truth."""
    data = {score.tracker: score.to_json() for score in scores}
    eao = {name: _known(values["eao"]) for name, values in data.items()}
    names = tuple(sorted(eao, key=lambda name: (-eao[name] if math.isfinite(eao[name]) else math.inf, name)))
    styles = assign_styles(score.tracker for score in scores)
    parts = {score.tracker: score.span for score in scores if not score.is_complete}
    interval = scores[0].interval
    curves = {score.tracker: _overlap_curve(score, eao[score.tracker]) for score in scores}
    points = {
        name: (math.exp(-SENSITIVITY * _known(values["robustness"]) / 100), _known(values["accuracy"]))
        for name, values in data.items()
    }
    headings = {
        "accuracy_robustness": f"Accuracy and robustness – {title}",
        "expected_overlap": f"Expected overlap – {title}",
        "eao_ranking": f"Expected average overlap – {title}",
        "attribute_radar": f"EAO by attribute – {title}",
    }
    figures = {
        "accuracy_robustness": plot_accuracy_robustness(
            points, eao, SENSITIVITY, headings["accuracy_robustness"], styles=styles, parts=parts
        ),
        "expected_overlap": plot_expected_overlap(
            curves, interval, headings["expected_overlap"], styles=styles, parts=parts
        ),
        "eao_ranking": plot_ranking(
            eao, "Expected average overlap", headings["eao_ranking"], styles=styles, parts=parts
        ),
    }
    attributes = sorted({attribute for values in data.values() for attribute in values["attributes"]})
    per_attribute = {
        _attribute_name(attribute): {
            name: data[name]["attributes"][attribute] for name in names if attribute in data[name]["attributes"]
        }
        for attribute in attributes
    }
    if len(attributes) > 2:
        radar = {
            attribute: {name: _known(values["eao"]) for name, values in by_tracker.items()}
            for attribute, by_tracker in per_attribute.items()
        }
        figures["attribute_radar"] = plot_radar(
            radar, headings["attribute_radar"], order=names, styles=styles, parts=parts
        )
    sequences = sorted({part.name for score in scores for part in score.sequences}, key=str.casefold)
    return Report(
        title=title,
        subtitle=(
            f"Supervised evaluation of {len(scores)} {'tracker' if len(scores) == 1 else 'trackers'} on "
            f"{scores[0].total} {'sequence' if scores[0].total == 1 else 'sequences'}."
        ),
        trackers=names,
        styles=styles,
        parts=parts,
        overall_measures=(EAO, ACCURACY, ROBUSTNESS, FAILURES, SPEED),
        overall={score.tracker: {**data[score.tracker], "sequences": score.span} for score in scores},
        sequence_measures=(ACCURACY, FAILURES, ROBUSTNESS, SPEED),
        per_sequence={
            sequence: {
                name: data[name]["per_sequence"][sequence] for name in names if sequence in data[name]["per_sequence"]
            }
            for sequence in sequences
        },
        sequence_tags={
            part.name: tuple(
                _attribute_name(tag) for tag, flags in sorted(part.frame_attributes.items()) if flags.any()
            )
            for score in scores
            for part in score.sequences
        },
        attribute_measures=(EAO, ACCURACY, ROBUSTNESS, FAILURES),
        per_attribute=per_attribute,
        curves={"expected_overlap": curves},
        figures={name: (headings[name], figure) for name, figure in figures.items()},
        remarks={s.tracker: s.remarks.describe(len(s.sequences), s.total) for s in scores},
        method=(
            "A tracker is started again five frames after each failure (no overlap with the ground truth).",
            "Accuracy: mean overlap inside the image, without the ten frames after each start.",
            "Robustness: failures per hundred frames; smaller is better.",
            f"Expected average overlap (EAO): mean expected overlap over lengths {interval[0]} to {interval[1]}.",
            f"Reliability: exp(−{SENSITIVITY} × failures per frame), the chance to follow for {SENSITIVITY} frames.",
        ),
    )


def _overlap_curve(score: SupervisedScore, eao: float) -> Curve:
    values = score.curve()
    return Curve(np.arange(1.0, len(values) + 1), values, eao)


def _attribute_name(tag: str) -> str:
    return ATTRIBUTE_NAMES.get(tag, tag.replace("_", " ").capitalize())


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)
