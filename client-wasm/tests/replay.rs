//! A recording leads to the same end: whatever a page, a network and a relay did (row C16), and after a beginning that is gone.
#![cfg(not(target_family = "wasm"))]
// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "../examples/replay/recording.rs"]
#[allow(unreachable_pub, dead_code)]
mod recording;

use proptest::prelude::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::{Client, Command, Conn, Input, Millis, Now, Output, SubscribeOptions, Wake};
use recording::{replay, token_like};
use serde_json::{Value, json};

/// What the façade's recorder (npm/src/recorder.ts) would note: a page, its clock, and a relay of few words.
struct Page {
    client: Client,
    now: Now,
    entries: Vec<Value>,
    /// Where each connection begins, with what was held then.
    bases: Vec<(usize, Value)>,
    held: Vec<String>,
    open: Option<Conn>,
    asked: Option<u32>,
    offsets: std::collections::BTreeMap<String, u64>,
    sent: Vec<ClientMessage>,
}

const SEED: [u32; 2] = [7, 9];
const NAMES: [&str; 3] = ["device:a", "patient:p", "tenant"];

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Open,
    Serve,
    Close(u16),
    Wake(usize),
    Hold(usize),
    Release(usize),
    Publish(usize, u64),
    Garbage(Vec<u8>),
    Token(bool),
}

impl Page {
    fn new() -> Self {
        let now = Now { monotonic: Millis(1_000), unix: Millis(1_700_000_000_000) };
        let mut config = pulsewire_client_wasm::read_config(&[], Vec::new());
        config.client = ClientInfo { name: "n".to_owned(), version: "v".to_owned(), session: "s".to_owned() };
        let seed = SEED.iter().fold(0, |seed: u64, part| (seed << 32) | u64::from(*part));
        Self {
            client: Client::new(config, seed, now),
            now,
            entries: Vec::new(),
            bases: Vec::new(),
            held: Vec::new(),
            open: None,
            asked: None,
            offsets: std::collections::BTreeMap::new(),
            sent: Vec::new(),
        }
    }
    fn input(&mut self, kind: u64, number: u64, value: Value, input: Input<'_>) {
        self.entries.push(json!([kind, self.now.monotonic.0, self.now.unix.0, number, value]));
        self.client.handle(self.now, input);
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Connect { conn } => self.open = Some(conn),
                Output::Close { .. } => self.open = None,
                Output::Send { bytes, .. } => self.sent.extend(cbor::decode_client(&bytes).map(Result::unwrap)),
                Output::RequestToken { request, .. } => self.asked = Some(request),
                _ => {}
            }
        }
    }
    fn frame(&mut self, bytes: &[u8]) {
        if let Some(conn) = self.open {
            let text: String = base64(bytes);
            self.input(2, u64::from(conn.0), json!({ "base64": text }), Input::Frame { conn, bytes });
        }
    }
    fn command(&mut self, value: Value, command: Command) {
        self.input(6, 0, value, Input::Command(command));
    }
    fn step(&mut self, step: &Step) {
        match step {
            Step::Wait(ms) => {
                self.now.monotonic.0 += ms;
                self.now.unix.0 += ms;
                self.input(0, 0, Value::Null, Input::Tick);
            }
            Step::Open => {
                if let Some(conn) = self.open {
                    let positions: serde_json::Map<_, _> = self
                        .held
                        .iter()
                        .filter_map(|name| {
                            let view = self.client.channel(name).filter(|view| !view.epoch.is_empty())?;
                            Some((name.clone(), json!([view.epoch, view.offset])))
                        })
                        .collect();
                    let channels: Vec<Value> = self.held.iter().map(|name| json!({ "name": name })).collect();
                    let base = json!({ "channels": channels, "series": [], "positions": positions, "hidden": false, "presence": false });
                    self.bases.push((self.entries.len(), base));
                    self.sent.clear();
                    self.input(1, u64::from(conn.0), Value::Null, Input::Opened { conn });
                }
            }
            Step::Serve => self.serve(),
            Step::Close(code) => {
                if let Some(conn) = self.open.take() {
                    self.input(3, u64::from(conn.0), json!([code, "why"]), Input::Closed { conn, code: *code, reason: "why" });
                }
            }
            Step::Wake(which) => {
                let wakes = [Wake::Visible, Wake::Online, Wake::Offline, Wake::Resumed];
                let wake = wakes[which % wakes.len()];
                self.input(5, wake as u64, Value::Null, Input::Wake(wake));
            }
            Step::Hold(which) => {
                let name = NAMES[which % NAMES.len()].to_owned();
                self.held.push(name.clone());
                let options = SubscribeOptions { history: Some(5), max_hz: None };
                self.command(json!([2, 0, name, 5, null]), Command::Subscribe { channel: name, options });
            }
            Step::Release(which) => {
                let name = NAMES[which % NAMES.len()].to_owned();
                if let Some(at) = self.held.iter().position(|held| *held == name) {
                    self.held.remove(at);
                    self.command(json!([3, 0, name]), Command::Release { channel: name });
                }
            }
            Step::Publish(which, jump) => {
                let channel = NAMES[which % NAMES.len()].to_owned();
                let offset = self.offsets.entry(channel.clone()).or_default();
                *offset += jump;
                let payload = Payload::Custom { event: "note".to_owned(), data: RawJson::from_text_unchecked("1".to_owned()) };
                let publication = Publication { offset: Some(*offset), first_offset: None, payload, ts: UnixMs(1.0), from: None };
                self.frame(&cbor::encode_server(&ServerMessage::Event(Event { channel, publication })));
            }
            Step::Garbage(bytes) => self.frame(bytes),
            Step::Token(good) => {
                if let Some(request) = self.asked.take() {
                    let look =
                        if *good { json!({ "length": 90, "exp": 1_800_000_000_u64 }) } else { json!({ "length": 3, "malformed": true }) };
                    let token = token_like(&look);
                    self.input(4, u64::from(request), look, Input::Token { request, result: Ok(token) });
                }
            }
        }
    }
    /// Answers what was asked, whole and in order.
    fn serve(&mut self) {
        for message in std::mem::take(&mut self.sent) {
            let answer = match message {
                ClientMessage::Connect(connect) => {
                    let entries = connect.subscribe.iter();
                    let subscribed = entries.map(|entry| SubscribedEntry::Subscribed(self.subscribed(None, &entry.channel))).collect();
                    ServerMessage::Welcome(Welcome {
                        id: connect.id,
                        connection: "c".to_owned(),
                        node: "n".to_owned(),
                        user: "ana".to_owned(),
                        tenant: "t".to_owned(),
                        server_time: UnixMs(self.now.unix.0 as f64),
                        heartbeat_ms: 30_000,
                        timeout_ms: 60_000,
                        expires_at: UnixMs(1_800_000_000_000.0),
                        limits: Limits {
                            max_message_bytes: 65_536,
                            max_subscriptions: 9,
                            messages_per_second: 50,
                            recovery_bytes: 1 << 20,
                        },
                        subscribed,
                    })
                }
                ClientMessage::Subscribe(subscribe) => ServerMessage::Subscribed(self.subscribed(Some(subscribe.id), &subscribe.channel)),
                ClientMessage::Unsubscribe(gone) => {
                    ServerMessage::Unsubscribed(Unsubscribed { id: Some(gone.id), channel: gone.channel, code: None })
                }
                ClientMessage::Ping(ping) => {
                    ServerMessage::Reply(Reply { id: ping.id, result: ReplyResult::Time { server_time: UnixMs(1.0) } })
                }
                _ => continue,
            };
            self.frame(&cbor::encode_server(&answer));
        }
    }
    fn subscribed(&self, id: Option<u64>, channel: &str) -> Subscribed {
        Subscribed {
            id,
            channel: channel.to_owned(),
            epoch: "e".to_owned(),
            offset: self.offsets.get(channel).copied().unwrap_or(0),
            recovered: true,
            publications: Vec::new(),
            state: Vec::new(),
            viewers: None,
        }
    }
    /// The file, from an entry on.
    fn file(&self, from: usize, base: Option<&Value>) -> String {
        let head = json!({
            "format": "pulsewire-recording", "formatVersion": 1, "version": "v", "clientName": "n", "session": "s",
            "numbers": SEED, "metrics": [], "dropped": from, "cut": 0, "base": base,
        });
        let status = self.client.connection();
        let channels: serde_json::Map<_, _> = self
            .held
            .iter()
            .filter_map(|name| Some((name.clone(), self.client.channel(name)?)))
            .map(|(name, view)| (name, json!([view.phase.as_str(), view.epoch, view.offset])))
            .collect();
        let counters = self.client.counters();
        let end = json!({ "end": {
            "state": status.state.as_str(), "reason": status.reason, "channels": channels,
            "counters": {
                "frames": counters.frames, "bytes": counters.bytes, "messages": counters.messages, "unreadable": counters.unreadable,
                "duplicates": counters.duplicates, "strays": counters.strays, "gaps": counters.gaps, "welcomes": counters.welcomes,
            },
        } });
        let lines = [&head].into_iter().chain(&self.entries[from..]).chain([&end]);
        lines.map(|line| format!("{line}\n")).collect()
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            text.push(if place <= chunk.len() { char::from(LETTERS[(bits >> (18 - 6 * place)) as usize & 63]) } else { '=' });
        }
    }
    text
}

fn connected(page: &mut Page) {
    for step in [Step::Hold(0), Step::Hold(1)] {
        page.step(&step);
    }
    page.command(json!([0, 0]), Command::Connect);
    for step in [Step::Token(true), Step::Open, Step::Serve] {
        page.step(&step);
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop_oneof![1..50u64, 500..3_000u64, 20_000..90_000u64].prop_map(Step::Wait),
        3 => Just(Step::Open),
        6 => Just(Step::Serve),
        2 => prop_oneof![Just(1006u16), Just(4401), Just(4410), Just(4503), Just(1000)].prop_map(Step::Close),
        1 => (0..4usize).prop_map(Step::Wake),
        2 => (0..3usize).prop_map(Step::Hold),
        2 => (0..3usize).prop_map(Step::Release),
        6 => ((0..3usize), prop_oneof![9 => Just(1u64), 1 => 2..4u64]).prop_map(|(which, jump)| Step::Publish(which, jump)),
        1 => proptest::collection::vec(any::<u8>(), 0..20).prop_map(Step::Garbage),
        3 => prop_oneof![9 => Just(true), 1 => Just(false)].prop_map(Step::Token),
    ]
}

proptest! {
    #[test]
    fn a_recording_from_the_start_leads_to_the_same_end(steps in proptest::collection::vec(step(), 0..120)) {
        let mut page = Page::new();
        connected(&mut page);
        for step in &steps {
            page.step(step);
        }
        let replayed = replay(&page.file(0, None)).unwrap();
        prop_assert_eq!(&replayed.differences, &Vec::<String>::new());
        prop_assert!(replayed.notes.is_empty());
        prop_assert_eq!(replayed.inputs, page.entries.len());
    }

    /// Holds are only taken, not let go: one that lingers is not among what a page holds, and would be asked for all the same.
    #[test]
    fn a_recording_from_a_connection_on_leads_to_the_same_connection_and_positions(
        before in proptest::collection::vec(step(), 0..60),
        after in proptest::collection::vec((0..3usize, 1..40u64), 0..40),
    ) {
        let mut page = Page::new();
        connected(&mut page);
        for step in before.iter().filter(|step| !matches!(step, Step::Release(_) | Step::Close(4401) | Step::Token(false) | Step::Wake(_))) {
            page.step(step);
        }
        // A new connection, and a while of it.
        page.step(&Step::Close(1006));
        while page.open.is_none() {
            page.step(&Step::Wait(31_000));
            page.step(&Step::Token(true));
        }
        page.step(&Step::Open);
        page.step(&Step::Serve);
        for (which, ms) in after {
            page.step(&Step::Publish(which, 1));
            page.step(&Step::Wait(ms));
            page.step(&Step::Serve);
        }
        let (from, base) = page.bases.last().unwrap().clone();
        let replayed = replay(&page.file(from, Some(&base))).unwrap();
        prop_assert_eq!(&replayed.differences, &Vec::<String>::new());
        prop_assert!(replayed.notes[0].starts_with("it starts in the middle"));
    }
}

/// Made in a browser's stead by npm/test/recorder.test.ts with `PULSEWIRE_RECORDING=FILE`; renew it where the configuration's numbers change.
#[test]
fn a_pages_own_recording_leads_to_the_same_end() {
    let replayed = replay(include_str!("fixtures/recording.ndjson")).unwrap();
    assert_eq!(replayed.differences, Vec::<String>::new());
    assert!(replayed.lines.iter().any(|line| line.contains("connected → reconnecting (unavailable)")), "{:#?}", replayed.lines);
}

#[test]
fn another_end_is_told() {
    let mut page = Page::new();
    connected(&mut page);
    page.step(&Step::Publish(0, 1));
    let file = page.file(0, None).replace("\"connected\"", "\"closed\"").replace("[\"subscribed\",\"e\",1]", "[\"subscribed\",\"e\",2]");
    let replayed = replay(&file).unwrap();
    let expected = [
        "state: connected here, closed in the recording",
        "device:a: [\"subscribed\",\"e\",1] here, [\"subscribed\",\"e\",2] in the recording",
    ];
    assert_eq!(replayed.differences, expected);
    assert!(replayed.lines.iter().any(|line| line.contains("connecting → connected   by Frame(1, ")), "{:#?}", replayed.lines);
}

#[test]
fn what_is_no_recording_is_refused_with_the_reason() {
    for (text, why) in [
        ("", "empty"),
        ("{}", "no recording"),
        ("not json", "line 1: no JSON"),
        (r#"{"format":"pulsewire-recording","formatVersion":2}"#, "formatVersion 2"),
        ("{\"format\":\"pulsewire-recording\",\"formatVersion\":1}\n[6,1,1,0,[99]]", "line 2: a command of number 99"),
        ("{\"format\":\"pulsewire-recording\",\"formatVersion\":1}\n[42,1,1,0]", "line 2: an input of kind 42"),
    ] {
        let error = replay(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}

/// The façade's numbers and this tool's are written in two places: each command that surface.rs knows, the replay knows.
#[test]
fn every_command_of_the_surface_can_be_replayed() {
    let surface = include_str!("../src/surface.rs");
    let numbers = surface
        .lines()
        .filter_map(|line| line.trim().split_once(" => "))
        .flat_map(|(left, _)| left.split(" | ").filter_map(|number| number.parse::<u32>().ok()).collect::<Vec<_>>());
    let mut found = 0;
    // Token, interest, fetched and restored are inputs of their own, or none.
    for number in numbers.filter(|number| !matches!(number, 14 | 15 | 16 | 18 | 19)) {
        let text =
            format!("{{\"format\":\"pulsewire-recording\",\"formatVersion\":1}}\n[6,1,1,0,[{number},0,\"device:a\",\"b\",\"1\",\"d\"]]");
        replay(&text).unwrap();
        found += 1;
    }
    assert!(found >= 20, "surface.rs was read: {found}");
}
