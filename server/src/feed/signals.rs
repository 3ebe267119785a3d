//! What one simulated patient's sensors say: an ECG with P, QRS and T waves, the pulse wave behind it, and vital signs that
//! drift towards where the ward's story wants them.
//!
//! Deterministic: every sample draws from the bed's own generator in the order of the samples, whatever steps they are asked
//! for in.

use super::{Points, telemetry};
use crate::feed::FeedEvent;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// 250 Hz.
pub(super) const ECG_STEP_MS: f64 = 4.0;
/// The pulse wave comes with every second ECG sample: 125 Hz.
const PPG_EVERY: u64 = 2;

/// One wave of a beat: where in the beat (0 to 1), how wide, how high.
type Wave = (f64, f64, f64);

/// P, Q, R, S, T in millivolts.
const ECG_WAVES: [Wave; 5] = [(0.18, 0.025, 0.13), (0.327, 0.010, -0.13), (0.35, 0.011, 1.15), (0.376, 0.012, -0.24), (0.61, 0.045, 0.30)];
/// The pulse and its dicrotic wave, in shares of the pulse.
const PPG_WAVES: [Wave; 2] = [(0.52, 0.075, 1.0), (0.80, 0.085, 0.38)];

/// The sensors of one bed.
pub(super) struct Signals {
    rng: SmallRng,
    /// The next ECG sample, counted from the start.
    sample: u64,
    started_ms: f64,
    /// Where in the beat, 0 to 1.
    beat: f64,
    /// This beat's length against the mean: no heart is a metronome.
    stretch: f64,
    /// Where in the breath, 0 to 1.
    breath: f64,
    /// Vital signs now, and where they drift to.
    pub(super) vitals: Vitals,
    /// See [`Vitals`].
    pub(super) target: Vitals,
    ecg: Points,
    ppg: Points,
    heart_rate: Points,
    spo2: Points,
    resp_rate: Points,
    in_use: Points,
}

/// Vital signs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Vitals {
    /// Beats a minute.
    pub(super) heart_rate: f64,
    /// Oxygen saturation, per cent.
    pub(super) spo2: f64,
    /// Breaths a minute.
    pub(super) resp_rate: f64,
}

impl Signals {
    pub(super) fn new(seed: u64, started_ms: f64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let vitals = Vitals {
            heart_rate: rng.random_range(58.0..88.0),
            spo2: rng.random_range(95.0..99.0),
            resp_rate: rng.random_range(12.0..18.0),
        };
        let beat = rng.random();
        Self {
            beat,
            rng,
            sample: 0,
            started_ms,
            stretch: 1.0,
            breath: 0.0,
            vitals,
            target: vitals,
            ecg: Points::default(),
            ppg: Points::default(),
            heart_rate: Points::default(),
            spo2: Points::default(),
            resp_rate: Points::default(),
            in_use: Points::default(),
        }
    }

    /// Makes every sample before `to_ms`. While `connected` is false the body goes on, but nothing is recorded.
    pub(super) fn advance(&mut self, to_ms: f64, connected: bool) {
        loop {
            let t = self.started_ms + self.sample as f64 * ECG_STEP_MS;
            if t >= to_ms {
                return;
            }
            self.step();
            if connected {
                let ecg = self.ecg_value();
                self.ecg.push(t, ecg);
                if self.sample.is_multiple_of(PPG_EVERY) {
                    let ppg = self.ppg_value();
                    self.ppg.push(t, ppg);
                }
            }
            self.sample += 1;
        }
    }

    /// Leaves out everything before `to_ms`.
    pub(super) fn skip(&mut self, to_ms: f64) {
        let sample = ((to_ms - self.started_ms) / ECG_STEP_MS).ceil();
        self.sample = self.sample.max(sample as u64);
    }

    /// One second passed for the vital signs.
    pub(super) fn tick(&mut self, now_ms: f64, connected: bool) {
        let (now, to) = (self.vitals, self.target);
        self.vitals = Vitals {
            heart_rate: (now.heart_rate + (to.heart_rate - now.heart_rate) * 0.15 + self.noise(1.2)).clamp(30.0, 190.0),
            spo2: (now.spo2 + (to.spo2 - now.spo2) * 0.12 + self.noise(0.25)).clamp(70.0, 100.0),
            resp_rate: (now.resp_rate + (to.resp_rate - now.resp_rate) * 0.1 + self.noise(0.4)).clamp(6.0, 40.0),
        };
        if connected {
            self.heart_rate.push(now_ms, self.vitals.heart_rate.round());
            self.spo2.push(now_ms, self.vitals.spo2.round());
            self.resp_rate.push(now_ms, self.vitals.resp_rate.round());
        }
    }

    /// Whether the patient wears it, as the device's own sensor says.
    pub(super) fn wears(&mut self, now_ms: f64, in_use: bool) {
        self.in_use.push(now_ms, f64::from(u8::from(in_use)));
    }

    /// What was recorded since the last call, as one event.
    pub(super) fn take(&mut self, device: &str) -> Option<FeedEvent> {
        use std::mem::take;
        telemetry(
            device,
            [
                ("ecg", take(&mut self.ecg)),
                ("ppg", take(&mut self.ppg)),
                ("heart_rate", take(&mut self.heart_rate)),
                ("spo2", take(&mut self.spo2)),
                ("resp_rate", take(&mut self.resp_rate)),
                ("inUse", take(&mut self.in_use)),
            ],
        )
    }

    fn step(&mut self) {
        let seconds = ECG_STEP_MS / 1_000.0;
        self.breath = (self.breath + self.vitals.resp_rate / 60.0 * seconds).fract();
        self.beat += self.vitals.heart_rate / 60.0 * seconds / self.stretch;
        if self.beat >= 1.0 {
            self.beat = self.beat.fract();
            // The heart quickens while breathing in.
            let breathing = 0.03 * (self.breath * std::f64::consts::TAU).sin();
            self.stretch = (1.0 + breathing + self.noise(0.02)).clamp(0.8, 1.25);
        }
    }

    fn ecg_value(&mut self) -> f64 {
        let wander = 0.06 * (self.breath * std::f64::consts::TAU).sin();
        let value = waves(&ECG_WAVES, self.beat) + wander + self.noise(0.012);
        // Microvolts: what a 12-bit recorder resolves, and shorter in JSON.
        (value * 1_000.0).round() / 1_000.0
    }

    fn ppg_value(&mut self) -> f64 {
        let depth = 1.0 + 0.08 * (self.breath * std::f64::consts::TAU).cos();
        (480.0 + 160.0 * depth * waves(&PPG_WAVES, self.beat) + self.noise(1.5)).round()
    }

    /// Roughly normal, with about this deviation: the sum of three uniform numbers, taken out of one draw, is near enough for a
    /// demo and drawn 375 times a second for every bed.
    fn noise(&mut self, deviation: f64) -> f64 {
        const PART: u64 = (1 << 21) - 1;
        let bits: u64 = self.rng.random();
        let sum = (bits & PART) + (bits >> 21 & PART) + (bits >> 42 & PART);
        (sum as f64 / PART as f64 * 2.0 - 3.0) * deviation
    }
}

/// The sum of the waves at this place of the beat; waves run over its end into the next beat.
fn waves(waves: &[Wave], beat: f64) -> f64 {
    waves
        .iter()
        .map(|(centre, width, height)| {
            let away = (beat - centre).rem_euclid(1.0);
            let away = away.min(1.0 - away);
            let widths = away / width;
            // Further out a wave is less than a microvolt.
            if widths > 5.0 { 0.0 } else { height * (-0.5 * widths * widths).exp() }
        })
        .sum()
}
