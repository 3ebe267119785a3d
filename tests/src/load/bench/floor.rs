//! The floor: a bare loop that sends the same frames to the same number of sockets, one system call for each. What a relay needs
//! beyond it is its own cost; a relay that writes several publications at once can be cheaper.
//!
//! A process of its own, so that it has the relay's core and is measured as the relay is. It is told over standard input.

use super::wire::{DIGITS, MARK};
use anyhow::{Context as _, Result};
use std::io::{BufRead as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// One order, as a line: how many frames a second in all (0: as many as it can), to how many sockets each publication goes, how
/// many bytes a frame has, and for how many seconds.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Frames a second; 0: as many as it can.
    pub per_second: f64,
    /// Sockets that one publication goes to.
    pub receivers: usize,
    /// Bytes of one frame.
    pub frame_bytes: usize,
    /// For so long.
    pub seconds: f64,
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} {}", self.per_second, self.receivers, self.frame_bytes, self.seconds)
    }
}

impl std::str::FromStr for Order {
    type Err = anyhow::Error;
    fn from_str(line: &str) -> Result<Self> {
        let mut words = line.split_whitespace();
        let mut next = || words.next().context("an order has four numbers");
        let (per_second, receivers, frame_bytes, seconds) = (next()?, next()?, next()?, next()?);
        Ok(Self {
            per_second: per_second.parse()?,
            receivers: receivers.parse()?,
            frame_bytes: frame_bytes.parse()?,
            seconds: seconds.parse()?,
        })
    }
}

/// Takes so many connections, then one order after the other until standard input ends. Each is answered with the number of
/// frames sent.
///
/// # Errors
/// The first that fails.
pub fn run(connections: usize) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on http://{}", listener.local_addr()?);
    let mut sockets = Vec::with_capacity(connections);
    for _ in 0..connections {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        sockets.push(socket);
    }
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let sent = obey(&mut sockets, line?.parse()?)?;
        println!("{sent}");
    }
    Ok(())
}

fn obey(sockets: &mut [TcpStream], order: Order) -> Result<u64> {
    let digits = [b'0'; DIGITS];
    let mut frame = vec![0x82, 126, 0, 0];
    frame.extend(MARK.iter().chain(&digits));
    frame.resize(order.frame_bytes.max(frame.len()), b'x');
    let (start, during) = (Instant::now(), Duration::from_secs_f64(order.seconds));
    let receivers = order.receivers.clamp(1, sockets.len().max(1));
    let (mut sent, mut publications, mut first) = (0_u64, 0_u64, 0);
    while start.elapsed() < during {
        if order.per_second > 0.0 {
            let due = start + Duration::from_secs_f64(publications as f64 * receivers as f64 / order.per_second);
            let now = Instant::now();
            if due > now {
                // As coarse as the publisher of the relay's run.
                std::thread::sleep((due - now).max(Duration::from_millis(1)));
            }
        }
        for socket in sockets.iter_mut().skip(first).take(receivers) {
            socket.write_all(&frame)?;
            sent += 1;
        }
        first = if first + 2 * receivers > sockets.len() { 0 } else { first + receivers };
        publications += 1;
    }
    Ok(sent)
}
