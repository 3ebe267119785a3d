//! What remembering costs: ingest over HTTP with a store on the disk beside one in memory, and pages of a long list.
//!
//! Telemetry itself is not stored, but its devices are followed: last state, usage sessions. Alerts are kept before they are accepted, so
//! each list of them waits for the disk. Both go over one connection, list after list, as fast as the relay takes them: the relay's
//! CPU time by item counts, and items a second are those of one backend that waits for its answers.
//!
//! The long list is one user's: a million notifications, of which pages of 50 are read, the newest and deep below.

use super::setting::Setting;
use crate::load::process::Process;
use crate::load::relay::token;
use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Items of one request.
const ITEMS: usize = 100;
/// Devices that send telemetry, each registered for a patient.
const DEVICES: usize = 200;
/// Notifications of the long list.
pub const NOTIFICATIONS: usize = 1_000_000;
/// Those of one request, which is kept whole.
const AT_ONCE: usize = 250;
/// Pages that are read of each place.
const PAGES: usize = 2_000;
const LIST: &str = "/api/v1/notifications?limit=";

/// One kind of item, with a store on the disk or without.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ingest {
    /// Taken by the relay.
    pub items_per_second: f64,
    /// The relay's CPU time.
    pub cpu_us_each: f64,
}

/// What one run of the ingest measured.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// Telemetry, kept in memory.
    pub telemetry_off: Ingest,
    /// Telemetry, kept on the disk.
    pub telemetry_on: Ingest,
    /// Alerts, kept in memory.
    pub alerts_off: Ingest,
    /// Alerts, kept on the disk.
    pub alerts_on: Ingest,
}

/// How long pages of the long list took, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lists {
    /// Keeping all of them, in notifications a second.
    pub kept_per_second: f64,
    /// The first page.
    pub first_p50_ms: f64,
    /// The first page.
    pub first_p99_ms: f64,
    /// A page with 900,000 above it.
    pub deep_p50_ms: f64,
    /// A page with 900,000 above it.
    pub deep_p99_ms: f64,
}

/// A folder that goes with its value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("pulsewire-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in the system's folder for temporary files goes with it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A connection that asks and waits.
struct Http {
    stream: BufReader<TcpStream>,
    token: String,
}

impl Http {
    fn connect(address: SocketAddr, token: String) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream: BufReader::new(stream), token })
    }

    /// The body of an answer that is not refused.
    fn ask(&mut self, verb: &str, path: &str, body: &str) -> Result<String> {
        let head = format!("{verb} {path} HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {}\r\n", self.token);
        let request = format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status: u16 = line.split(' ').nth(1).and_then(|code| code.parse().ok()).with_context(|| format!("no answer: {line:?}"))?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        let answer = String::from_utf8(answer)?;
        if status >= 300 || answer.contains("\"error\"") {
            bail!("{verb} {path} was answered with {status}: {}", answer.chars().take(400).collect::<String>());
        }
        Ok(answer)
    }
}

fn relay(setting: &Setting, folder: Option<&Folder>) -> Result<Process> {
    let mut setting = setting.clone();
    let mut set = |name: &str, value: String| setting.environment.push((name.to_owned(), value));
    set("PULSEWIRE_LIMITS__REQUESTS_PER_SECOND", "10000".to_owned());
    set("PULSEWIRE_LIMITS__REQUEST_BURST", "10000".to_owned());
    if let Some(Folder(path)) = folder {
        set("PULSEWIRE_DATA_DIR", path.display().to_string());
    }
    setting.relay(100)
}

/// One run of the ingest.
///
/// # Errors
/// Where the relay cannot be started or refuses something.
pub fn ingest(setting: &Setting) -> Result<Stored> {
    let folder = Folder::new("ingest")?;
    let [telemetry_off, alerts_off] = ingest_into(setting, None)?;
    let [telemetry_on, alerts_on] = ingest_into(setting, Some(&folder))?;
    Ok(Stored { telemetry_off, telemetry_on, alerts_off, alerts_on })
}

fn ingest_into(setting: &Setting, folder: Option<&Folder>) -> Result<[Ingest; 2]> {
    let relay = relay(setting, folder)?;
    let mut http = Http::connect(relay.address, setting.backend_token()?)?;
    for device in 0..DEVICES {
        let body = format!(r#"{{"name": "Bed {device}", "patientId": "p-{}", "targetUseMsPerDay": 14400000}}"#, device / 10);
        http.ask("PUT", &format!("/api/v1/devices/bed-{device}"), &body)?;
    }
    let start_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
    let telemetry = |number: usize| {
        let (device, at_ms) = (number % DEVICES, start_ms + (number / DEVICES) as u128 % 1_000);
        format!(r#"{{"deviceId": "bed-{device}", "series": {{"flow": {{"t": [{at_ms}], "v": [{}], "unit": "l/min"}}}}}}"#, number % 97)
    };
    let alert = |number: usize| {
        let patient = number % 20;
        format!(
            r#"{{"id": "al-{number}", "patientId": "p-{patient}", "patientName": "Maria Oliveira", "deviceId": "bed-{patient}", "type": "spo2_low", "severity": "medium", "message": "SpO2 at 84 %"}}"#
        )
    };
    let telemetry = measure(setting, &relay, &mut http, "/api/v1/telemetry", &telemetry)?;
    // Whole: one list waits for the disk once.
    let alerts = measure(setting, &relay, &mut http, "/api/v1/alerts?atomic=true", &alert)?;
    drop(http);
    relay.stop()?;
    Ok([telemetry, alerts])
}

fn measure(setting: &Setting, relay: &Process, http: &mut Http, path: &str, item: &dyn Fn(usize) -> String) -> Result<Ingest> {
    let mut sent = 0;
    let mut send = |http: &mut Http, during: Duration| {
        let (start, before) = (Instant::now(), sent);
        while start.elapsed() < during {
            let items: Vec<String> = (sent..sent + ITEMS).map(item).collect();
            http.ask("POST", path, &format!("[{}]", items.join(",")))?;
            sent += ITEMS;
        }
        Ok::<_, anyhow::Error>(((sent - before) as f64, start.elapsed().as_secs_f64()))
    };
    // What is set up once is no item's.
    send(http, Duration::from_millis(500))?;
    let before = relay.used()?;
    let (items, seconds) = send(http, Duration::from_secs_f64(setting.seconds))?;
    let cpu_seconds = relay.used()?.cpu_seconds - before.cpu_seconds;
    Ok(Ingest { items_per_second: items / seconds, cpu_us_each: cpu_seconds / items * 1e6 })
}

/// Fills the long list, and reads pages of it. Once for all runs: the pages are many.
///
/// # Errors
/// Where the relay cannot be started or refuses something.
pub fn lists(setting: &Setting) -> Result<Lists> {
    let folder = Folder::new("lists")?;
    let relay = relay(setting, Some(&folder))?;
    let mut backend = Http::connect(relay.address, setting.backend_token()?)?;
    let start = Instant::now();
    for of in (0..NOTIFICATIONS).step_by(AT_ONCE) {
        let mut items = String::from("[");
        for number in of..(of + AT_ONCE).min(NOTIFICATIONS) {
            let comma = if number > of { "," } else { "" };
            write!(
                items,
                r#"{comma}{{"channel": "user:ana", "event": "notification", "data": {{"title": "Shift handover {number}", "body": "Bed 3 was moved to room 12.", "severity": "low", "link": "/beds/3"}}}}"#
            )?;
        }
        items.push(']');
        backend.ask("POST", "/api/v1/publish?atomic=true", &items)?;
    }
    let kept_per_second = NOTIFICATIONS as f64 / start.elapsed().as_secs_f64();
    let mut ana = Http::connect(relay.address, token("ana", Some("nurse"))?)?;
    let mut below = String::new();
    for _ in 0..NOTIFICATIONS / 10 * 9 / 200 {
        let page: serde_json::Value = serde_json::from_str(&ana.ask("GET", &format!("{LIST}200{below}"), "")?)?;
        let next = page.get("next").and_then(serde_json::Value::as_str).context("the list ended before its time")?;
        below = format!("&before={next}");
    }
    let first = times(&mut ana, &format!("{LIST}50"))?;
    let deep = times(&mut ana, &format!("{LIST}50{below}"))?;
    relay.stop()?;
    Ok(Lists {
        kept_per_second,
        first_p50_ms: quantile(&first, 0.5),
        first_p99_ms: quantile(&first, 0.99),
        deep_p50_ms: quantile(&deep, 0.5),
        deep_p99_ms: quantile(&deep, 0.99),
    })
}

/// How long each of so many requests took, in milliseconds, sorted.
fn times(http: &mut Http, path: &str) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(PAGES);
    for _ in 0..PAGES {
        let asked = Instant::now();
        let answer = http.ask("GET", path, "")?;
        times.push(asked.elapsed().as_secs_f64() * 1e3);
        if answer.matches("\"title\"").count() != 50 {
            bail!("GET {path}: not 50 items");
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

fn quantile(sorted: &[f64], of: f64) -> f64 {
    let place = (sorted.len() as f64 * of).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
