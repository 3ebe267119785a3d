//! Merging and rates under any schedule (R9): what comes out says all that went in, at most so often.

use crate::support::*;
use crate::throttle::{CHANNEL, covered, publish, values};
use proptest::prelude::*;
use pulsewire_protocol::*;
use pulsewire_relay::hub::{Broadcast, Live, merge};
use pulsewire_relay::rate::{RATES, Rate};
use std::sync::Arc;
use tokio::time::Instant;

/// What is published in the schedules.
#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Point,
    OtherMetric,
    OtherUnit,
    Status,
    Note,
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        8 => Just(What::Point), 2 => Just(What::OtherMetric), 1 => Just(What::OtherUnit), 3 => Just(What::Status), 1 => Just(What::Note)
    ]
}

fn payload(what: What, number: u64) -> Payload {
    let column = Column(vec![number as f64]);
    let with_unit = |metric: &str, unit: Option<&str>| {
        let series = Series { t: column.clone(), v: column.clone(), unit: unit.map(str::to_owned) };
        Payload::Telemetry(Telemetry { device_id: "d1".to_owned(), series: SeriesMap(vec![(metric.to_owned(), series)]) })
    };
    match what {
        What::Point => with_unit("hr", None),
        What::OtherMetric => with_unit("spo2", Some("%")),
        What::OtherUnit => with_unit("hr", Some(if number.is_multiple_of(2) { "bpm" } else { "Hz" })),
        What::Status => status("d1", number as f64 / 1e6),
        What::Note => note(number),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Property 9, for merged events: whatever is merged, what comes out covers the same offsets without a hole, and whoever
    /// stops after any of the events has every point and every note up to there, and of the state nothing that the rest does
    /// not say again.
    #[test]
    fn property_09_merging_loses_nothing_and_every_event_keeps_its_promise(
        kinds in prop::collection::vec(what(), 1..40), start in 1_u64..1_000,
    ) {
        let items: Vec<Live> = kinds.iter().zip(start..).map(|(what, offset)| {
            let publication = Publication {
                offset: Some(offset), first_offset: None, payload: payload(*what, offset), ts: UnixMs(offset as f64), from: None,
            };
            let publication = Arc::new(publication);
            let message = Arc::new(Broadcast::of_publication(ChannelName::parse(CHANNEL).unwrap(), Arc::clone(&publication)));
            Live { publication, message }
        }).collect();
        let events: Vec<Publication> = merge(CHANNEL, &items).iter().map(|event| {
            let bytes = event.bytes(Format::Cbor).unwrap();
            match cbor::decode_server(&bytes).next().unwrap().unwrap() {
                ServerMessage::Event(event) => event.publication,
                other => panic!("{other:?}"),
            }
        }).collect();

        let mut next = start;
        let (mut points, mut notes) = (Vec::new(), Vec::new());
        for (place, event) in events.iter().enumerate() {
            let (first, offset) = covered(event);
            assert_eq!(first, next, "a hole before {event:?}");
            next = offset + 1;
            assert_eq!(event.ts, UnixMs(offset as f64), "the time is the newest's");
            points.extend(values(event));
            if let Payload::Custom { .. } = &event.payload {
                notes.push(number_of(&event.payload));
                assert_eq!(first, offset, "a note stands for itself");
            }
            // The promise of a prefix.
            let until = |wanted: &dyn Fn(What) -> bool| -> Vec<u64> {
                kinds.iter().zip(start..=offset).filter(|(what, _)| wanted(**what)).map(|(_, offset)| offset).collect()
            };
            let points_until = until(&|what| matches!(what, What::Point | What::OtherMetric | What::OtherUnit));
            let mut sorted = points.clone();
            sorted.sort_by(f64::total_cmp);
            assert_eq!(sorted, points_until.iter().map(|offset| *offset as f64).collect::<Vec<_>>());
            assert_eq!(notes, until(&|what| what == What::Note));
            if let Some(newest) = until(&|what| what == What::Status).last() {
                let told = events.iter().take(place + 1).any(|event| event.offset == Some(*newest));
                let told_again = events.iter().skip(place + 1).any(|event| event.payload.is_retained());
                assert!(told || told_again, "the state of {newest} is lost after {event:?}");
            }
        }
        assert_eq!(next, start + kinds.len() as u64);
        // Per metric in the order of publication.
        for metric in ["hr", "spo2"] {
            let told: Vec<f64> = events.iter().filter_map(|event| match &event.payload {
                Payload::Telemetry(telemetry) => telemetry.series.0.iter().find(|(name, _)| name == metric).map(|(_, series)| series.v.0.clone()),
                _ => None,
            }).flatten().collect();
            assert!(told.is_sorted(), "{metric}: {told:?}");
        }
        // No unit changes inside an event, and between two notes there is at most one status.
        let statuses = |events: &[Publication]| events.iter().filter(|event| event.payload.is_retained()).count();
        for part in events.split(|event| matches!(event.payload, Payload::Custom { .. })) {
            assert!(statuses(part) <= 1);
            if !kinds.contains(&What::OtherUnit) {
                assert!(part.len() <= 3, "points, a status, points: {part:?}");
            }
        }
    }
}

/// One thing that happens in a schedule.
#[derive(Clone, Debug)]
enum Step {
    Publish(What),
    /// The client asks for another rate (or none).
    Rate(usize, Option<u32>),
    /// The client unsubscribes, or subscribes again from where it stands.
    Toggle(usize),
}

fn rate() -> impl Strategy<Value = Option<u32>> {
    prop::option::weighted(0.8, prop::sample::select(RATES.map(u32::from).to_vec()))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => what().prop_map(Step::Publish),
        1 => (0_usize..3, rate()).prop_map(|(client, rate)| Step::Rate(client, rate)),
        1 => (0_usize..3).prop_map(Step::Toggle),
    ]
}

/// A client that keeps its place and notes what it was told when.
struct Reader {
    client: Client,
    rate: Option<u32>,
    subscribed: bool,
    position: Position,
    values: Vec<f64>,
    notes: Vec<u64>,
    status: Option<f64>,
    /// When something came that may wait, since the last subscribe, unsubscribe or note.
    told_ms: Vec<u64>,
}

impl Reader {
    async fn ask(&mut self) {
        let id = self.client.id();
        let recover = Some(self.position.clone());
        let subscribe = Subscribe { id, channel: CHANNEL.to_owned(), recover, history: None, max_hz: self.rate };
        self.client.send(&ClientMessage::Subscribe(subscribe)).await;
        self.subscribed = true;
        self.told_ms.clear();
    }

    fn apply(&mut self, publication: &Publication) {
        let (first, offset) = covered(publication);
        assert_eq!(first, self.position.offset + 1, "no hole and no overlap: {publication:?}");
        self.position.offset = offset;
        self.values.extend(values(publication));
        match &publication.payload {
            Payload::Custom { .. } => self.notes.push(number_of(&publication.payload)),
            Payload::DeviceStatus(status) => self.status = status.battery,
            _ => {}
        }
    }

    /// Takes what came; `now_ms` is when.
    fn take(&mut self, now_ms: u64) {
        for message in self.client.arrived() {
            match message {
                ServerMessage::Event(Event { channel, publication }) if channel == CHANNEL => {
                    assert!(self.subscribed || publication.offset.is_some());
                    self.apply(&publication);
                    if publication.payload.kind().is_none() {
                        // A note is told at once and takes what waited along: the rate begins anew.
                        assert_eq!(self.notes.last(), Some(&publication.offset.unwrap()));
                        assert!(now_ms <= publication.ts.as_millis() - START_MS + 1, "a note waited");
                        self.told_ms.clear();
                    } else if self.told_ms.last() != Some(&now_ms) {
                        self.told_ms.push(now_ms);
                    }
                }
                ServerMessage::Subscribed(answer) => {
                    assert!(answer.recovered, "the history reaches back");
                    // What came between the question and the answer stands in both.
                    let seen = self.position.offset;
                    for publication in answer.publications.iter().filter(|publication| publication.offset > Some(seen)) {
                        self.apply(publication);
                    }
                    assert_eq!((answer.epoch, answer.offset), (self.position.epoch.clone(), self.position.offset));
                    self.told_ms.clear();
                }
                ServerMessage::Unsubscribed(_) => self.told_ms.clear(),
                _ => {}
            }
        }
        self.check_rate();
    }

    /// Property: in no second more bursts than the rate, one more for the first.
    fn check_rate(&self) {
        let Some(rate) = self.rate.map(Rate::at_most) else { return };
        for pair in self.told_ms.windows(2) {
            assert!(pair[1] - pair[0] >= rate.period_ms(), "{} ms at {} Hz: {:?}", pair[1] - pair[0], rate.hz(), self.told_ms);
        }
    }
}

/// A millisecond passes: what was sent before it has come.
async fn tick(readers: &mut [Reader], began: Instant) {
    settle().await;
    let now_ms = began.elapsed().as_millis() as u64 - 1;
    readers.iter_mut().for_each(|reader| reader.take(now_ms));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// For any schedule of publications, rates, changes of rate, leaving and coming back: every client ends with every point
    /// once and in order, every note at once, the newest status, offsets without a hole; and is told no oftener than it asked.
    #[test]
    fn property_09_any_schedule_at_any_rate_loses_nothing_and_keeps_the_rate(
        rates in prop::array::uniform3(rate()),
        throttle in prop::option::weighted(0.3, prop::sample::select(RATES.map(u32::from).to_vec())),
        steps in prop::collection::vec((prop_oneof![4 => 0_u64..40, 1 => 0_u64..1_500], step()), 1..60),
    ) {
        under_virtual_time(async {
            let mut config = config();
            config.throttle.extend(throttle.map(|hz| ("device".to_owned(), hz)));
            config.limits.messages_per_second = 1_000;
            let relay = relay_with(config);
            let began = Instant::now();
            let mut readers = Vec::new();
            for (number, rate) in rates.into_iter().enumerate() {
                let wanted = SubscribeEntry { max_hz: rate, ..SubscribeEntry::new(CHANNEL) };
                let (client, welcome) = Client::connect_entries(&relay, &token(&format!("u{number}")), vec![wanted]).await;
                let answer = entry(&welcome, CHANNEL);
                let position = Position { epoch: answer.epoch.clone(), offset: answer.offset };
                readers.push(Reader {
                    client, rate, subscribed: true, position,
                    values: Vec::new(), notes: Vec::new(), status: None, told_ms: Vec::new(),
                });
            }
            let (mut points, mut notes, mut newest) = (Vec::new(), Vec::new(), None);
            let mut number = 0;
            let last = (2_500, Step::Publish(What::Note));
            for (delay_ms, step) in steps.into_iter().chain([last]) {
                for _ in 0..delay_ms {
                    tick(&mut readers, began).await;
                }
                match step {
                    Step::Publish(what) => {
                        number += 1;
                        publish(&relay, payload(what, number)).await;
                        match what {
                            What::Note => notes.push(number),
                            What::Status => newest = Some(number as f64 / 1e6),
                            _ => points.push(number as f64),
                        }
                    }
                    Step::Rate(client, rate) => {
                        let reader = &mut readers[client];
                        // The lower of both counts, and the check must know it.
                        reader.rate = rate;
                        if reader.subscribed {
                            reader.ask().await;
                        }
                    }
                    Step::Toggle(client) => {
                        let reader = &mut readers[client];
                        if reader.subscribed {
                            let id = reader.client.id();
                            reader.client.send(&ClientMessage::Unsubscribe(Unsubscribe { id, channel: CHANNEL.to_owned() })).await;
                            // What was held for it comes before the answer: wait for it, so that the place is known.
                            tick(&mut readers, began).await;
                            readers[client].subscribed = false;
                        } else {
                            tick(&mut readers, began).await;
                            readers[client].ask().await;
                        }
                    }
                }
            }
            tick(&mut readers, began).await;
            for reader in readers.iter_mut().filter(|reader| !reader.subscribed) {
                reader.ask().await;
            }
            tick(&mut readers, began).await;
            for reader in &mut readers {
                // Points of different metrics may change places inside an event.
                reader.values.sort_by(f64::total_cmp);
                assert_eq!(reader.values, points);
                assert_eq!(reader.notes, notes);
                assert_eq!(reader.status, newest);
                assert_eq!(reader.position.offset, number);
            }
        });
    }
}
