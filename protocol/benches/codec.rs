//! What encoding and decoding cost, JSON beside CBOR: an event of 20 points, a welcome with recovery, a frame of many messages.
//!
//! `cargo bench -p pulsewire-protocol`

// A bench may panic: that is how it fails.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pulsewire_protocol::*;
use std::hint::black_box;

const NOW: f64 = 1_732_180_000_000.0;

fn telemetry(points: usize) -> Payload {
    let t = (0..points).map(|point| NOW + point as f64 * 4.0).collect();
    let v = (0..points).map(|point| (point as f64 / 7.0).sin()).collect();
    let series = Series { t: Column(t), v: Column(v), unit: Some("mV".to_owned()) };
    Payload::Telemetry(Telemetry { device_id: "bed-1".to_owned(), series: SeriesMap(vec![("ecg".to_owned(), series)]) })
}

fn publication(payload: Payload, offset: u64) -> Publication {
    Publication { offset: Some(offset), first_offset: None, payload, ts: UnixMs(NOW), from: None }
}

fn event(payload: Payload) -> ServerMessage {
    ServerMessage::Event(Event { channel: "device:bed-1".to_owned(), publication: publication(payload, 42) })
}

fn status() -> Payload {
    Payload::DeviceStatus(DeviceStatus {
        device_id: "bed-1".to_owned(),
        status: DeviceState::Online,
        battery: Some(0.87),
        last_seen: Some(UnixMs(NOW)),
    })
}

/// A page that comes back: 12 channels, each with 8 missed publications of 20 points.
fn welcome() -> ServerMessage {
    let subscribed = (0..12)
        .map(|channel| {
            SubscribedEntry::Subscribed(Subscribed {
                id: None,
                channel: format!("device:bed-{channel}"),
                epoch: "e7f3a1".to_owned(),
                offset: 8,
                recovered: true,
                publications: (1..=8).map(|offset| publication(telemetry(20), offset)).collect(),
                state: vec![publication(status(), 3)],
                viewers: Some(ViewerCount { count: 2, names: vec!["Ana".to_owned(), "João".to_owned()] }),
            })
        })
        .collect();
    ServerMessage::Welcome(Welcome {
        id: 1,
        connection: "c-1".to_owned(),
        node: "n-1".to_owned(),
        user: "ana".to_owned(),
        tenant: "clinic".to_owned(),
        server_time: UnixMs(NOW),
        heartbeat_ms: 30_000,
        timeout_ms: 60_000,
        expires_at: UnixMs(NOW + 3.6e6),
        limits: Limits { max_message_bytes: 65_536, max_subscriptions: 256, messages_per_second: 50, recovery_bytes: 1_048_576 },
        subscribed,
    })
}

/// What one flush carries: 32 messages of several kinds.
fn batch() -> Vec<ServerMessage> {
    let kinds = [event(telemetry(20)), event(status()), ServerMessage::Heartbeat(Heartbeat { ts: UnixMs(NOW) }), event(telemetry(5))];
    kinds.iter().cycle().take(32).cloned().collect()
}

fn encode_cbor(messages: &[ServerMessage]) -> Vec<u8> {
    messages.iter().flat_map(cbor::encode_server).collect()
}

fn encode_json(messages: &[ServerMessage]) -> String {
    messages.iter().map(|message| json::encode_server(message).expect("writes")).collect::<Vec<_>>().join("\n")
}

fn server_messages(criterion: &mut Criterion) {
    let cases = [
        ("event of 20 points", vec![event(telemetry(20))]),
        ("device status", vec![event(status())]),
        ("welcome", vec![welcome()]),
        ("frame of 32", batch()),
    ];
    for (name, messages) in cases {
        let (binary, text) = (encode_cbor(&messages), encode_json(&messages));
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(binary.len() as u64));
        group.bench_function("encode/cbor", |bencher| bencher.iter(|| encode_cbor(black_box(&messages))));
        group.bench_function("decode/cbor", |bencher| {
            bencher.iter(|| cbor::decode_server(black_box(&binary)).for_each(|message| drop(black_box(message.expect("reads")))));
        });
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("encode/json", |bencher| bencher.iter(|| encode_json(black_box(&messages))));
        group.bench_function("decode/json", |bencher| {
            bencher.iter(|| json::decode_server(black_box(&text)).for_each(|message| drop(black_box(message.expect("reads")))));
        });
        group.finish();
    }
}

/// The relay's way in: a publish over HTTP, read and checked.
fn ingest(criterion: &mut Criterion) {
    let text = telemetry(20).data_json().expect("writes");
    let channel = ChannelName::parse("device:bed-1").expect("a name");
    let mut group = criterion.benchmark_group("telemetry of 20 points, on its way in");
    group
        .bench_function("parse json", |bencher| bencher.iter(|| Payload::from_json("telemetry", black_box(text.as_str())).expect("reads")));
    group.bench_function("validate", |bencher| {
        bencher.iter_batched(|| telemetry(20), |payload| payload.validate(black_box(&channel)), BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group!(benches, server_messages, ingest);
criterion_main!(benches);
