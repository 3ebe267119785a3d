//! A recording of the flight recorder, and going through it again with the same core (docs/recording.md has the format).
#![allow(clippy::indexing_slicing, reason = "a field of a JSON value that is not there reads as null")]

use pulsewire_client_core::protocol::{ClientInfo, Payload, Position, RawJson};
use pulsewire_client_core::{
    AlertIds, Client, ClientEvent, Command, Conn, HttpAnswer, Input, Millis, Now, Output, RequestId, SubscribeOptions, Wake,
};
use serde_json::Value;

/// What a replay told and came to.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// Transitions and news, one per line.
    pub(crate) lines: Vec<String>,
    /// What is missing of it: a replay that does not begin with the client, or has a hole.
    pub(crate) notes: Vec<String>,
    /// Where the end differs from the recorded one.
    pub(crate) differences: Vec<String>,
    /// Inputs gone through.
    pub(crate) inputs: usize,
}

/// Goes through a recording.
///
/// # Errors
/// Where the file is none, or of a later version: with the line.
pub(crate) fn replay(text: &str) -> Result<Replay, String> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut next = || lines.next().map(|(at, line)| parse(at, line));
    let head = next().ok_or("the file is empty: connect() first, then exportRecording()")??;
    if head["format"] != "pulsewire-recording" {
        return Err("line 1: this is no recording of pulsewire (no format: pulsewire-recording)".to_owned());
    }
    if head["formatVersion"] != 1 {
        return Err(format!("line 1: formatVersion {} is not known here: replay it with the version that wrote it", head["formatVersion"]));
    }
    let mut entries = Vec::new();
    let mut end = Value::Null;
    for (at, line) in lines {
        let value = parse(at, line)?;
        if value.is_array() { entries.push((at + 1, value)) } else { end = value["end"].clone() }
    }
    Runner::start(&head, &entries).run(&head, &entries, &end)
}

fn parse(at: usize, line: &str) -> Result<Value, String> {
    serde_json::from_str(line).map_err(|error| format!("line {}: no JSON: {error}", at + 1))
}

struct Runner {
    client: Client,
    now: Now,
    /// What is to be added to a recorded socket's number.
    conn_shift: u32,
    asked: Option<u32>,
    state: &'static str,
    report: Replay,
}

impl Runner {
    fn start(head: &Value, entries: &[(usize, Value)]) -> Self {
        let numbers: Vec<f64> = list(&head["numbers"]).iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect();
        let (seed, numbers) = numbers.split_at_checked(2).unwrap_or_default();
        let (numbers, sizes) = numbers.split_at_checked(pulsewire_client_wasm::NUMBERS).unwrap_or((numbers, &[]));
        let metrics = list(&head["metrics"]).iter().map(text);
        let mut config = pulsewire_client_wasm::read_config(numbers, metrics.zip(sizes.iter().map(|size| *size as usize)).collect());
        config.client = ClientInfo { name: text(&head["clientName"]), version: text(&head["version"]), session: text(&head["session"]) };
        let seed = seed.iter().fold(0, |seed: u64, part| (seed << 32) | u64::from(*part as u32));
        let now = entries.first().map_or_else(Now::default, |(_, entry)| now_of(entry));
        let client = Client::new(config, seed, now);
        Self { client, now, conn_shift: 0, asked: None, state: "idle", report: Replay::default() }
    }

    fn run(mut self, head: &Value, entries: &[(usize, Value)], end: &Value) -> Result<Replay, String> {
        let (dropped, cut) = (whole(&head["dropped"]), whole(&head["cut"]));
        if head["base"].is_object() {
            self.report.notes.push(format!(
                "it starts in the middle: {dropped} inputs before its first connection are missing. Channels, positions and the connection \
                 are as they were; what earlier events told (alerts, telemetry, counters) is not there"
            ));
            let first = entries.first().map_or(0, |(_, entry)| whole(&entry[3]) as u32);
            self.rebuild(&head["base"]);
            self.conn_shift = 1u32.wrapping_sub(first);
        }
        if cut > 0 {
            self.report.notes.push(format!(
                "{cut} inputs in the middle of its first connection are missing (that connection alone was more than the recorder's bytes): \
                 the end may differ"
            ));
        }
        for (line, entry) in entries {
            self.now = now_of(entry);
            self.entry(entry).map_err(|why| format!("line {line}: {why}"))?;
            self.report.inputs += 1;
        }
        self.compare(end, !head["base"].is_object());
        Ok(self.report)
    }

    /// Makes what the page held when the first recorded connection was opened, up to the moment of its opening.
    fn rebuild(&mut self, base: &Value) {
        for held in list(&base["channels"]) {
            let options = SubscribeOptions { history: number(&held["history"]), max_hz: number(&held["maxHz"]) };
            self.command(Command::Subscribe { channel: text(&held["name"]), options });
        }
        for (channel, position) in base["positions"].as_object().into_iter().flatten() {
            let position = Position { epoch: text(&position[0]), offset: whole(&position[1]) };
            self.command(Command::Resume { channel: channel.clone(), position });
        }
        for held in list(&base["series"]) {
            let capacity = number(&held["capacity"]).map(|capacity| capacity as usize);
            self.command(Command::HoldTelemetry { device: text(&held["device"]), metric: text(&held["metric"]), capacity });
        }
        if base["presence"] == true {
            self.command(Command::WatchPresence);
        }
        if base["hidden"] == true {
            self.input(Input::Wake(Wake::Hidden));
        }
        self.command(Command::Connect);
        if let Some(request) = self.asked.take() {
            let token = token_like(&serde_json::json!({ "length": 200 }));
            self.input(Input::Token { request, result: Ok(token) });
        }
    }

    fn entry(&mut self, entry: &Value) -> Result<(), String> {
        let (number, value) = (whole(&entry[3]) as u32, &entry[4]);
        let conn = Conn(number.wrapping_add(self.conn_shift));
        match whole(&entry[0]) {
            0 => self.input(Input::Tick),
            1 => self.input(Input::Opened { conn }),
            2 => self.input(Input::Frame { conn, bytes: &bytes(value)? }),
            3 => self.input(Input::Closed { conn, code: whole(&value[0]) as u16, reason: &text(&value[1]) }),
            4 => {
                let result = match value["failed"].as_str() {
                    Some(why) => Err(why.to_owned()),
                    None => Ok(token_like(value)),
                };
                // In the middle of a life the requests are numbered otherwise.
                let request = if self.conn_shift == 0 { number } else { self.asked.take().unwrap_or(number) };
                self.input(Input::Token { request, result });
            }
            5 => {
                let wakes = [Wake::Visible, Wake::Hidden, Wake::Online, Wake::Offline, Wake::Resumed];
                let wake = wakes.get(number as usize).ok_or("a wake of an unknown number")?;
                self.input(Input::Wake(*wake));
            }
            6 => {
                let command = command_of(value)?;
                self.command(command);
            }
            // The façade's own words: `fetched` and `restored` of npm/src/core.ts.
            7 => {
                let (code, body) = (text(&value[3]), bytes(&value[5])?);
                let retry_after_ms = value[4].as_f64().map(|ms| ms as u64);
                let answer = HttpAnswer { status: whole(&value[2]) as u16, code: &code, retry_after_ms, body: &body };
                self.input(Input::Fetched { fetch: number, answer });
            }
            8 => {
                let entries = list(&value[3]).iter().map(bytes).collect::<Result<_, _>>()?;
                self.input(Input::Restored { scope: text(&value[2]), entries });
            }
            other => return Err(format!("an input of kind {other} is not known here")),
        }
        Ok(())
    }

    fn command(&mut self, command: Command) {
        self.input(Input::Command(command));
    }

    fn input(&mut self, input: Input<'_>) {
        let said = format!("{input:?}");
        self.client.handle(self.now, input);
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::RequestToken { request, reason } => {
                    self.asked = Some(request);
                    self.say(format!("asks for a token ({})", reason.as_str()));
                }
                Output::Emit(ClientEvent::Error { code, message, channel }) => {
                    self.say(format!("error {code} {}: {message}", channel.unwrap_or_default()));
                }
                Output::Emit(ClientEvent::Resync { channel }) => self.say(format!("{channel} has to be reloaded")),
                Output::Emit(ClientEvent::ToastShown(toast)) => self.say(format!("toast {} {}", toast.kind.as_str(), toast.id)),
                Output::Emit(ClientEvent::Unauthorized { reason }) => self.say(format!("signed out: {reason}")),
                Output::Connect { .. } => self.say("opens a socket".to_owned()),
                Output::Close { code, .. } => self.say(format!("closes the socket with {code}")),
                _ => {}
            }
        }
        let status = self.client.connection();
        if status.state.as_str() != self.state {
            let reason = status.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            let line = format!("{} → {}{reason}   by {said}", self.state, status.state.as_str());
            self.state = self.client.connection().state.as_str();
            self.say(line);
        }
    }
    fn say(&mut self, line: String) {
        self.report.lines.push(format!("{:>12} ms  {line}", self.now.monotonic.0));
    }

    fn compare(&mut self, end: &Value, is_whole: bool) {
        if end.is_null() {
            self.report.notes.push("the recording says nothing of its end: there was no core to ask any more".to_owned());
            return;
        }
        let status = self.client.connection();
        let mut seen = vec![("state".to_owned(), status.state.as_str().to_owned(), text(&end["state"]))];
        seen.push(("reason".to_owned(), status.reason.unwrap_or_default().to_owned(), text(&end["reason"])));
        for (name, recorded) in end["channels"].as_object().into_iter().flatten() {
            let view = self.client.channel(name);
            let now = view.map_or("null".to_owned(), |view| format!("[\"{}\",\"{}\",{}]", view.phase.as_str(), view.epoch, view.offset));
            seen.push((name.clone(), now, recorded.to_string()));
        }
        if is_whole {
            let counters = self.client.counters();
            for (name, count) in [
                ("frames", counters.frames),
                ("bytes", counters.bytes),
                ("messages", counters.messages),
                ("unreadable", counters.unreadable),
                ("duplicates", counters.duplicates),
                ("strays", counters.strays),
                ("gaps", counters.gaps),
                ("welcomes", counters.welcomes),
            ] {
                seen.push((name.to_owned(), count.to_string(), whole(&end["counters"][name]).to_string()));
            }
        }
        for (what, replayed, recorded) in seen {
            if replayed != recorded {
                self.report.differences.push(format!("{what}: {replayed} here, {recorded} in the recording"));
            }
        }
    }
}

/// The page's command behind its number: the other side of npm/src/core.ts, as client-wasm/src/surface.rs reads it.
fn command_of(value: &Value) -> Result<Command, String> {
    let (kind, number_given) = (whole(&value[0]), whole(&value[1]) as u32);
    let (a, b, c, d) = (&value[2], &value[3], &value[4], &value[5]);
    let request = RequestId(number_given);
    Ok(match kind {
        0 => Command::Connect,
        1 => Command::Close,
        2 => Command::Subscribe { channel: text(a), options: SubscribeOptions { history: number(b), max_hz: number(c) } },
        3 => Command::Release { channel: text(a) },
        4 | 17 => Command::Publish {
            request,
            channel: text(a),
            payload: Payload::Custom { event: text(b), data: RawJson::from_text_unchecked(text(c)) },
            key: d.as_str().map(str::to_owned),
            queue: kind == 4,
        },
        5 => Command::Call { request, method: text(a), params: b.as_str().map(str::to_owned) },
        6 => Command::Ping { request },
        7 => Command::MarkAlertsRead(AlertIds::All),
        8 => Command::MarkAlertsRead(AlertIds::Some(vec![text(a)])),
        9 => Command::DismissToast { id: text(a) },
        10 => Command::ClickToast { id: text(a) },
        11 => Command::HoldToasts(number_given != 0),
        12 => Command::HoldTelemetry { device: text(a), metric: text(b), capacity: number(c).map(|capacity| capacity as usize) },
        // Which ring the number stood for is not known any more; nothing but its memory hangs on it.
        13 => return Ok(Command::HoldToasts(false)),
        20 => Command::Resume { channel: text(a), position: Position { epoch: text(b), offset: whole(c) } },
        21 => Command::SignOut,
        30 => Command::Typing { conversation: text(a), active: number_given != 0 },
        31 => Command::MarkNotifications { id: a.as_str().map(str::to_owned), dismiss: number_given != 0 },
        32 => Command::WatchPresence,
        33 => Command::Present { user: text(a), name: text(b) },
        other => return Err(format!("a command of number {other} is not known here: add it to client-wasm/examples/replay/recording.rs")),
    })
}

/// A token that the core treats as it treated the recorded one: as long, ending when that did, signed by nobody.
pub(crate) fn token_like(look: &Value) -> String {
    let length = whole(&look["length"]) as usize;
    if length == 0 {
        return String::new();
    }
    if look["malformed"] == true {
        return "?".repeat(length);
    }
    let claims = look["exp"].as_u64().map_or_else(|| "{}".to_owned(), |exp| format!("{{\"exp\":{exp}}}"));
    let mut token = format!("e30.{}.", base64_url(claims.as_bytes()));
    token.extend(std::iter::repeat_n('A', length.saturating_sub(token.len()).max(1)));
    token
}

fn base64_url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(LETTERS.get((bits >> (18 - 6 * place)) as usize & 63).copied().unwrap_or(b'A')));
        }
    }
    text
}

fn bytes(value: &Value) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0u32, 0);
    for letter in text(&value["base64"]).bytes().filter(|letter| *letter != b'=') {
        let sextet = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err("no base64".to_owned()),
        };
        bits = (bits << 6 | u32::from(sextet)) & 0xff_ffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Ok(bytes)
}

fn now_of(entry: &Value) -> Now {
    Now { monotonic: Millis(whole(&entry[1])), unix: Millis(whole(&entry[2])) }
}
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
fn whole(value: &Value) -> u64 {
    value.as_f64().unwrap_or(0.0) as u64
}
fn number(value: &Value) -> Option<u32> {
    value.as_f64().map(|number| number as u32)
}
