//! The table at the end: medians, aims, verdicts; for people and as JSON.

use super::fan_out::{FanOut, Shape};
use super::nodes::{self, Nodes};
use super::slow::{self, Slow};
use super::standing::Standing;
use super::stored::{Ingest, Lists, NOTIFICATIONS, Stored};
use serde::Serialize;

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "is", content = "value")]
pub enum Aim {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// It is told, not judged.
    None,
}

impl Aim {
    /// Whether the value is as it should be; `None` where nothing is asked.
    pub fn met(self, value: f64) -> Option<bool> {
        match self {
            Self::AtMost(most) => Some(value <= most),
            Self::AtLeast(least) => Some(value >= least),
            Self::None => None,
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// In what.
    pub unit: &'static str,
    /// The median.
    pub median: f64,
    /// Every run, in order.
    pub runs: Vec<f64>,
    /// What it should be.
    pub aim: Aim,
    /// Whether it is.
    pub met: Option<bool>,
}

impl Row {
    /// A line from the value of each run.
    pub fn new(name: impl Into<String>, unit: &'static str, runs: Vec<f64>, aim: Aim) -> Self {
        let median = median(&runs);
        Self { name: name.into(), unit, median, met: aim.met(median), runs, aim }
    }
}

/// The middle one; of an even number the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { at(half) } else { (at(half.saturating_sub(1)) + at(half)) / 2.0 }
}

/// The lines of one shape's runs.
pub fn of_fan_out(shape: Shape, runs: &[FanOut]) -> Vec<Row> {
    let each = |value: fn(&FanOut) -> f64| runs.iter().map(value).collect::<Vec<_>>();
    let row = |what: &str, unit, value, aim| Row::new(format!("{shape}: {what}"), unit, each(value), aim);
    let most = match (shape.channels, shape.subscribers) {
        (1, 2_000) => Aim::AtLeast(2.0),
        (1, 10_000) => Aim::AtLeast(0.5),
        _ => Aim::None,
    };
    // Two receivers carry a whole publication each: decoding, storing and answering it is not the floor's work.
    let ratio = if shape.channels == 1 { Aim::AtMost(1.3) } else { Aim::None };
    let p99 = if shape == super::FIVE_HUNDRED { Aim::AtMost(20.0) } else { Aim::None };
    vec![
        row("CPU per delivery at 40,000/s", "µs", |run| run.steady_us, Aim::None),
        row("the floor's", "µs", |run| run.floor_us, Aim::None),
        row("over the floor", "×", |run| run.steady_us / run.floor_us, ratio),
        row("p99 at 40,000/s", "ms", |run| run.steady_p99_ms, Aim::None),
        row("most deliveries", "million/s", |run| run.most_per_second / 1e6, most),
        row("the floor's most", "million/s", |run| run.floor_most_per_second / 1e6, Aim::None),
        row("share of its core at the most", "cores", |run| run.most_core, Aim::None),
        row("p50 at half of the most", "ms", |run| run.half_p50_ms, Aim::None),
        row("p99 at half of the most", "ms", |run| run.half_p99_ms, p99),
    ]
}

/// The lines of idle connections.
pub fn of_standing(runs: &[Standing]) -> Vec<Row> {
    let connections = runs.first().map_or(0, |run| run.connections);
    let each = |value: fn(&Standing) -> f64| runs.iter().map(value).collect::<Vec<_>>();
    let row = |what: &str, unit, value, aim| Row::new(format!("{connections} connections: {what}"), unit, each(value), aim);
    match connections {
        super::standing::PROMISED => vec![
            row("memory in all", "MB", |run| run.bytes_each * run.connections as f64 / 1e6, Aim::AtMost(10.0)),
            row("idle", "% of a core", |run| run.idle_core * 100.0, Aim::AtMost(5.0)),
            row("connecting", "s", |run| run.connect_seconds, Aim::AtMost(2.0)),
        ],
        super::standing::CONNECTS => vec![
            row("CPU time of connecting with tokens", "s", |run| run.connect_cpu_seconds, Aim::AtMost(0.15)),
            row("connecting, 32 at once", "s", |run| run.connect_seconds, Aim::None),
        ],
        _ => vec![
            row("memory of one, idle and subscribed", "KiB", |run| run.bytes_each / 1024.0, Aim::AtMost(8.0)),
            row("the kernel's, both ends", "KiB", |run| run.kernel_bytes_each / 1024.0, Aim::None),
            row("idle", "% of a core", |run| run.idle_core * 100.0, Aim::None),
        ],
    }
}

/// The lines of readers that never read.
pub fn of_slow(runs: &[Slow]) -> Vec<Row> {
    let each = |value: fn(&Slow) -> f64| runs.iter().map(value).collect::<Vec<_>>();
    let row = |what: &str, unit, value, aim| {
        Row::new(format!("{} readers, {} slow ones: {what}", slow::READERS, slow::SLOW), unit, each(value), aim)
    };
    vec![
        row("p50 alone", "ms", |run| run.alone_p50_ms, Aim::None),
        row("p50 beside the slow ones", "ms", |run| run.beside_p50_ms, Aim::None),
        row("p99 alone", "ms", |run| run.alone_p99_ms, Aim::None),
        row("p99 beside the slow ones", "ms", |run| run.beside_p99_ms, Aim::AtMost(20.0)),
        row("p99 beside over alone", "×", |run| run.beside_p99_ms / run.alone_p99_ms, Aim::AtMost(2.0)),
        row("slow ones closed with 4413", "", |run| run.closed as f64, Aim::AtLeast(slow::SLOW as f64)),
        row("the last of them after", "s", |run| run.closed_after_seconds, Aim::None),
        row("memory for all of them, at most", "MB", |run| run.grown_bytes / 1e6, Aim::None),
    ]
}

/// The lines of ingest with a store on the disk beside one in memory.
pub fn of_stored(runs: &[Stored]) -> Vec<Row> {
    type Of = fn(&Stored) -> Ingest;
    let kinds: [(&str, Of, Of); 2] =
        [("telemetry", |run| run.telemetry_off, |run| run.telemetry_on), ("alerts in lists", |run| run.alerts_off, |run| run.alerts_on)];
    let rows = kinds.iter().flat_map(|(kind, off, on)| {
        let row = |what: &str, unit, value: &dyn Fn(&Stored) -> f64| {
            Row::new(format!("{kind} over HTTP: {what}"), unit, runs.iter().map(value).collect(), Aim::None)
        };
        [
            row("CPU per item, store in memory", "µs", &|run| off(run).cpu_us_each),
            row("CPU per item, store on the disk", "µs", &|run| on(run).cpu_us_each),
            row("on the disk over in memory", "×", &|run| on(run).cpu_us_each / off(run).cpu_us_each),
            row("one backend, store in memory", "items/s", &|run| off(run).items_per_second),
            row("one backend, store on the disk", "items/s", &|run| on(run).items_per_second),
        ]
    });
    rows.collect()
}

/// The lines of pages of a long list.
pub fn of_lists(run: Lists) -> Vec<Row> {
    let row = |what: &str, unit, value: f64| Row::new(format!("50 of {NOTIFICATIONS} notifications: {what}"), unit, vec![value], Aim::None);
    vec![
        row("kept, in lists of 250", "items/s", run.kept_per_second),
        row("first page, p50", "ms", run.first_p50_ms),
        row("first page, p99", "ms", run.first_p99_ms),
        row("900,000 deep, p50", "ms", run.deep_p50_ms),
        row("900,000 deep, p99", "ms", run.deep_p99_ms),
    ]
}

/// The lines of relays on one Redis.
pub fn of_nodes(runs: &[Nodes]) -> Vec<Row> {
    let row = |what: String, unit, value: fn(&Nodes) -> f64| Row::new(what, unit, runs.iter().map(value).collect(), Aim::None);
    let publications = |what: &str| format!("a publication at {}/s: {what}", nodes::PUBLICATIONS);
    let deliveries = |what: &str| format!("{} subscribers, {}/s: {what}", nodes::SUBSCRIBERS, nodes::STEADY);
    vec![
        row(publications("the relay's CPU, its broker in memory, one subscriber"), "µs", |run| run.memory_us),
        row(publications("the publisher's relay's CPU, on Redis"), "µs", |run| run.publisher_us),
        row(publications("another relay's CPU, one subscriber"), "µs", |run| run.listener_us),
        row(publications("Redis' CPU"), "µs", |run| run.redis_us),
        row(deliveries("CPU per delivery, one relay"), "µs", |run| run.one_us),
        row(deliveries("CPU per delivery, two relays together"), "µs", |run| run.two_us),
        row(deliveries("p50, one relay in memory"), "ms", |run| run.memory_p50_ms),
        row(deliveries("p99, one relay in memory"), "ms", |run| run.memory_p99_ms),
        row(deliveries("p50, publisher's relay"), "ms", |run| run.same_p50_ms),
        row(deliveries("p99, publisher's relay"), "ms", |run| run.same_p99_ms),
        row(deliveries("p50, the other relay"), "ms", |run| run.other_p50_ms),
        row(deliveries("p99, the other relay"), "ms", |run| run.other_p99_ms),
    ]
}

/// The table as text.
pub fn render(rows: &[Row]) -> String {
    let mut text = format!("{:<74} {:>10} {:<12} {:>10}  {:<4} {}\n", "", "median", "", "aim", "", "runs");
    for row in rows {
        let aim = match row.aim {
            Aim::AtMost(most) => format!("≤ {most}"),
            Aim::AtLeast(least) => format!("≥ {least}"),
            Aim::None => String::new(),
        };
        let verdict = row.met.map_or("", |met| if met { "met" } else { "MISS" });
        let runs: Vec<String> = row.runs.iter().map(|run| format!("{run:.2}")).collect();
        text += &format!("{:<74} {:>10.2} {:<12} {:>10}  {:<4} {}\n", row.name, row.median, row.unit, aim, verdict, runs.join(" "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_an_aim_is_judged_by_it() {
        assert_eq!(median(&[9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 100.0]), 3.0);
        let row = Row::new("x", "µs", vec![1.0, 1.2, 9.0], Aim::AtMost(1.3));
        assert_eq!((row.median, row.met), (1.2, Some(true)));
        assert_eq!(Row::new("x", "µs", vec![1.4], Aim::AtMost(1.3)).met, Some(false));
        assert!(render(&[Row::new("x", "µs", vec![1.4], Aim::AtMost(1.3))]).contains("MISS"));
    }
}
