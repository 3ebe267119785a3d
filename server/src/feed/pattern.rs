//! The story of a simulated ward: when something happens, to whom, and how it reads.

use super::signals::Vitals;
use pulsewire_protocol::{Alert, RawJson, Severity, UnixMs};
use rand::Rng;
use rand::rngs::StdRng;

/// Who lies in bed 1, 2, 3 …; the demo page shows the same names.
const ROSTER: [&str; 12] = [
    "Maria Oliveira",
    "John Carter",
    "Aisha Khan",
    "Pedro Santos",
    "Emma Wilson",
    "Kenji Tanaka",
    "Lúcia Ferreira",
    "David Cohen",
    "Chloé Martin",
    "Samuel Osei",
    "Ingrid Larsen",
    "Rafael Costa",
];

/// The name of the patient in a bed, counted from 1.
pub fn patient_name(bed: usize) -> String {
    ROSTER.get(bed.wrapping_sub(1)).map_or_else(|| format!("Patient {bed}"), |name| (*name).to_owned())
}

/// Something that happens to a patient: where the vital signs go, and what is said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Episode {
    FastHeart,
    SlowHeart,
    LowOxygen,
    VeryLowOxygen,
    FastBreath,
    LooseElectrode,
}

impl Episode {
    /// Rarer the graver.
    pub(super) fn draw(rng: &mut StdRng) -> Self {
        match rng.random_range(0..100) {
            0..30 => Self::FastHeart,
            30..45 => Self::SlowHeart,
            45..65 => Self::LowOxygen,
            65..75 => Self::VeryLowOxygen,
            75..87 => Self::FastBreath,
            _ => Self::LooseElectrode,
        }
    }

    /// Where the vital signs go while it lasts.
    pub(super) fn target(self, usual: Vitals) -> Vitals {
        match self {
            Self::FastHeart => Vitals { heart_rate: 138.0, ..usual },
            Self::SlowHeart => Vitals { heart_rate: 44.0, ..usual },
            Self::LowOxygen => Vitals { spo2: 88.0, resp_rate: usual.resp_rate + 4.0, ..usual },
            Self::VeryLowOxygen => Vitals { spo2: 81.0, heart_rate: usual.heart_rate + 25.0, resp_rate: usual.resp_rate + 8.0 },
            Self::FastBreath => Vitals { resp_rate: 29.0, ..usual },
            Self::LooseElectrode => usual,
        }
    }

    fn severity(self) -> Severity {
        match self {
            Self::VeryLowOxygen => Severity::Critical,
            Self::FastHeart | Self::SlowHeart => Severity::High,
            Self::LowOxygen | Self::FastBreath => Severity::Medium,
            Self::LooseElectrode => Severity::Low,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::FastHeart => "heart_rate_high",
            Self::SlowHeart => "heart_rate_low",
            Self::LowOxygen => "spo2_low",
            Self::VeryLowOxygen => "spo2_critical",
            Self::FastBreath => "resp_rate_high",
            Self::LooseElectrode => "electrode_loose",
        }
    }

    /// The alert, once the vital signs of this moment are beyond the limit that it names.
    pub(super) fn alert(self, bed: usize, vitals: Vitals, now_ms: f64) -> Option<Alert> {
        let (message, metadata) = match self {
            Self::FastHeart => beyond("Heart rate", vitals.heart_rate, "bpm", Side::Above, 120.0)?,
            Self::SlowHeart => beyond("Heart rate", vitals.heart_rate, "bpm", Side::Below, 50.0)?,
            Self::LowOxygen => beyond("Oxygen saturation", vitals.spo2, "%", Side::Below, 92.0)?,
            Self::VeryLowOxygen => beyond("Oxygen saturation", vitals.spo2, "%", Side::Below, 85.0)?,
            Self::FastBreath => beyond("Breathing rate", vitals.resp_rate, "/min", Side::Above, 25.0)?,
            Self::LooseElectrode => ("ECG electrode is loose: signal may be poor".to_owned(), None),
        };
        Some(alert(bed, self.kind(), self.severity(), message, metadata, now_ms))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Above,
    Below,
}

/// The alert of a battery that needs charging.
pub(super) fn battery_alert(bed: usize, battery: f64, now_ms: f64) -> Alert {
    alert(bed, "battery_low", Severity::Low, format!("Battery of bed-{bed} at {:.0} %", battery * 100.0), None, now_ms)
}

/// The words and figures of a value beyond its limit; `None` while it is not.
fn beyond(what: &str, value: f64, unit: &str, side: Side, limit: f64) -> Option<(String, Option<RawJson>)> {
    // As it is shown: "50, below 50" would be a riddle.
    let value = value.round();
    let word = match side {
        Side::Above if value > limit => "above",
        Side::Below if value < limit => "below",
        _ => return None,
    };
    let metadata = serde_json::json!({ "value": value, "limit": limit, "unit": unit });
    // Writing this JSON has no failing path; an alert without its metadata is still an alert.
    Some((format!("{what} {value} {unit}, {word} {limit}"), RawJson::from_value(&metadata).ok()))
}

fn alert(bed: usize, alert_type: &str, severity: Severity, message: String, metadata: Option<RawJson>, now_ms: f64) -> Alert {
    Alert {
        id: None,
        patient_id: format!("patient-{bed}"),
        patient_name: patient_name(bed),
        device_id: Some(format!("bed-{bed}")),
        alert_type: alert_type.to_owned(),
        severity,
        message,
        ts: Some(UnixMs(now_ms.floor())),
        metadata,
    }
}
