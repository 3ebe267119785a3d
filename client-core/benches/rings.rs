//! What a live chart costs: pushing batches, reading the view, decimating, finding holes; and reading whole frames.

// A bench may unwrap: a panic is how it fails.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::telemetry::{Ring, decimate, holes};
use pulsewire_client_core::*;
use std::hint::black_box;

const BATCH: usize = 20;

fn column(from: usize, count: usize) -> Vec<f64> {
    (from..from + count).map(|n| n as f64 * 4.0).collect()
}
fn filled(capacity: usize) -> Ring {
    let mut ring = Ring::new(capacity);
    let times = column(0, capacity + capacity / 2);
    ring.extend(&times, &times);
    ring
}

fn rings(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring");
    for capacity in [100, 3_600, 100_000] {
        let (mut ring, mut from) = (filled(capacity), 2 * capacity);
        group.throughput(Throughput::Elements(BATCH as u64));
        group.bench_function(format!("push 20 points of {capacity}"), |bencher| {
            bencher.iter(|| {
                let times = column(from, BATCH);
                from += BATCH;
                ring.extend(&times, &times)
            });
        });
        group.bench_function(format!("push 20 late points of {capacity}"), |bencher| {
            // Behind the newest 50: they have to be displaced.
            let late = column(from - 50, BATCH);
            bencher.iter(|| ring.extend(black_box(&late), &late));
        });
    }
    group.throughput(Throughput::Elements(1));
    let ring = filled(3_600);
    group.bench_function("view of 3600", |bencher| bencher.iter(|| (black_box(&ring).times().len(), ring.values().len())));
    group.bench_function("decimate 3600 to 400", |bencher| bencher.iter(|| decimate(black_box(ring.times()), ring.values(), 400)));
    group.bench_function("holes in 3600", |bencher| bencher.iter(|| holes(black_box(ring.times()))));
    let large = filled(100_000);
    group.bench_function("decimate 100000 to 1000", |bencher| bencher.iter(|| decimate(black_box(large.times()), large.values(), 1_000)));
    group.finish();
}

const NOW: Now = Now { monotonic: Millis(1), unix: Millis(1_700_000_000_000) };
const CONN: Conn = Conn(1);

/// A client that is connected and holds `device:1`.
fn connected() -> Client {
    let mut client = Client::new(Config::default(), 1, NOW);
    let options = SubscribeOptions::default();
    client.handle(NOW, Input::Command(Command::Subscribe { channel: "device:1".to_owned(), options }));
    client.handle(NOW, Input::Command(Command::Connect));
    client.handle(NOW, Input::Token { request: 1, result: Ok("e30.e30.e30".to_owned()) });
    client.handle(NOW, Input::Opened { conn: CONN });
    let subscribed = Subscribed {
        id: None,
        channel: "device:1".to_owned(),
        epoch: "a".to_owned(),
        offset: 0,
        recovered: false,
        publications: vec![],
        state: vec![],
        viewers: None,
    };
    let welcome = Welcome {
        id: 1,
        connection: "c".to_owned(),
        node: "n".to_owned(),
        user: "u".to_owned(),
        tenant: "t".to_owned(),
        server_time: UnixMs::from_millis(NOW.unix.0),
        heartbeat_ms: 30_000,
        timeout_ms: 60_000,
        expires_at: UnixMs::from_millis(NOW.unix.0 + 3_600_000),
        limits: Limits { max_message_bytes: 65_536, max_subscriptions: 256, messages_per_second: 50, recovery_bytes: 1 << 20 },
        subscribed: vec![SubscribedEntry::Subscribed(subscribed)],
    };
    client.handle(NOW, Input::Frame { conn: CONN, bytes: &cbor::encode_server(&ServerMessage::Welcome(welcome)) });
    while client.poll_output().is_some() {}
    assert_eq!(client.connection().state, ConnectionState::Connected);
    client
}

fn event(offset: u64, payload: Payload) -> Vec<u8> {
    let publication = Publication { offset: Some(offset), first_offset: None, payload, ts: UnixMs(1.0), from: None };
    cbor::encode_server(&ServerMessage::Event(Event { channel: "device:1".to_owned(), publication }))
}
fn points(offset: u64) -> Vec<u8> {
    let times = Column(column(offset as usize * BATCH, BATCH));
    let series = protocol::Series { t: times.clone(), v: times, unit: None };
    let event_data = protocol::Telemetry { device_id: "1".to_owned(), series: SeriesMap(vec![("ecg".to_owned(), series)]) };
    event(offset, Payload::Telemetry(event_data))
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("client");
    let read = |client: &mut Client, frame: &[u8]| {
        client.handle(NOW, Input::Frame { conn: CONN, bytes: frame });
        while let Some(output) = client.poll_output() {
            black_box(output);
        }
    };
    let status = |offset| {
        let status = protocol::DeviceStatus {
            device_id: "1".to_owned(),
            status: if offset % 2 == 0 { DeviceState::Online } else { DeviceState::Offline },
            battery: Some(0.5),
            last_seen: None,
        };
        event(offset, Payload::DeviceStatus(status))
    };
    let mut bench = |name: &str, make: &dyn Fn(u64) -> Vec<u8>| {
        let (mut client, mut offset) = (connected(), 0);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    offset += 1;
                    make(offset)
                },
                |frame| read(&mut client, &frame),
                BatchSize::NumIterations(1_000),
            );
        });
        assert_eq!(client.counters().gaps, 0, "every frame was applied");
    };
    bench("a frame of 20 telemetry points", &points);
    bench("a device status", &status);
    group.finish();
}

criterion_group!(benches, rings, frames);
criterion_main!(benches);
