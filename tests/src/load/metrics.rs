//! The relay's own metrics, as an operator's monitoring reads them.

use anyhow::{Result, ensure};
use pulsewire_protocol::CloseCode;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

/// `/metrics` by name, without the prefix, with labels as they stand there.
///
/// # Errors
/// Where the relay does not answer.
pub fn scrape(address: SocketAddr) -> Result<BTreeMap<String, f64>> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    ensure!(text.starts_with("HTTP/1.1 200"), "/metrics answered {:?}", text.lines().next());
    let lines = text.lines().filter_map(|line| line.strip_prefix("pulsewire_")?.rsplit_once(' '));
    Ok(lines.filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?))).collect())
}

/// How many connections were closed with this code.
pub fn closed_with(metrics: &BTreeMap<String, f64>, code: CloseCode) -> u64 {
    metrics.get(&format!("connections_closed_total{{code=\"{}\"}}", code.0)).copied().unwrap_or_default() as u64
}
