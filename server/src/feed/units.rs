//! The units of metrics that the project knows by name.

/// The unit of a metric, where its name says which.
pub fn unit_of(metric: &str) -> Option<&'static str> {
    Some(match metric {
        "ecg" | "ecg_i" | "ecg_ii" | "ecg_iii" => "mV",
        "heart_rate" | "pulse_rate" => "bpm",
        "spo2" => "%",
        "resp_rate" => "/min",
        "temperature" => "°C",
        "systolic" | "diastolic" | "mean_pressure" => "mmHg",
        "glucose" => "mg/dL",
        "ppg" | "pleth" => "a.u.",
        _ => return None,
    })
}
