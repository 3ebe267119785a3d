//! A TCP proxy in front of a Redis that does what networks do: it swallows, and it cuts between a question and its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

#[derive(Default)]
struct Orders {
    /// Answers of connections that listen and have a smaller number are swallowed.
    wedged_below: AtomicU64,
    next: AtomicU64,
    /// The next script is handed on, and its connection cut before the answer.
    cut_next_script: AtomicBool,
    /// How many more bytes pass, by whichever connection and in whichever direction, until one is cut; 0: none is.
    bytes_to_cut: AtomicU64,
    cuts: AtomicU64,
}

impl Orders {
    /// How many of so many bytes may pass; fewer than all: the connection ends with them.
    fn pass(&self, count: usize) -> usize {
        let passing = count as u64;
        let update = |left: u64| (left > 0).then(|| left.saturating_sub(passing));
        match self.bytes_to_cut.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update) {
            Ok(left) if left <= passing => {
                self.cuts.fetch_add(1, Ordering::Relaxed);
                left as usize - 1
            }
            _ => count,
        }
    }
}

pub struct Proxy {
    port: u16,
    orders: Arc<Orders>,
}

impl Proxy {
    pub async fn start(target_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let orders = Arc::new(Orders::default());
        let for_all = Arc::clone(&orders);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target_port)).await else { continue };
                let number = for_all.next.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(client, server, Arc::clone(&for_all), number));
            }
        });
        Self { port, orders }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Every connection of now that listens hears nothing any more, and stays open.
    pub fn wedge_listeners(&self) {
        self.orders.wedged_below.store(self.orders.next.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    pub fn cut_next_script(&self) {
        self.orders.cut_next_script.store(true, Ordering::Relaxed);
    }

    /// Cuts the connection by which the byte of this number from now on would pass (the first is 1), wherever that is in a script, its
    /// answer, or what is told.
    pub fn cut_at_byte(&self, number: u64) {
        self.orders.bytes_to_cut.store(number, Ordering::Relaxed);
    }

    /// Connections that were cut by [`Proxy::cut_at_byte`].
    pub fn cuts(&self) -> u64 {
        self.orders.cuts.load(Ordering::Relaxed)
    }
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

async fn carry(client: TcpStream, server: TcpStream, orders: Arc<Orders>, number: u64) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let listens = AtomicBool::new(false);
    let cut = Notify::new();
    let up = async {
        let mut bytes = vec![0; 65_536];
        loop {
            let count = from_client.read(&mut bytes).await.unwrap_or(0);
            if count == 0 {
                return;
            }
            if holds(&bytes[..count], b"SUBSCRIBE") {
                listens.store(true, Ordering::Relaxed);
            }
            if holds(&bytes[..count], b"EVALSHA") && orders.cut_next_script.swap(false, Ordering::Relaxed) {
                to_server.write_all(&bytes[..count]).await.unwrap();
                cut.notify_one();
                std::future::pending::<()>().await;
            }
            let passing = orders.pass(count);
            if to_server.write_all(&bytes[..passing]).await.is_err() || passing < count {
                return;
            }
        }
    };
    let down = async {
        let mut bytes = vec![0; 65_536];
        loop {
            let count = from_server.read(&mut bytes).await.unwrap_or(0);
            if count == 0 {
                return;
            }
            if listens.load(Ordering::Relaxed) && number < orders.wedged_below.load(Ordering::Relaxed) {
                continue;
            }
            let passing = orders.pass(count);
            if to_client.write_all(&bytes[..passing]).await.is_err() || passing < count {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        () = cut.notified() => {
            // The script reaches Redis before its end does.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        () = up => {}
        () = down => {}
    }
}
