//! Several publications of one channel as fewer events that say the same (row R9).
//!
//! Points of telemetry are joined, column behind column, none lost. Of a retained event only the newest is left: it says
//! all that the older ones said. Everything else stays by itself and is a border: nothing is joined across it.
//!
//! An event that stands for several says so by `firstOffset`. The events that come out follow each other without a hole, and
//! each keeps the promise that a plain one makes: whoever has seen everything up to its `offset` has missed nothing up to
//! there. That is why points are not joined across the newest state between them: the state would either claim points that
//! come later, or be claimed by points that came before it.

use super::broadcast::Broadcast;
use pulsewire_protocol::validate::MAX_METRICS;
use pulsewire_protocol::{Event, EventKind, Payload, Publication, ServerMessage, Telemetry};
use std::sync::Arc;

/// A publication on its way to the members of a room.
#[derive(Clone)]
pub struct Live {
    /// As it is stored.
    pub publication: Arc<Publication>,
    /// Its `event` message.
    pub message: Arc<Broadcast>,
}

impl Live {
    /// Its offset; absent without history.
    pub fn offset(&self) -> Option<u64> {
        self.publication.offset
    }
    /// The first offset that it covers.
    fn first_offset(&self) -> Option<u64> {
        self.publication.first_offset.or(self.publication.offset)
    }
    /// Whether it may be held back and joined with others.
    pub fn may_wait(&self) -> bool {
        self.publication.payload.kind() == Some(EventKind::Telemetry) || self.publication.payload.is_retained()
    }
}

/// A run of publications that becomes one event.
struct Segment<'a> {
    /// The newest of the run, whose time and author it takes.
    last: &'a Live,
    /// The points of all, once there is more than one.
    joined: Option<Telemetry>,
}

impl Segment<'_> {
    fn kind(&self) -> Option<EventKind> {
        self.last.publication.payload.kind()
    }
    fn points(&self) -> Option<&Telemetry> {
        match (&self.joined, &self.last.publication.payload) {
            (Some(joined), _) => Some(joined),
            (None, Payload::Telemetry(telemetry)) => Some(telemetry),
            _ => None,
        }
    }
}

/// The events that stand for these publications of a channel, which are in order. Made and encoded once for all who get them.
pub fn merge(channel: &str, items: &[Live]) -> Vec<Arc<Broadcast>> {
    if let [only] = items {
        return vec![Arc::clone(&only.message)];
    }
    let segments = segments(items);
    let mut first = items.iter().find_map(Live::first_offset);
    let events = segments.into_iter().map(|segment| {
        let publication = &*segment.last.publication;
        let covers_from = publication.offset.and(first);
        if let Some(offset) = publication.offset {
            first = Some(offset.saturating_add(1));
        }
        if segment.joined.is_none() && covers_from == segment.last.first_offset() {
            return Arc::clone(&segment.last.message);
        }
        let publication = Publication {
            first_offset: covers_from.filter(|first| Some(*first) != publication.offset),
            offset: publication.offset,
            payload: segment.joined.map_or_else(|| publication.payload.clone(), Payload::Telemetry),
            ts: publication.ts,
            from: publication.from.clone(),
        };
        let event = Event { channel: channel.to_owned(), publication };
        Arc::new(Broadcast::new(ServerMessage::Event(event)))
    });
    events.collect()
}

fn segments(items: &[Live]) -> Vec<Segment<'_>> {
    let mut segments: Vec<Segment<'_>> = Vec::new();
    // Nothing before this place is touched any more.
    let mut border = 0;
    for item in items {
        let next = Segment { last: item, joined: None };
        if !item.may_wait() {
            segments.push(next);
            border = segments.len();
            continue;
        }
        if next.points().is_none()
            && let Some(older) = segments.iter().skip(border).position(|segment| segment.kind() == next.kind())
        {
            // What it said is said again by the newer one. The runs on its two sides may be one now.
            let place = border + older;
            segments.remove(place);
            if place > border && place < segments.len() {
                let behind = segments.remove(place);
                if let Some(behind) = segments.get_mut(place - 1).and_then(|before| join(before, behind)) {
                    segments.insert(place, behind);
                }
            }
        }
        let left = match segments.get_mut(border..).and_then(<[_]>::last_mut) {
            Some(last) => join(last, next),
            None => Some(next),
        };
        segments.extend(left);
    }
    segments
}

/// Joins two runs of points; gives the second back where they do not go together.
fn join<'a>(before: &mut Segment<'a>, mut behind: Segment<'a>) -> Option<Segment<'a>> {
    let (Some(points), Some(more)) = (before.points(), behind.points()) else { return Some(behind) };
    if before.last.publication.from != behind.last.publication.from || !go_together(points, more) {
        return Some(behind);
    }
    let mut joined = before.joined.take().unwrap_or_else(|| points_of(before.last));
    match behind.joined.take() {
        Some(more) => append(&mut joined, &more),
        None => append(&mut joined, &points_of(behind.last)),
    }
    *before = Segment { last: behind.last, joined: Some(joined) };
    None
}

fn points_of(live: &Live) -> Telemetry {
    match &live.publication.payload {
        Payload::Telemetry(telemetry) => telemetry.clone(),
        // Only asked of telemetry.
        _ => Telemetry { device_id: String::new(), series: pulsewire_protocol::SeriesMap(Vec::new()) },
    }
}

/// Where the metric stands; as a rule where it stood in the publication before.
fn place(telemetry: &Telemetry, guess: usize, metric: &str) -> Option<usize> {
    let series = &telemetry.series.0;
    if series.get(guess).is_some_and(|(name, _)| name == metric) {
        return Some(guess);
    }
    series.iter().position(|(name, _)| name == metric)
}

/// Whether the points can stand in one event: one device, and no metric that changes its unit. A unit that is left out is
/// the one that was told before.
fn go_together(points: &Telemetry, more: &Telemetry) -> bool {
    let mut metrics = points.series.0.len();
    points.device_id == more.device_id
        && more.series.0.iter().enumerate().all(|(guess, (metric, series))| {
            match place(points, guess, metric).and_then(|place| points.series.0.get(place)) {
                Some((_, known)) => known.unit.is_none() || series.unit.is_none() || known.unit == series.unit,
                None => {
                    metrics += 1;
                    // No more than a publication may have.
                    metrics <= MAX_METRICS
                }
            }
        })
}

fn append(points: &mut Telemetry, more: &Telemetry) {
    for (guess, (metric, series)) in more.series.0.iter().enumerate() {
        match place(points, guess, metric).and_then(|place| points.series.0.get_mut(place)) {
            Some((_, known)) => {
                known.t.0.extend_from_slice(&series.t.0);
                known.v.0.extend_from_slice(&series.v.0);
                if series.unit.is_some() {
                    known.unit.clone_from(&series.unit);
                }
            }
            None => points.series.0.push((metric.clone(), series.clone())),
        }
    }
}
