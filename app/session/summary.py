"""A session as plain values for the window's widgets."""

from __future__ import annotations

from app.session.frame_view import SessionSummary, SourceSummary, TargetSummary
from app.session.session import Session
from app.session.spans import mark_spans, way_spans
from tracker_core.rendering.recording import RecordedSource
from tracker_core.sources.addresses import hide_credentials


def summarise(session: Session) -> SessionSummary:
    """Return what is open and what was found so far."""
    targets = tuple(
        TargetSummary(
            target.number,
            tuple(sorted(target.key_frames)),
            target.start_index,
            max(target.results, default=None),
            len(target.results),
            bool(target.ghost),
            target.record.name,
            target.record.color,
            mark_spans(target),
            way_spans(target),
        )
        for target in session.targets.values()
    )
    choice = session.trackers.choice
    tracker = title = choice.name or ""
    device = choice.device
    if session.trackers.is_built:
        producer = session.trackers.producer
        tracker, title, device = producer.tracker, producer.title, producer.device
    history, runs = session.runs.history, session.run_table.summarise(session.runs, session.truth)
    return SessionSummary(
        summarise_source(session), targets, tracker, choice.weights or "", device, session.run.next_number,
        history.undo_text, history.redo_text, runs, session.runs.length_scale, title,
    )  # fmt: skip


def summarise_source(session: Session) -> SourceSummary | None:
    """Return what is open, with the box to start from where the ground truth has one; None if nothing is."""
    source = session.source
    if source is None:
        return None
    offered, offered_index = None, 0
    sequence = session.truth.sequence
    if sequence is not None:
        for index in range(len(sequence.boxes_xywh)):
            truth = session.truth.box(index)
            if truth is not None:
                x, y, w, h = (float(value) for value in truth)
                offered, offered_index = (x, y, w, h), index
                break
    return SourceSummary(
        session.serial,
        hide_credentials(session.spec),
        source.name,
        source.size,
        source.fps,
        source.frame_count,
        source.is_live,
        source.is_seekable,
        sequence is not None,
        offered,
        offered_index,
        tuple(getattr(source, "warnings", ())),
        isinstance(source, RecordedSource) and source.recording is not None,
    )
