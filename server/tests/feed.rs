//! Replay and simulator: what they publish, at which times, whatever steps they are asked in.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use proptest::prelude::*;
use pulsewire_protocol::{ChannelName, DeviceState, EventKind, Payload, SessionPhase};
use pulsewire_relay::feed::{Feed, FeedEvent, Recording, Replay, STEP_MS, Ward};
use std::collections::{BTreeMap, BTreeSet};

const START: f64 = 1_700_000_000_000.0;
const WARD_RECORDING: &str =
    "t,device,metric,value\n0,bed-1,ecg,-0.245\n0,bed-2,ppg,530\n2.8,bed-1,ecg,0.1\n5.6,bed-1,ecg,0.2\n10,bed-2,ppg,531\n";

fn read(text: &str) -> Result<Recording, String> {
    Recording::read("R.csv", text.as_bytes()).map_err(|error| error.to_string())
}

/// All points by device and metric, in the order they were published.
fn points(events: &[FeedEvent]) -> BTreeMap<(String, String), Vec<(f64, f64)>> {
    let mut all: BTreeMap<_, Vec<(f64, f64)>> = BTreeMap::new();
    for event in events {
        if let Payload::Telemetry(telemetry) = &event.payload {
            for (metric, series) in &telemetry.series.0 {
                assert_eq!(series.t.0.len(), series.v.0.len());
                let track = all.entry((telemetry.device_id.clone(), metric.clone())).or_default();
                track.extend(series.t.0.iter().copied().zip(series.v.0.iter().copied()));
            }
        }
    }
    all
}

/// Asks the feed at each of these times.
fn run(feed: &mut dyn Feed, times: impl IntoIterator<Item = f64>) -> Vec<FeedEvent> {
    times.into_iter().flat_map(|now_ms| feed.advance(now_ms)).collect()
}

fn steps(for_ms: u64) -> impl Iterator<Item = f64> {
    (0..=for_ms / STEP_MS).map(|step| START + (step * STEP_MS) as f64)
}

/// What the relay would refuse.
fn assert_valid(events: &[FeedEvent]) {
    for event in events {
        let channel = ChannelName::parse(&event.channel).unwrap();
        event.payload.validate(&channel).unwrap_or_else(|error| panic!("{}: {error}", event.channel));
    }
}

#[test]
fn a_mistake_in_a_recording_names_line_column_and_mend() {
    let cases = [
        ("", "R.csv: holds no samples"),
        ("t,device,metric,value\n", "R.csv: holds no samples (below the header, one line for each sample)"),
        (
            "time,device,metric,value\n",
            "R.csv:1: \"time,device,metric,value\" is no header of a recording (the first line must be t,device,metric,value",
        ),
        ("t;device;metric;value\n", "R.csv:1: the columns are separated by semicolons (save it with commas)"),
        ("t,device\n", "R.csv:1: \"t,device\" is no header"),
        ("t,device,ecg,ecg\n", "R.csv:1: column ecg: stands twice in the header"),
        ("t,device,he art\n", "R.csv:1: column he art: \"he art\" is no name of a metric (1 to 64 of A-Z a-z 0-9 . _ -)"),
        (
            "t,device,metric,value\n0,bed-1,ecg,x\n",
            "R.csv:2: column value: \"x\" is no number (write numbers like 72 or -0.245, with a point)",
        ),
        ("t,device,metric,value\n0,bed-1,ecg,1\n1,bed-1,ecg,NaN\n", "R.csv:3: column value: \"NaN\" is no number"),
        ("t,device,metric,value\n0,bed-1,ecg,\"0,5\"\n", "R.csv:2: column value: \"0,5\" is no number"),
        ("t,device,metric,value\n-5,bed-1,ecg,1\n", "R.csv:2: column t: -5 is negative"),
        ("t,device,metric,value\n0,bed 1,ecg,1\n", "R.csv:2: column device: \"bed 1\" is no device id"),
        ("t,device,metric,value\n0,bed-1,,1\n", "R.csv:2: column metric: \"\" is no name of a metric"),
        ("t,device,metric,value\n0,bed-1,1\n", "R.csv:2: holds 3 columns, the header 4"),
        ("t,device,ecg,ppg\n0,bed-1,1,2\n5,bed-1,,y\n", "R.csv:3: column ppg: \"y\" is no number"),
    ];
    for (text, expected) in cases {
        let said = read(text).expect_err(text);
        assert!(said.contains(expected), "for\n{text}\nexpected\n{expected}\nbut it says\n{said}");
    }
    let said = Recording::read("R.csv", &b"t,device,metric,value\n0,bed-\xff,ecg,1\n"[..]).unwrap_err().to_string();
    assert!(said.starts_with("R.csv:2: is no UTF-8 text"), "{said}");
    let said = Recording::open("/nowhere/R.csv".as_ref()).unwrap_err().to_string();
    assert!(said.starts_with("/nowhere/R.csv: cannot be opened"), "{said}");
}

#[test]
fn wide_and_long_files_say_the_same() {
    let wide = read("\u{feff}t,device,ecg,heart_rate\n0,bed-1,1,60\n4,bed-1,2,\n8,bed-1,3,61\n").unwrap();
    let long =
        read("t,device,metric,value\n8,bed-1,heart_rate,61\n0,bed-1,ecg,1\n4,bed-1,ecg,2\n8,bed-1,ecg,3\n0,bed-1,heart_rate,60\n").unwrap();
    assert_eq!(wide, long);
    assert_eq!((wide.devices(), wide.samples()), (vec!["bed-1".to_owned()], 5));
}

#[test]
fn the_seam_of_the_loop_looks_like_any_other_step() {
    let recording = read("t,device,metric,value\n100,bed-1,ecg,1\n200,bed-1,ecg,2\n300,bed-1,ecg,3\n").unwrap();
    assert_eq!(recording.period_ms(), 300.0);
    let mut replay = Replay::new(recording, 1.0, START);
    let events = run(&mut replay, steps(1_000));
    let track = &points(&events)[&("bed-1".to_owned(), "ecg".to_owned())];
    let expected: Vec<(f64, f64)> = (0..10).map(|i| (START + f64::from(i) * 100.0, f64::from(i % 3 + 1))).collect();
    assert_eq!(track, &expected);
}

#[test]
fn a_device_of_a_recording_is_online_with_a_battery_and_known_units() {
    let mut replay = Replay::new(read(WARD_RECORDING).unwrap(), 1.0, START);
    let events = run(&mut replay, steps(500));
    assert_valid(&events);
    let online: Vec<&str> = events
        .iter()
        .filter(|event| matches!(&event.payload, Payload::DeviceStatus(s) if s.status == DeviceState::Online && s.battery == Some(1.0)))
        .map(|event| event.channel.as_str())
        .collect();
    assert_eq!(online, ["device:bed-1", "device:bed-2"]);
    let unit = events.iter().find_map(|event| match &event.payload {
        Payload::Telemetry(t) if t.device_id == "bed-1" => t.series.0[0].1.unit.clone(),
        _ => None,
    });
    assert_eq!(unit.as_deref(), Some("mV"));
}

#[test]
fn twice_the_speed_plays_twice_as_much() {
    let count = |speed| {
        let mut replay = Replay::new(read("t,device,metric,value\n0,bed-1,ecg,1\n10,bed-1,ecg,2\n").unwrap(), speed, START);
        points(&run(&mut replay, steps(8_000))).values().map(Vec::len).sum::<usize>()
    };
    let (once, twice) = (count(1.0), count(2.0));
    assert!(twice.abs_diff(2 * once) <= 4, "{once} and {twice}");
}

#[test]
fn after_a_long_sleep_a_feed_leaves_a_gap_and_no_flood() {
    let mut replay = Replay::new(read(WARD_RECORDING).unwrap(), 1.0, START);
    let mut ward = Ward::new(1, 2, START);
    for feed in [&mut replay as &mut dyn Feed, &mut ward] {
        let before = points(&run(feed, steps(2_000))).values().map(Vec::len).sum::<usize>();
        let after = points(&feed.advance(START + 3_600_000.0)).values().map(Vec::len).sum::<usize>();
        assert!(after <= before + 10, "an hour's sleep gives {after} samples, two seconds gave {before}");
    }
}

#[test]
fn a_recording_at_360_hz_plays_at_360_hz() {
    let mut text = String::from("t,device,metric,value\n");
    for index in 0..8_640 {
        // One digit behind the point, as recorders write it.
        text.push_str(&format!("{:.1},bed-1,ecg,{index}\n", f64::from(index) * 1_000.0 / 360.0));
    }
    let tracks = points(&run(&mut Replay::new(read(&text).unwrap(), 1.0, START), steps(60_000)));
    let ecg = &tracks[&("bed-1".to_owned(), "ecg".to_owned())];
    assert!(ecg.len().abs_diff(21_600) < 40, "a minute at 360 Hz is 21,600 samples, this is {}", ecg.len());
    let widest = ecg.windows(2).map(|pair| pair[1].0 - pair[0].0).fold(0.0, f64::max);
    assert!(widest < 3.0, "no hole over the seam: {widest} ms");
}

#[test]
fn the_ward_tells_only_what_the_relay_accepts_and_a_bit_of_everything() {
    let mut ward = Ward::new(7, 5, START);
    let events = run(&mut ward, steps(600_000));
    assert_valid(&events);
    let mut kinds = BTreeSet::new();
    let (mut severities, mut states, mut phases, mut patients) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for event in &events {
        kinds.insert(event.payload.kind().unwrap());
        match &event.payload {
            Payload::Alert(alert) => {
                assert_eq!(event.channel, format!("patient:{}", alert.patient_id));
                severities.insert(alert.severity);
                patients.insert(alert.patient_name.clone());
            }
            Payload::DeviceStatus(status) => {
                assert!(status.device_id != "bed-1" || status.status == DeviceState::Online, "a visitor looks at bed-1 first");
                states.insert(status.status);
            }
            Payload::UsageSession(session) => {
                phases.insert(session.phase);
            }
            _ => {}
        }
    }
    assert_eq!(kinds, BTreeSet::from([EventKind::DeviceStatus, EventKind::Telemetry, EventKind::Alert, EventKind::UsageSession]));
    assert_eq!(severities.len(), 4, "all severities within ten minutes: {severities:?}");
    assert_eq!(states.len(), 3, "{states:?}");
    assert_eq!(phases, BTreeSet::from([SessionPhase::End]), "the days before; today's sessions are the relay's to find");
    assert!(patients.contains("Maria Oliveira") || patients.contains("John Carter"), "{patients:?}");
}

#[test]
fn a_device_says_once_a_second_whether_it_is_worn_and_what_was_before_is_told_once() {
    let events = run(&mut Ward::new(7, 3, START), steps(600_000));
    let worn = &points(&events)[&("bed-1".to_owned(), "inUse".to_owned())];
    assert!(worn.len() >= 599, "bed-1 is always online: {} points in ten minutes", worn.len());
    assert!(worn.windows(2).all(|pair| pair[1].0 - pair[0].0 == 1_000.0));
    assert_eq!(worn[0].1, 1.0, "a visitor looks at bed-1 first, and sees it in use");
    assert!(worn.iter().any(|(_, worn)| *worn == 0.0) && worn.iter().all(|(_, worn)| [0.0, 1.0].contains(worn)));
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.payload {
            Payload::UsageSession(session) if session.device_id == "bed-1" => Some(session),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 8, "a week, and today until it began");
    assert!(told.windows(2).all(|pair| pair[0].started_at.0 + 86_400_000.0 == pair[1].started_at.0), "one a day, the oldest first");
    assert!(told.iter().all(|session| session.ended_at.unwrap().0 < START && session.compliance.unwrap() > 0.0));
}

#[test]
fn a_ward_that_begins_with_the_day_has_no_session_of_today_behind_it() {
    let midnight = START - START % 86_400_000.0;
    for (began_ms, expected) in [(midnight + 30_000.0, 7), (midnight + 600_000.0, 8)] {
        let events = Ward::new(7, 1, began_ms).advance(began_ms);
        let ends: Vec<f64> = events
            .iter()
            .filter_map(|event| match &event.payload {
                Payload::UsageSession(session) => session.ended_at.map(|at| at.0),
                _ => None,
            })
            .collect();
        assert_eq!(ends.len(), expected);
        assert!(ends.iter().all(|ended_ms| *ended_ms <= began_ms - 60_000.0), "{ends:?}");
    }
}

#[test]
fn an_alert_names_a_value_that_is_beyond_the_limit_it_names() {
    let mut ward = Ward::new(3, 4, START);
    let events = run(&mut ward, steps(500_000));
    let mut newest: BTreeMap<(String, &str), f64> = BTreeMap::new();
    let mut checked = BTreeSet::new();
    for event in &events {
        match &event.payload {
            Payload::Telemetry(telemetry) => {
                for metric in ["heart_rate", "spo2", "resp_rate"] {
                    if let Some((_, series)) = telemetry.series.0.iter().find(|(name, _)| name == metric) {
                        newest.insert((telemetry.device_id.clone(), metric), *series.v.0.last().unwrap());
                    }
                }
            }
            Payload::Alert(alert) => {
                let Some(metadata) = &alert.metadata else { continue };
                let metadata: serde_json::Value = serde_json::from_str(metadata.as_str()).unwrap();
                let (value, limit) = (metadata["value"].as_f64().unwrap(), metadata["limit"].as_f64().unwrap());
                let above = alert.message.contains(" above ");
                assert!(if above { value > limit } else { value < limit }, "{}", alert.message);
                let metric = if alert.alert_type.starts_with("heart") {
                    "heart_rate"
                } else if alert.alert_type.starts_with("spo2") {
                    "spo2"
                } else {
                    "resp_rate"
                };
                // The alert is decided with the second's vital signs, which travel in the same step.
                let shown = newest[&(alert.device_id.clone().unwrap(), metric)];
                assert!((shown - value).abs() <= 6.0, "{} while the page shows {shown}", alert.message);
                checked.insert(alert.alert_type.clone());
            }
            _ => {}
        }
    }
    assert!(checked.len() >= 3, "{checked:?}");
}

#[test]
fn the_simulated_ecg_has_one_peak_for_each_beat() {
    let mut ward = Ward::new(1, 1, START);
    let tracks = points(&run(&mut ward, steps(60_000)));
    let ecg = &tracks[&("bed-1".to_owned(), "ecg".to_owned())];
    assert!((14_990..=15_010).contains(&ecg.len()), "250 Hz for a minute: {}", ecg.len());
    let peaks = ecg.windows(2).filter(|pair| pair[0].1 < 0.6 && pair[1].1 >= 0.6).count() as f64;
    let rates = &tracks[&("bed-1".to_owned(), "heart_rate".to_owned())];
    let mean = rates.iter().map(|(_, rate)| rate).sum::<f64>() / rates.len() as f64;
    assert!((peaks - mean).abs() < 6.0, "{peaks} peaks in a minute at {mean} beats a minute");
    assert!(ecg.iter().all(|(_, v)| (-1.0..2.0).contains(v)));
}

#[test]
fn a_recorded_bed_is_not_simulated_too() {
    let ward = Ward::new(1, 4, START).without(&["bed-1".to_owned(), "bed-2".to_owned()]);
    assert_eq!(ward.devices(), ["bed-3", "bed-4"]);
}

/// Times that rise by up to 500 ms: a busy machine's idea of 80 ms.
fn uneven_steps() -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(0_u32..500, 1..60).prop_map(|waits| {
        let mut now = START;
        waits
            .into_iter()
            .map(|wait| {
                now += f64::from(wait);
                now
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Recording::read("R.csv", &bytes[..]);
    }

    #[test]
    fn no_lines_below_a_good_header_make_it_panic_and_what_it_reads_can_be_published(
        wide in any::<bool>(),
        lines in proptest::collection::vec("(0|5|-1|1e3|1e308|nan|x|), ?(bed-1|b d|),(ecg|1|),(1|-2.5|1e400||\")", 0..20),
        speed in 0.01_f64..1000.0,
    ) {
        let header = if wide { "t,device,ecg,ppg" } else { "t,device,metric,value" };
        if let Ok(recording) = Recording::read("R.csv", format!("{header}\n{}", lines.join("\n")).as_bytes()) {
            let mut replay = Replay::new(recording, speed, START);
            assert_valid(&run(&mut replay, steps(1_000)));
        }
    }

    #[test]
    fn every_sample_of_a_recording_is_played_once_in_order_whatever_the_steps(
        gaps in proptest::collection::vec(1_u32..60, 1..60),
        times in uneven_steps(),
        speed in prop_oneof![Just(1.0), Just(0.5), Just(3.0)],
    ) {
        let mut t = 0;
        let mut text = String::from("t,device,metric,value\n");
        for (index, gap) in gaps.iter().enumerate() {
            text.push_str(&format!("{t},bed-1,ecg,{index}\n"));
            t += gap;
        }
        let recording = read(&text).unwrap();
        let samples = recording.samples();
        let track = points(&run(&mut Replay::new(recording, speed, START), times)).into_values().next().unwrap_or_default();
        for (index, (_, value)) in track.iter().enumerate() {
            prop_assert_eq!(*value, (index % samples) as f64, "sample {} is out of order, missing or doubled", index);
        }
        for pair in track.windows(2) {
            prop_assert!(pair[0].0 < pair[1].0, "times must rise, also over the seam: {:?}", pair);
        }
    }

    #[test]
    fn the_ward_is_the_same_whatever_the_steps_and_another_one_with_another_seed(seed in 0_u64..1000, times in uneven_steps()) {
        let last = *times.last().unwrap();
        let even: Vec<f64> = (0..).map(|step| START + f64::from(step) * 80.0).take_while(|now| *now < last).chain([last]).collect();
        let uneven = run(&mut Ward::new(seed, 3, START), times);
        let even_events = run(&mut Ward::new(seed, 3, START), even.clone());
        prop_assert_eq!(points(&uneven), points(&even_events));
        let story = |events: &[FeedEvent]| events.iter().filter(|e| !matches!(e.payload, Payload::Telemetry(_))).cloned().collect::<Vec<_>>();
        prop_assert_eq!(story(&uneven), story(&even_events));
        for track in points(&uneven).values() {
            prop_assert!(track.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
        if last > START + 200.0 {
            let other = run(&mut Ward::new(seed + 1, 3, START), even);
            prop_assert_ne!(points(&even_events), points(&other));
        }
    }
}
