//! Requests, each on a connection of its own.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The body of an answer that is 2xx; nothing where there was none, or it says to try again.
pub async fn post(address: SocketAddr, path: &str, token: &str, kind: &str, body: Vec<u8>) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(body);
    stream.write_all(&request).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (String::from_utf8_lossy(&answer[..end]).into_owned(), &answer[end + 4..]);
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
    if length.is_some_and(|length| length != body.len()) {
        // The relay died while it answered.
        return None;
    }
    match head.split(' ').nth(1)? {
        "200" | "202" => Some(body.to_vec()),
        "503" => {
            let problem: serde_json::Value = serde_json::from_slice(body).unwrap();
            assert!(problem["code"] == "unavailable" && problem["retryable"] == true, "{problem}");
            None
        }
        _ => panic!("{path}: {head} {}", String::from_utf8_lossy(body)),
    }
}
