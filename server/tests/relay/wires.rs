//! What goes to a socket, over one that takes as many bytes as a test allows: joined writes, write delays, full sockets.

use crate::support::*;
use futures_channel::mpsc;
use pulsewire_protocol::*;
use pulsewire_relay::Relay;
use pulsewire_relay::config::Config;
use pulsewire_relay::hub::{Closing, Connection, Hub, Outbox, Wire};
use pulsewire_relay::session::{self, Inbound, Opening, SocketOutlet, Transport};
use std::io::{self, Cursor};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tokio::task::JoinHandle;
use tungstenite::protocol::frame::FrameSocket;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

#[derive(Default)]
struct Pipe {
    /// Bytes that it still takes.
    room: usize,
    taken: Vec<u8>,
    writes: usize,
    waiting: Option<Waker>,
}

#[derive(Clone)]
struct TestWire(Arc<Mutex<Pipe>>);

impl Wire for TestWire {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = self.0.lock().unwrap();
        if pipe.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let length = bytes.len().min(pipe.room);
        pipe.room -= length;
        pipe.writes += 1;
        pipe.taken.extend_from_slice(&bytes[..length]);
        Ok(length)
    }
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut pipe = self.0.lock().unwrap();
        if pipe.room > 0 {
            return Poll::Ready(Ok(()));
        }
        pipe.waiting = Some(cx.waker().clone());
        Poll::Pending
    }
}

struct Wired {
    inbound: mpsc::Receiver<Inbound>,
    wire: TestWire,
    outbox: Arc<Mutex<Option<Arc<Outbox>>>>,
}

impl Transport for Wired {
    type Inlet = mpsc::Receiver<Inbound>;
    type Outlet = SocketOutlet;
    fn open(self, hub: &Hub, connection: &Connection) -> (Self::Inlet, SocketOutlet) {
        *self.outbox.lock().unwrap() = Some(Arc::clone(&connection.outbox));
        hub.attach(connection, Arc::new(self.wire));
        (self.inbound, SocketOutlet)
    }
}

/// A client whose socket is a [`Pipe`].
struct Peer {
    send: mpsc::Sender<Inbound>,
    wire: TestWire,
    outbox: Arc<Mutex<Option<Arc<Outbox>>>>,
    session: JoinHandle<Closing>,
}

/// One frame that came.
#[derive(Debug, PartialEq)]
enum Came {
    Messages(Vec<ServerMessage>),
    Pong,
    Close(u16, String),
}

impl Peer {
    async fn connect(relay: &Relay, channels: &[&str]) -> Self {
        let (send, inbound) = mpsc::channel(64);
        let wire = TestWire(Arc::new(Mutex::new(Pipe { room: usize::MAX, ..Pipe::default() })));
        let outbox = Arc::new(Mutex::new(None));
        let transport = Wired { inbound, wire: wire.clone(), outbox: Arc::clone(&outbox) };
        let opening = Opening { format: Format::Cbor, address: client_address(), principal: None };
        let session = tokio::spawn(relay.track(session::run(relay.clone(), transport, opening)));
        let mut peer = Self { send, wire, outbox, session };
        let subscribe = channels.iter().map(|channel| SubscribeEntry::new(*channel)).collect();
        peer.say(&ClientMessage::Connect(Connect { id: 1, token: Some(token("peer")), client: ClientInfo::default(), subscribe }));
        settle().await;
        advance(2_000).await;
        assert!(matches!(peer.frames().first(), Some(Came::Messages(messages)) if matches!(messages[0], ServerMessage::Welcome(_))));
        peer
    }
    fn say(&mut self, message: &ClientMessage) {
        self.send.try_send(Inbound::Binary(cbor::encode_client(message).into())).unwrap();
    }
    /// Takes so many bytes more and no others.
    fn allow(&self, room: usize) {
        let waiting = {
            let mut pipe = self.wire.0.lock().unwrap();
            pipe.room = room;
            pipe.waiting.take()
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
    /// How many writes there were since the last look.
    fn writes(&self) -> usize {
        std::mem::take(&mut self.wire.0.lock().unwrap().writes)
    }
    /// The whole frames that came since the last look; what is cut stays.
    fn frames(&self) -> Vec<Came> {
        let mut pipe = self.wire.0.lock().unwrap();
        let mut socket = FrameSocket::new(Cursor::new(pipe.taken.clone()));
        let (mut frames, mut whole) = (Vec::new(), 0);
        while let Ok(Some(frame)) = socket.read(None) {
            assert!(frame.header().is_final && frame.header().mask.is_none());
            whole += frame.len();
            frames.push(match frame.header().opcode {
                OpCode::Data(Data::Binary) => Came::Messages(cbor::decode_server(frame.payload()).map(Result::unwrap).collect()),
                OpCode::Control(Control::Pong) => Came::Pong,
                OpCode::Control(Control::Close) => {
                    let (code, reason) = frame.payload().split_at(2);
                    Came::Close(u16::from_be_bytes(code.try_into().unwrap()), String::from_utf8(reason.to_vec()).unwrap())
                }
                other => panic!("{other:?}"),
            });
        }
        pipe.taken.drain(..whole);
        frames
    }
    fn numbers(&self) -> Vec<u64> {
        numbers(self.frames())
    }
}

fn events(frames: Vec<Came>) -> impl Iterator<Item = Event> {
    let messages = frames.into_iter().flat_map(|came| if let Came::Messages(messages) = came { messages } else { Vec::new() });
    messages.filter_map(|message| if let ServerMessage::Event(event) = message { Some(event) } else { None })
}

fn numbers(frames: Vec<Came>) -> Vec<u64> {
    events(frames).map(|event| number_of(&event.publication.payload)).collect()
}

async fn publish(relay: &Relay, channel: &str, payload: Payload) {
    relay.publish(system(), channel, payload, None).await.unwrap();
}

fn delayed(kind: &str, delay_ms: u64) -> Relay {
    relay_with(Config { write_delay_ms: [(kind.to_owned(), delay_ms)].into(), ..config() })
}

fn alert() -> Payload {
    Payload::Alert(Alert {
        id: None,
        patient_id: "p1".to_owned(),
        patient_name: "Maria".to_owned(),
        device_id: None,
        alert_type: "apnoea".to_owned(),
        severity: Severity::Critical,
        message: "no breath".to_owned(),
        ts: None,
        metadata: None,
    })
}

#[tokio::test(start_paused = true)]
async fn what_comes_together_goes_out_in_one_write_and_one_frame() {
    let relay = relay();
    let peers = [Peer::connect(&relay, &["lobby"]).await, Peer::connect(&relay, &["lobby"]).await];
    peers.iter().for_each(|peer| drop((peer.frames(), peer.writes())));
    for number in 0..5 {
        publish(&relay, "lobby", note(number)).await;
    }
    settle().await;
    for peer in &peers {
        assert_eq!(peer.writes(), 1);
        let frames = peer.frames();
        assert_eq!(frames.len(), 1, "{frames:?}");
        assert_eq!(numbers(frames), [0, 1, 2, 3, 4]);
    }
}

#[tokio::test(start_paused = true)]
async fn within_a_write_delay_they_wait_for_each_other_and_never_longer() {
    let relay = delayed("lobby", 20);
    let peer = Peer::connect(&relay, &["lobby", "lounge"]).await;
    drop((peer.frames(), peer.writes()));
    publish(&relay, "lobby", note(1)).await;
    advance(12).await;
    publish(&relay, "lobby", note(2)).await;
    advance(7).await;
    assert_eq!(peer.numbers(), [0_u64; 0], "19 ms after the first");
    advance(2).await;
    assert_eq!((peer.writes(), peer.numbers()), (1, vec![1, 2]));
    // Another kind does not wait, and what waits goes before it.
    publish(&relay, "lobby", note(3)).await;
    publish(&relay, "lounge", note(4)).await;
    settle().await;
    assert_eq!((peer.writes(), peer.numbers()), (1, vec![3, 4]));
    advance(50).await;
    assert_eq!(peer.writes(), 0, "nothing is left for the end of the window");
}

fn heart_rate(device: &str, t: f64) -> Payload {
    let column = |value| Column(vec![value]);
    let series = Series { t: column(t), v: column(60.0), unit: None };
    Payload::Telemetry(Telemetry { device_id: device.to_owned(), series: SeriesMap(vec![("heart_rate".to_owned(), series)]) })
}

fn told(frames: Vec<Came>) -> Vec<&'static str> {
    events(frames).map(|event| event.publication.payload.kind().map_or("other", EventKind::as_str)).collect()
}

#[tokio::test(start_paused = true)]
async fn telemetry_waits_10_ms_for_its_like_and_nothing_else_waits_for_it() {
    let relay = relay();
    let peer = Peer::connect(&relay, &["device:bed-1", "device:bed-2", "patient:p1"]).await;
    drop((peer.frames(), peer.writes()));
    publish(&relay, "device:bed-1", heart_rate("bed-1", 1.0)).await;
    advance(6).await;
    publish(&relay, "device:bed-2", heart_rate("bed-2", 2.0)).await;
    advance(3).await;
    assert_eq!((peer.writes(), told(peer.frames()).len()), (0, 0), "9 ms after the first");
    advance(2).await;
    assert_eq!((peer.writes(), told(peer.frames())), (1, vec!["telemetry", "telemetry"]));
    // An alert goes at once, and takes along what waits: the order stays.
    publish(&relay, "device:bed-1", heart_rate("bed-1", 3.0)).await;
    publish(&relay, "patient:p1", alert()).await;
    settle().await;
    assert_eq!((peer.writes(), told(peer.frames())), (1, vec!["telemetry", "alert", "alert"]));
    // So does everything else on the same channel.
    publish(&relay, "device:bed-1", heart_rate("bed-1", 4.0)).await;
    publish(&relay, "device:bed-1", note(1)).await;
    settle().await;
    assert_eq!((peer.writes(), told(peer.frames())), (1, vec!["telemetry", "other"]));
    advance(50).await;
    assert_eq!(peer.writes(), 0, "nothing is left for the end of the window");
}

#[tokio::test(start_paused = true)]
async fn a_kind_with_a_delay_of_its_own_has_it_for_telemetry_too() {
    for (delay_ms, early) in [(0, 1), (40, 0)] {
        let relay = delayed("device", delay_ms);
        let peer = Peer::connect(&relay, &["device:bed-1"]).await;
        drop((peer.frames(), peer.writes()));
        publish(&relay, "device:bed-1", heart_rate("bed-1", 1.0)).await;
        settle().await;
        assert_eq!(told(peer.frames()).len(), early, "{delay_ms}");
        advance(39).await;
        assert_eq!(told(peer.frames()).len(), 0, "{delay_ms}");
        advance(2).await;
        assert_eq!(told(peer.frames()).len(), 1 - early, "{delay_ms}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_never_waits_whatever_its_kind_may() {
    let relay = relay_with(Config { write_delay_ms: [("tenant".to_owned(), 1_000), ("patient".to_owned(), 1_000)].into(), ..config() });
    let peer = Peer::connect(&relay, &["patient:p1"]).await;
    drop(peer.frames());
    publish(&relay, "patient:p1", alert()).await;
    settle().await;
    let channels: Vec<_> = events(peer.frames()).map(|event| event.channel).collect();
    assert_eq!(channels, ["patient:p1", "tenant"], "both of its channels, at once");
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_takes_a_few_bytes_at_a_time_gets_whole_frames_in_order() {
    let relay = relay();
    let peer = Peer::connect(&relay, &["lobby"]).await;
    drop(peer.frames());
    peer.allow(0);
    let (mut came, mut step) = (Vec::new(), 0_usize);
    for number in 0..300 {
        publish(&relay, "lobby", note(number)).await;
        step = (step * 31 + 17) % 97;
        peer.allow(step);
        settle().await;
        came.extend(peer.numbers());
    }
    assert!(came.len() < 300, "it was slower than the publisher");
    while came.len() < 300 {
        peer.allow(1_000);
        settle().await;
        came.extend(peer.numbers());
    }
    assert_eq!(came, (0..300).collect::<Vec<_>>());
    assert!(!peer.session.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_large_answer_is_one_frame_and_takes_its_turn() {
    let relay = relay();
    let mut peer = Peer::connect(&relay, &[]).await;
    drop(peer.frames());
    let column: Vec<f64> = (0..2_000).map(f64::from).collect();
    for _ in 0..4 {
        publish(&relay, "device:d1", telemetry("d1", &column, &column)).await;
    }
    peer.allow(10);
    peer.say(&ClientMessage::Subscribe(Subscribe {
        id: 2,
        channel: "device:d1".to_owned(),
        recover: None,
        history: Some(4),
        max_hz: None,
    }));
    peer.say(&ClientMessage::Ping(Ping { id: 3 }));
    settle().await;
    assert!(peer.frames().is_empty());
    peer.allow(usize::MAX);
    settle().await;
    let frames = peer.frames();
    let Some(Came::Messages(first)) = frames.first() else { panic!("{frames:?}") };
    assert!(matches!(&first[..], [ServerMessage::Subscribed(subscribed)] if subscribed.publications.len() == 4), "alone in its frame");
    let Some(Came::Messages(second)) = frames.get(1) else { panic!("{frames:?}") };
    assert!(matches!(&second[0], ServerMessage::Reply(reply) if reply.id == 3));
}

#[tokio::test(start_paused = true)]
async fn a_pong_goes_between_two_frames_and_never_into_one() {
    let relay = relay();
    let peer = Peer::connect(&relay, &["lobby"]).await;
    drop(peer.frames());
    let outbox = peer.outbox.lock().unwrap().clone().unwrap();
    peer.allow(5);
    publish(&relay, "lobby", note(1)).await;
    settle().await;
    outbox.push_control(&[0x8A, 2, b'o', b'k']);
    publish(&relay, "lobby", note(2)).await;
    settle().await;
    peer.allow(usize::MAX);
    settle().await;
    let frames = peer.frames();
    assert!(matches!(&frames[..], [Came::Messages(_), Came::Pong, Came::Messages(_)]), "{frames:?}");
    assert_eq!(numbers(frames), [1, 2]);
    outbox.push_control(&[0x8A, 0]);
    settle().await;
    assert_eq!(peer.frames(), [Came::Pong], "and by itself where nothing else is to be said");
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_close_is_the_last_that_is_written() {
    let relay = relay();
    let peer = Peer::connect(&relay, &["lobby"]).await;
    drop(peer.frames());
    let outbox = peer.outbox.lock().unwrap().clone().unwrap();
    publish(&relay, "lobby", note(1)).await;
    outbox.push_control(&[0x88, 2, 3, 0xE8]);
    assert!(!outbox.push(bytes::Bytes::from_static(b"late")));
    settle().await;
    let mut frames = peer.frames();
    assert_eq!(frames.pop(), Some(Came::Close(1_000, String::new())));
    assert_eq!(numbers(frames), [1], "what waited goes before it");
}

#[tokio::test(start_paused = true)]
async fn a_slow_consumer_gets_the_end_of_its_frame_and_then_the_reason() {
    let relay = relay();
    let peer = Peer::connect(&relay, &["lobby"]).await;
    drop(peer.frames());
    peer.allow(9);
    for number in 0..1_500 {
        publish(&relay, "lobby", note(number)).await;
        tokio::task::yield_now().await;
    }
    assert!(peer.frames().is_empty());
    peer.allow(usize::MAX);
    settle().await;
    let mut frames = peer.frames();
    assert_eq!(frames.pop(), Some(Came::Close(4_413, "slow_consumer".to_owned())));
    assert_eq!(numbers(frames)[0], 0, "the frame that was half out");
    drop(peer.send);
    assert_eq!(peer.session.await.unwrap().code, CloseCode::SLOW_CONSUMER);
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_nothing_any_more_is_let_go() {
    let relay = relay();
    let peer = Peer::connect(&relay, &["lobby"]).await;
    peer.allow(0);
    for number in 0..1_500 {
        publish(&relay, "lobby", note(number)).await;
    }
    advance(18_000).await;
    assert_eq!(relay.hub().connection_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_future_of_a_connection_is_small() {
    let relay = relay();
    let (_send, inbound) = mpsc::channel(1);
    let wire = TestWire(Arc::new(Mutex::new(Pipe::default())));
    let transport = Wired { inbound, wire, outbox: Arc::default() };
    let opening = Opening { format: Format::Cbor, address: client_address(), principal: None };
    let future = session::run(relay, transport, opening);
    let bytes = std::mem::size_of_val(&future);
    assert!(bytes <= 800, "{bytes} bytes for each of ten thousand");
}

#[tokio::test(start_paused = true)]
async fn a_command_waits_while_half_of_the_queue_waits_and_goes_on_once_it_is_written() {
    let relay = delayed("lobby", 200);
    let mut peer = Peer::connect(&relay, &["lobby"]).await;
    drop((peer.frames(), peer.writes()));
    for number in 0..600 {
        publish(&relay, "lobby", note(number)).await;
    }
    peer.say(&ClientMessage::Ping(Ping { id: 2 }));
    advance(100).await;
    assert_eq!(peer.frames(), [], "600 of 1,024 wait for the end of the write delay, and the command for them");
    advance(110).await;
    let answers = |frames: Vec<Came>| {
        let messages = frames.into_iter().flat_map(|came| if let Came::Messages(messages) = came { messages } else { Vec::new() });
        messages.filter(|message| matches!(message, ServerMessage::Reply(_))).count()
    };
    assert_eq!(answers(peer.frames()), 1, "the flusher's write woke it");

    // The same where the socket was full.
    peer.allow(0);
    for number in 0..600 {
        publish(&relay, "lobby", note(number)).await;
    }
    peer.say(&ClientMessage::Ping(Ping { id: 3 }));
    advance(1_000).await;
    assert_eq!(peer.frames(), []);
    peer.allow(usize::MAX);
    settle().await;
    advance(300).await;
    assert_eq!(answers(peer.frames()), 1);
}
