//! Plays a recording: reads the CSV, then hands its samples out in real time, over and over.
//!
//! Two headers are read: `t,device,metric,value` (one sample a line) and `t,device,METRIC,METRIC,…` (an empty cell is no
//! sample). `t` is in milliseconds from the start. Every mistake names its line and column and says how to mend it.
//!
//! Limits: [`MAX_SAMPLES`] samples; times of one loop follow those of the loop before, so they rise for ever.

use super::{Feed, FeedEvent, MAX_LAG_MS, Points, STATUS_EVERY_MS, status, telemetry};
use pulsewire_protocol::DeviceState;
use pulsewire_protocol::channel::is_id;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// More samples than this are no demo any more: 16 bytes each stay in memory.
pub const MAX_SAMPLES: usize = 20_000_000;
/// The longest name of a metric.
const MAX_METRIC_BYTES: usize = 64;
/// A loop is at least this long, or one sample would be published without end.
const MIN_PERIOD_MS: f64 = 100.0;

/// What is wrong with a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingError {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1; 0 where it is the file as a whole.
    pub line: u64,
    /// The column's name, or empty.
    pub column: String,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub mend: String,
}

impl core::fmt::Display for RecordingError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.column.is_empty() {
            write!(f, ": column {}", self.column)?;
        }
        write!(f, ": {} ({})", self.problem, self.mend)
    }
}

impl std::error::Error for RecordingError {}

/// One metric of one device: times in milliseconds from the start, rising, and values.
#[derive(Clone, Debug, PartialEq)]
struct Track {
    device: String,
    metric: String,
    samples: Vec<(f64, f64)>,
}

/// A recording in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    tracks: Vec<Track>,
    period_ms: f64,
}

/// The header of either kind, with the columns where things stand.
enum Layout {
    Long,
    Wide { metrics: Vec<String> },
}

struct Reader<'f> {
    file: &'f str,
    tracks: BTreeMap<(String, String), Vec<(f64, f64)>>,
    samples: usize,
}

impl Recording {
    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let name = path.display().to_string();
        let file = std::fs::File::open(path).map_err(|error| RecordingError {
            file: name.clone(),
            line: 0,
            column: String::new(),
            problem: format!("cannot be opened: {error}"),
            mend: "give --replay an existing CSV file".to_owned(),
        })?;
        Self::read(&name, file)
    }

    /// Reads CSV from anywhere; `file` is what errors call it.
    pub fn read(file: &str, input: impl Read) -> Result<Self, RecordingError> {
        let mut reader = Reader { file, tracks: BTreeMap::new(), samples: 0 };
        // Flexible: a line of the wrong length gets an error of ours, which says more.
        let mut csv = csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(input);
        let mut layout = None;
        let mut record = csv::StringRecord::new();
        loop {
            match csv.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(reader.unreadable(&error)),
            }
            let line = record.position().map_or(0, csv::Position::line);
            match &layout {
                None => layout = Some(reader.header(line, &record)?),
                Some(layout) => reader.sample(line, &record, layout)?,
            }
        }
        reader.finish()
    }

    /// The devices, in order.
    pub fn devices(&self) -> Vec<String> {
        let mut devices: Vec<String> = self.tracks.iter().map(|track| track.device.clone()).collect();
        devices.dedup();
        devices
    }
    /// How long one loop lasts at the recorded speed.
    pub fn period_ms(&self) -> f64 {
        self.period_ms
    }
    /// How many samples one loop holds.
    pub fn samples(&self) -> usize {
        self.tracks.iter().map(|track| track.samples.len()).sum()
    }
}

impl Reader<'_> {
    fn error(&self, line: u64, column: &str, problem: impl Into<String>, mend: &str) -> RecordingError {
        RecordingError { file: self.file.to_owned(), line, column: column.to_owned(), problem: problem.into(), mend: mend.to_owned() }
    }

    fn unreadable(&self, error: &csv::Error) -> RecordingError {
        let line = error.position().map_or(0, csv::Position::line);
        let problem = match error.kind() {
            csv::ErrorKind::Utf8 { .. } => "is no UTF-8 text".to_owned(),
            csv::ErrorKind::Io(error) => format!("cannot be read: {error}"),
            _ => error.to_string(),
        };
        self.error(line, "", problem, "save it as CSV in UTF-8")
    }

    fn header(&self, line: u64, record: &csv::StringRecord) -> Result<Layout, RecordingError> {
        const MEND: &str = "the first line must be t,device,metric,value or t,device and then one column for each metric";
        // Spreadsheets put a byte-order mark in front.
        let names: Vec<&str> =
            record.iter().enumerate().map(|(i, name)| if i == 0 { name.trim_start_matches('\u{feff}') } else { name }).collect();
        match names.as_slice() {
            ["t", "device", "metric", "value"] => Ok(Layout::Long),
            ["t", "device", metrics @ ..] if !metrics.is_empty() => {
                for (index, metric) in metrics.iter().enumerate() {
                    self.check_metric(line, metric, metric)?;
                    if metrics.iter().take(index).any(|earlier| earlier == metric) {
                        return Err(self.error(line, metric, "stands twice in the header", "give each metric one column"));
                    }
                }
                Ok(Layout::Wide { metrics: metrics.iter().map(|metric| (*metric).to_owned()).collect() })
            }
            [only] if only.contains(';') => Err(self.error(line, "", "the columns are separated by semicolons", "save it with commas")),
            _ => Err(self.error(line, "", format!("{:?} is no header of a recording", shorten(&names.join(","))), MEND)),
        }
    }

    fn sample(&mut self, line: u64, record: &csv::StringRecord, layout: &Layout) -> Result<(), RecordingError> {
        let wanted = match layout {
            Layout::Long => 4,
            Layout::Wide { metrics } => 2 + metrics.len(),
        };
        if record.len() != wanted {
            let problem = format!("holds {} columns, the header {wanted}", record.len());
            return Err(self.error(line, "", problem, "one value for each column; an empty one in a wide file is no sample"));
        }
        let cell = |index: usize| record.get(index).unwrap_or("");
        let t = self.number(line, "t", cell(0))?;
        if t < 0.0 {
            return Err(self.error(line, "t", format!("{t} is negative"), "t counts milliseconds from the start of the recording"));
        }
        let device = cell(1);
        if !is_id(device) {
            let problem = format!("{:?} is no device id", shorten(device));
            return Err(self.error(line, "device", problem, "1 to 128 of A-Z a-z 0-9 . _ ~ @ -"));
        }
        match layout {
            Layout::Long => {
                self.check_metric(line, "metric", cell(2))?;
                let value = self.number(line, "value", cell(3))?;
                self.push(line, device, cell(2), t, value)
            }
            Layout::Wide { metrics } => {
                for (index, metric) in metrics.iter().enumerate() {
                    let text = cell(index + 2);
                    if !text.is_empty() {
                        let value = self.number(line, metric, text)?;
                        self.push(line, device, metric, t, value)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn check_metric(&self, line: u64, column: &str, metric: &str) -> Result<(), RecordingError> {
        let valid =
            (1..=MAX_METRIC_BYTES).contains(&metric.len()) && metric.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if valid {
            return Ok(());
        }
        Err(self.error(line, &shorten(column), format!("{:?} is no name of a metric", shorten(metric)), "1 to 64 of A-Z a-z 0-9 . _ -"))
    }

    fn number(&self, line: u64, column: &str, text: &str) -> Result<f64, RecordingError> {
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => {
                let problem = format!("{:?} is no number", shorten(text));
                Err(self.error(line, column, problem, "write numbers like 72 or -0.245, with a point"))
            }
        }
    }

    fn push(&mut self, line: u64, device: &str, metric: &str, t: f64, value: f64) -> Result<(), RecordingError> {
        self.samples += 1;
        if self.samples > MAX_SAMPLES {
            return Err(self.error(line, "", format!("there are more than {MAX_SAMPLES} samples"), "cut the recording"));
        }
        self.tracks.entry((device.to_owned(), metric.to_owned())).or_default().push((t, value));
        Ok(())
    }

    fn finish(self) -> Result<Recording, RecordingError> {
        let first = self.tracks.values().flatten().map(|(t, _)| *t).fold(f64::INFINITY, f64::min);
        if !first.is_finite() {
            return Err(self.error(0, "", "holds no samples", "below the header, one line for each sample"));
        }
        let mut period_ms = MIN_PERIOD_MS;
        let mut tracks = Vec::with_capacity(self.tracks.len());
        for ((device, metric), mut samples) in self.tracks {
            // Recorders interleave and retry: order is ours to make, and one time has one value, the last one told.
            samples.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            samples.reverse();
            samples.dedup_by(|(later, _), (earlier, _)| later == earlier);
            samples.reverse();
            for (t, _) in &mut samples {
                *t -= first;
            }
            // One interval behind the last sample, so that the seam of the loop looks like any other step.
            let end = samples.last().map_or(0.0, |(t, _)| *t);
            period_ms = period_ms.max(end + typical_interval_ms(&samples));
            tracks.push(Track { device, metric, samples });
        }
        Ok(Recording { tracks, period_ms })
    }
}

/// The median step between samples; for a single sample a second.
fn typical_interval_ms(samples: &[(f64, f64)]) -> f64 {
    let mut steps: Vec<f64> = samples.iter().zip(samples.iter().skip(1)).map(|((a, _), (b, _))| b - a).collect();
    let middle = steps.len() / 2;
    if steps.is_empty() {
        return 1_000.0;
    }
    *steps.select_nth_unstable_by(middle, f64::total_cmp).1
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A recording at play.
pub struct Replay {
    recording: Recording,
    speed: f64,
    /// Unix time of recording time 0 of the first loop.
    started_ms: f64,
    /// How far, in recording time counted over all loops, samples were handed out.
    played_ms: f64,
    status_due_ms: f64,
}

impl Replay {
    /// Plays from `now_ms` on.
    pub fn new(recording: Recording, speed: f64, now_ms: f64) -> Self {
        Self { recording, speed: speed.clamp(0.001, 10_000.0), started_ms: now_ms, played_ms: 0.0, status_due_ms: now_ms }
    }

    /// The samples of one track between two times of play, as Unix time.
    fn points(&self, track: &Track, from_ms: f64, to_ms: f64) -> Points {
        let period = self.recording.period_ms;
        let mut points = Points::default();
        // One lap early: the division may round up across a seam, and an empty lap costs two look-ups.
        let mut lap = ((from_ms / period).floor() - 1.0).max(0.0);
        while lap * period < to_ms {
            let base = lap * period;
            let begin = track.samples.partition_point(|(t, _)| base + t < from_ms);
            let end = track.samples.partition_point(|(t, _)| base + t < to_ms);
            for (t, value) in track.samples.get(begin..end.max(begin)).unwrap_or_default() {
                points.push(self.started_ms + (base + t) / self.speed, *value);
            }
            lap += 1.0;
        }
        points
    }
}

impl Feed for Replay {
    fn advance(&mut self, now_ms: f64) -> Vec<FeedEvent> {
        let to = ((now_ms - self.started_ms) * self.speed).max(self.played_ms);
        let from = self.played_ms.max(to - MAX_LAG_MS * self.speed);
        self.played_ms = to;
        let mut events = Vec::new();
        if now_ms >= self.status_due_ms {
            self.status_due_ms = now_ms + STATUS_EVERY_MS;
            // A recording has no battery: one that loses a per cent in five minutes shows that the field is alive.
            let battery = 1.0 - ((now_ms - self.started_ms) / 300_000.0 * 0.01).rem_euclid(0.8);
            events.extend(self.recording.devices().iter().map(|device| status(device, DeviceState::Online, battery, now_ms)));
        }
        let mut index = 0;
        // Tracks stand in the order of their devices: each device gets one event.
        while let Some(first) = self.recording.tracks.get(index) {
            let of_device: Vec<&Track> =
                self.recording.tracks.iter().skip(index).take_while(|track| track.device == first.device).collect();
            index += of_device.len();
            events.extend(telemetry(&first.device, of_device.iter().map(|track| (track.metric.as_str(), self.points(track, from, to)))));
        }
        events
    }
    fn devices(&self) -> Vec<String> {
        self.recording.devices()
    }
}
