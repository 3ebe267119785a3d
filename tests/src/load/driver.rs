//! The native driver of one client: tokio's socket and timer around `client-core`, exactly the three duties of its documentation.

use super::publisher::device;
use super::relay::token;
use anyhow::{Result, anyhow};
use futures_util::{SinkExt as _, StreamExt as _};
use pulsewire_client_core::{
    ChannelEvent, Client, ClientEvent, Command, Config, Conn, ConnectionState, Input, Millis, Now, Output, SubscribeOptions,
};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

type Socket = WebSocketStream<TcpStream>;

/// Farther timers are armed again when they come.
const LONGEST_SLEEP: Duration = Duration::from_secs(3_600);

/// What the owner of a client is told.
pub trait Told {
    /// An event of a channel came.
    fn handle_event(&mut self, event: &ChannelEvent);
    /// State or channels of the client changed.
    fn handle_changed(&mut self, client: &Client);
    /// A request of the owner has its outcome, or something went wrong.
    fn handle_news(&mut self, news: &ClientEvent);
}

/// One client with its socket.
pub struct Driver<T> {
    client: Client,
    address: SocketAddr,
    token: String,
    socket: Option<(Conn, Socket)>,
    started: Instant,
    told: T,
}

impl<T: Told> Driver<T> {
    /// A client that connects as soon as it runs.
    pub fn new(address: SocketAddr, token: String, seed: u64, session: String, told: T) -> Self {
        let started = Instant::now();
        let mut config = Config::default();
        config.client.name = "pulsewire-load".to_owned();
        config.client.version = env!("CARGO_PKG_VERSION").to_owned();
        config.client.session = session;
        let client = Client::new(config, seed, now(started));
        Self { client, address, token, socket: None, started, told }
    }

    /// Runs until `commands` ends; then closes as a page would.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>) -> Result<()> {
        self.handle(Input::Command(Command::Connect)).await?;
        loop {
            let sleep = match self.client.poll_timeout() {
                Some(at) => Duration::from_millis(at.since(now(self.started).monotonic)).min(LONGEST_SLEEP),
                None => LONGEST_SLEEP,
            };
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.handle(Input::Command(command)).await?,
                    None => {
                        self.handle(Input::Command(Command::Close)).await?;
                        return Ok(());
                    }
                },
                (conn, message) = next(&mut self.socket) => self.handle_message(conn, message).await?,
                () = tokio::time::sleep(sleep) => self.handle(Input::Tick).await?,
            }
        }
    }

    async fn handle_message(&mut self, conn: Conn, message: Option<Message>) -> Result<()> {
        match message {
            Some(Message::Binary(bytes)) => self.handle(Input::Frame { conn, bytes: &bytes }).await,
            Some(Message::Text(text)) => self.handle(Input::Frame { conn, bytes: text.as_bytes() }).await,
            Some(Message::Close(frame)) => {
                self.socket = None;
                let (code, reason) = frame.as_ref().map_or((1005, ""), |frame| (frame.code.into(), frame.reason.as_str()));
                self.handle(Input::Closed { conn, code, reason }).await
            }
            // Pings are answered by the library.
            Some(_) => Ok(()),
            None => {
                self.socket = None;
                self.handle(Input::Closed { conn, code: 1006, reason: "" }).await
            }
        }
    }

    /// Hands one input in and does what the core asks for, which may be further inputs.
    async fn handle(&mut self, input: Input<'_>) -> Result<()> {
        self.client.handle(now(self.started), input);
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Connect { conn } => match connect(self.address).await {
                    Ok(socket) => {
                        self.socket = Some((conn, socket));
                        self.client.handle(now(self.started), Input::Opened { conn });
                    }
                    Err(error) => {
                        let reason = error.to_string();
                        self.client.handle(now(self.started), Input::Closed { conn, code: 1006, reason: &reason });
                    }
                },
                Output::Send { conn, bytes } => {
                    if let Some((open, socket)) = &mut self.socket
                        && *open == conn
                        && socket.send(Message::binary(bytes)).await.is_err()
                    {
                        self.socket = None;
                        self.client.handle(now(self.started), Input::Closed { conn, code: 1006, reason: "" });
                    }
                }
                Output::Close { conn, code } => {
                    if let Some((open, mut socket)) = self.socket.take()
                        && open == conn
                    {
                        // The core does not wait for the close to arrive, and a socket that is gone needs none.
                        let _ = socket.close(Some(CloseFrame { code: code.into(), reason: "".into() })).await;
                    }
                }
                Output::RequestToken { request, .. } => {
                    self.client.handle(now(self.started), Input::Token { request, result: Ok(self.token.clone()) });
                }
                Output::Fetch { .. }
                | Output::AbortFetch { .. }
                | Output::OpenSaved { .. }
                | Output::Save { .. }
                | Output::Forget { .. }
                | Output::EraseSaved => {}
                Output::Changed(_) => self.told.handle_changed(&self.client),
                Output::Emit(ClientEvent::Event(event)) => self.told.handle_event(&event),
                Output::Emit(news) => self.told.handle_news(&news),
            }
        }
        Ok(())
    }
}

/// A client that runs beside others on the local set of this thread.
pub struct Running {
    commands: mpsc::Sender<Command>,
    task: JoinHandle<Result<()>>,
}

/// Starts client number `number`, who subscribes to the channel of device number `channel`.
///
/// # Errors
/// Where no token can be signed.
pub fn start(address: SocketAddr, number: usize, channel: usize, told: impl Told + 'static) -> Result<Running> {
    let user = format!("user-{number}");
    let (commands, inbox) = mpsc::channel(4);
    let channel = format!("device:{}", device(channel));
    commands.try_send(Command::Subscribe { channel, options: SubscribeOptions::default() })?;
    let driver = Driver::new(address, token(&user, None)?, (number as u64).wrapping_add(1), user, told);
    Ok(Running { commands, task: tokio::task::spawn_local(driver.run(inbox)) })
}

/// Closes them, as pages would.
///
/// # Errors
/// The first that failed.
pub async fn end(clients: Vec<Running>) -> Result<()> {
    // All are told before one is waited for.
    let (commands, tasks): (Vec<_>, Vec<_>) = clients.into_iter().map(|Running { commands, task }| (commands, task)).unzip();
    drop(commands);
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Waits until it is so.
///
/// # Errors
/// Where it is not within that time; `what` names it.
pub async fn until(what: &str, within: Duration, mut done: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + within;
    while !done() {
        if Instant::now() > deadline {
            return Err(anyhow!("{what} took longer than {} s", within.as_secs()));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Whether a client is connected and all its channels are subscribed.
pub fn is_settled(client: &Client) -> bool {
    use pulsewire_client_core::ChannelPhase;
    client.connection().state == ConnectionState::Connected
        && client.channels().all(|name| client.channel(name).is_some_and(|view| view.phase == ChannelPhase::Subscribed))
}

fn now(started: Instant) -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { monotonic: Millis(started.elapsed().as_millis() as u64), unix: Millis(unix.as_millis() as u64) }
}

/// The next message of the socket; never, where there is none. `None` stands for its end.
async fn next(socket: &mut Option<(Conn, Socket)>) -> (Conn, Option<Message>) {
    match socket {
        Some((conn, socket)) => (*conn, socket.next().await.and_then(Result::ok)),
        None => std::future::pending().await,
    }
}

async fn connect(address: SocketAddr) -> Result<Socket> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{address}/ws").into_client_request()?;
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(pulsewire_protocol::SUBPROTOCOL_CBOR));
    // Thousands of clients in one process: the default read buffer of 128 KiB is for one.
    let config = WebSocketConfig::default().read_buffer_size(8 * 1024).write_buffer_size(0);
    let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
    Ok(socket)
}
