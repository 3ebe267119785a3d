//! Any bytes as a recording: it is refused with a line and a mend, or it plays, steps of any length included, with finite values in
//! the order of time.

use pulsewire_protocol::Payload;
use pulsewire_relay::feed::{Feed as _, Recording, Replay};

const START_MS: f64 = 1_800_000_000_000.0;

/// See the module.
pub fn check(input: &[u8]) {
    let recording = match Recording::read("fuzz.csv", input) {
        Ok(recording) => recording,
        Err(error) => return assert!(!error.problem.is_empty() && !error.mend.is_empty(), "{error:?}"),
    };
    assert!(recording.samples() > 0 && recording.period_ms().is_finite() && recording.period_ms() > 0.0, "{}", recording.period_ms());
    let devices = recording.devices();
    for speed in [1.0, 50.0, 0.0, f64::INFINITY] {
        let mut replay = Replay::new(recording.clone(), speed, START_MS);
        let mut now_ms = START_MS;
        for step_ms in [0.0, 80.0, 80.0, 3_600_000.0, 80.0] {
            now_ms += step_ms;
            for event in replay.advance(now_ms) {
                let Payload::Telemetry(telemetry) = &event.payload else { continue };
                assert!(devices.contains(&telemetry.device_id), "{event:?}");
                for (metric, series) in &telemetry.series.0 {
                    assert_eq!(series.t.0.len(), series.v.0.len(), "{metric}");
                    assert!(series.t.0.is_sorted() && series.t.0.iter().chain(&series.v.0).all(|number| number.is_finite()), "{event:?}");
                }
            }
        }
    }
}
