//! The whole server on a real port: upgrades, subprotocols, refusals, closes, drain.

use crate::support::{SECRET, status};
use futures_util::{SinkExt as _, StreamExt as _};
use jsonwebtoken::{EncodingKey, Header};
use pulsewire_protocol::*;
use pulsewire_relay::config::{Config, SecretString};
use pulsewire_relay::limits::Terms;
use pulsewire_relay::{Clock, Entropy, Publisher, Relay, serve};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WireCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Server {
    address: SocketAddr,
    relay: Relay,
    shutdown: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

async fn server() -> Server {
    server_with(|_| {}).await
}

async fn server_with(change: impl FnOnce(&mut Config)) -> Server {
    let mut config = crate::support::config();
    config.auth.jwt_secret = Some(SecretString::from(SECRET));
    config.origins = vec!["https://ward.example".to_owned()];
    change(&mut config);
    let relay = Relay::new(config, Clock::system(), Entropy::from_os());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(serve(listener, relay.clone(), shutdown.clone()));
    Server { address, relay, shutdown, task }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn token() -> String {
    token_with(&json!({}))
}

fn token_with(extra: &Value) -> String {
    let mut claims = json!({"sub": "nurse", "name": "Ana", "tenant": "ward", "role": "nurse", "exp": now_s() + 600, "subscribe": ["*"], "publish": ["*"]});
    for (key, value) in extra.as_object().unwrap() {
        claims[key] = value.clone();
    }
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

impl Server {
    async fn open(&self, path: &str, headers: &[(&'static str, &str)]) -> Result<(Socket, Option<String>), (u16, Value)> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            // A name may be given twice.
            request.headers_mut().append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, response)) => {
                let chosen = response.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap().to_owned());
                Ok((socket, chosen))
            }
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), serde_json::from_slice(&body).unwrap_or(Value::Null)))
            }
            Err(other) => panic!("{other}"),
        }
    }
}

fn connect_text(token: Option<&str>) -> Message {
    let client = json!({"name": "test", "version": "1", "session": "s1"});
    let mut connect = json!({"type": "connect", "id": 1, "client": client, "subscribe": [{"channel": "device:d1"}]});
    if let Some(token) = token {
        connect["token"] = token.into();
    }
    Message::text(connect.to_string())
}

async fn text(socket: &mut Socket) -> Vec<Value> {
    loop {
        match tokio::time::timeout(Duration::from_secs(10), socket.next()).await.unwrap().unwrap().unwrap() {
            Message::Text(text) => return text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn close_of(socket: &mut Socket) -> (u16, String) {
    loop {
        match tokio::time::timeout(Duration::from_secs(10), socket.next()).await.unwrap() {
            Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
            Some(Ok(_)) => {}
            other => panic!("no close frame: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_plain_client_connects_subscribes_and_receives_by_the_document_alone() {
    let server = server().await;
    let (mut socket, chosen) = server.open("/ws", &[]).await.unwrap();
    assert_eq!(chosen, None);
    socket.send(connect_text(Some(&token()))).await.unwrap();
    let welcome = &text(&mut socket).await[0];
    assert_eq!((&welcome["type"], &welcome["user"], &welcome["tenant"]), (&"welcome".into(), &"nurse".into(), &"ward".into()));
    assert_eq!(welcome["limits"]["maxMessageBytes"], 65_536);
    server.relay.publish(Publisher::System { tenant: "ward" }, "device:d1", status("d1", 0.5), None).await.unwrap();
    let event = loop {
        let messages = text(&mut socket).await;
        if let Some(event) = messages.into_iter().find(|message| message["type"] == "event") {
            break event;
        }
    };
    assert_eq!(
        (&event["channel"], &event["event"], &event["data"]["battery"]),
        (&"device:d1".into(), &"device_status".into(), &json!(0.5))
    );
    socket.close(None).await.unwrap();
}

#[tokio::test]
async fn the_subprotocol_decides_the_encoding() {
    let server = server().await;
    for (offered, chosen, binary) in [
        ("pulsewire.v1.json", "pulsewire.v1.json", false),
        ("pulsewire.v1.cbor", "pulsewire.v1.cbor", true),
        ("x, pulsewire.v1.cbor", "pulsewire.v1.cbor", true),
    ] {
        let (mut socket, answered) = server.open("/ws", &[("sec-websocket-protocol", offered)]).await.unwrap();
        assert_eq!(answered.as_deref(), Some(chosen));
        let connect = Connect { id: 1, token: Some(token()), client: ClientInfo::default(), subscribe: Vec::new() };
        if binary {
            socket.send(Message::binary(cbor::encode_client(&ClientMessage::Connect(connect)))).await.unwrap();
            let Some(Ok(Message::Binary(frame))) = socket.next().await else { panic!() };
            assert!(matches!(cbor::decode_server(&frame).next(), Some(Ok(ServerMessage::Welcome(_)))));
        } else {
            socket.send(connect_text(Some(&token()))).await.unwrap();
            assert_eq!(text(&mut socket).await[0]["type"], "welcome");
        }
    }
}

#[tokio::test]
async fn an_unknown_subprotocol_alone_is_refused_with_400() {
    let server = server().await;
    let refused = server.open("/ws", &[("sec-websocket-protocol", "graphql-ws, pulsewire.v9.json")]).await.map(|_| ()).unwrap_err();
    assert_eq!((refused.0, &refused.1["code"]), (400, &"bad_request".into()));
}

#[tokio::test]
async fn an_upgrade_with_a_bad_token_is_refused_with_401_and_its_code() {
    let server = server().await;
    let expired = token_with(&json!({"exp": now_s() - 100}));
    let forged = format!("{}x", token());
    let bad: [(&str, &str); 4] =
        [("", "token_missing"), ("abc", "token_malformed"), (&expired, "token_expired"), (&forged, "token_invalid")];
    for (token, code) in bad {
        let by_query = server.open(&format!("/ws?x=1&token={token}"), &[]).await.map(|_| ()).unwrap_err();
        assert_eq!((by_query.0, &by_query.1["code"], &by_query.1["status"]), (401, &code.into(), &json!(401)));
        let by_header = server.open("/ws", &[("authorization", &format!("Bearer {token}"))]).await.map(|_| ()).unwrap_err();
        assert_eq!((by_header.0, &by_header.1["code"]), (401, &code.into()));
    }
    let other =
        jsonwebtoken::encode(&Header::default(), &json!({"sub": "a"}), &EncodingKey::from_secret(b"another secret of enough length!"))
            .unwrap();
    assert_eq!(server.open(&format!("/ws?token={other}"), &[]).await.map(|_| ()).unwrap_err().1["code"], "token_invalid");
    let mut request = format!("ws://{}/ws", server.address).into_client_request().unwrap();
    request
        .headers_mut()
        .insert("authorization", tokio_tungstenite::tungstenite::http::HeaderValue::from_bytes(b"Bearer a.\xff.c").unwrap());
    let Err(Error::Http(response)) = tokio_tungstenite::connect_async(request).await else { panic!("a token that is no text") };
    let problem: Value = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
    assert_eq!((response.status().as_u16(), &problem["code"]), (401, &"token_malformed".into()));
    // The header counts before the query.
    let both = server.open(&format!("/ws?token={}", token()), &[("authorization", "Bearer abc")]).await.map(|_| ()).unwrap_err();
    assert_eq!(both.1["code"], "token_malformed");
}

#[tokio::test]
async fn a_good_token_of_the_upgrade_needs_none_in_connect() {
    let server = server().await;
    let (path, bearer) = (format!("/ws?token={}", token()), format!("bearer {}", token()));
    let escaped = path.replace('.', "%2E").replace('e', "%65").replace("tok%65n=", "token=");
    for (path, headers) in [(path.as_str(), vec![]), (escaped.as_str(), vec![]), ("/ws", vec![("authorization", bearer.as_str())])] {
        let (mut socket, _) = server.open(path, &headers).await.unwrap();
        socket.send(connect_text(None)).await.unwrap();
        assert_eq!(text(&mut socket).await[0]["user"], "nurse");
    }
}

#[tokio::test]
async fn a_bad_token_in_connect_closes_with_4401_and_its_code() {
    let server = server().await;
    let expired = token_with(&json!({"exp": now_s() - 100}));
    for (token, code) in
        [(None, "token_missing"), (Some(""), "token_missing"), (Some("a.b"), "token_malformed"), (Some(expired.as_str()), "token_expired")]
    {
        let (mut socket, _) = server.open("/ws", &[]).await.unwrap();
        socket.send(connect_text(token)).await.unwrap();
        assert_eq!(close_of(&mut socket).await, (4401, code.to_owned()));
    }
}

#[tokio::test]
async fn origins_that_are_not_on_the_list_are_refused() {
    let server = server().await;
    let host = format!("http://{}", server.address);
    for (origin, allowed) in [
        ("https://ward.example", true),
        (host.as_str(), true),
        ("https://evil.example", false),
        ("https://ward.example.evil.example", false),
        ("null", false),
    ] {
        let result = server.open("/ws", &[("origin", origin)]).await;
        assert_eq!(result.is_ok(), allowed, "{origin}");
        if let Err((code, body)) = result {
            assert_eq!((code, &body["code"]), (403, &"forbidden".into()));
        }
    }
    // A native client sends none; two, or one that is no text, come from no browser that means well.
    assert!(server.open("/ws", &[]).await.is_ok());
    for origins in [
        &[("origin", "https://ward.example"), ("origin", "https://evil.example")][..],
        &[("origin", "https://wärd.example")],
        &[("origin", "")],
    ] {
        assert_eq!(server.open("/ws", origins).await.map(|_| ()).unwrap_err().0, 403, "{origins:?}");
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_is_told_with_1009_however_large_it_is() {
    let server = server().await;
    // Just above the limit, about where frames are no longer read whole, and far beyond.
    for bytes in [65_537, 65_536 + 16_384, 65_536 + 16_385, 200_000, 2_000_000] {
        let (mut socket, _) = server.open("/ws", &[]).await.unwrap();
        socket.send(connect_text(Some(&token()))).await.unwrap();
        text(&mut socket).await;
        // The relay may close while we still write.
        let _ = socket.send(Message::text(" ".repeat(bytes))).await;
        let told = tokio::time::timeout(Duration::from_secs(10), socket.next()).await.unwrap();
        let Some(Ok(Message::Close(Some(frame)))) = told else { panic!("{bytes}: {told:?}") };
        assert_eq!(frame.code, WireCode::Size);
    }
}

#[tokio::test]
async fn a_socket_that_has_shown_no_token_is_closed_at_the_head_of_a_frame_that_is_too_large() {
    let server = server().await;
    let (mut socket, _) = server.open("/ws", &[]).await.unwrap();
    let MaybeTlsStream::Plain(stream) = socket.get_mut() else { panic!() };
    // A text frame that announces 96 KiB, of which nothing comes: there is nothing to wait for, and nothing to make room for.
    tokio::io::AsyncWriteExt::write_all(stream, b"\x81\xff\0\0\0\0\0\x01\x80\0\0\0\0\0").await.unwrap();
    assert_eq!(close_of(&mut socket).await.0, 1009);
}

#[tokio::test]
async fn a_frame_that_breaks_the_rules_is_told_with_a_close_frame() {
    let server = server().await;
    // Masked with zeros: text that is not UTF-8; then a frame with a reserved bit, which no extension allows.
    for (frame, code) in [(&b"\x81\x82\0\0\0\0\xc3\x28"[..], 4400), (&b"\xc1\x82\0\0\0\0hi"[..], 1002)] {
        let (mut socket, _) = server.open("/ws", &[]).await.unwrap();
        socket.send(connect_text(Some(&token()))).await.unwrap();
        text(&mut socket).await;
        let MaybeTlsStream::Plain(stream) = socket.get_mut() else { panic!() };
        tokio::io::AsyncWriteExt::write_all(stream, frame).await.unwrap();
        assert_eq!(close_of(&mut socket).await.0, code);
    }
}

#[tokio::test]
async fn over_the_limit_of_an_address_an_upgrade_gets_503_with_a_delay_and_places_are_given_back() {
    let server = server_with(|config| config.limits.per_address = 2).await;
    let first = server.open("/ws", &[]).await.unwrap();
    let _second = server.open("/ws", &[]).await.unwrap();
    let refused = server.open("/ws", &[]).await.map(|_| ()).unwrap_err();
    assert_eq!((refused.0, &refused.1["code"], &refused.1["retryable"]), (503, &"unavailable".into(), &json!(true)));
    drop(first);
    let mut again = server.open("/ws", &[]).await;
    for _ in 0..100 {
        if again.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        again = server.open("/ws", &[]).await;
    }
    panic!("the place was not given back");
}

#[tokio::test]
async fn a_shutdown_closes_with_4503_and_ends_the_server_in_time() {
    let server = server().await;
    let (mut socket, _) = server.open("/ws", &[]).await.unwrap();
    socket.send(connect_text(Some(&token()))).await.unwrap();
    text(&mut socket).await;
    server.shutdown.cancel();
    let (code, reason) = close_of(&mut socket).await;
    assert_eq!(code, 4503);
    assert!(error::retry_after_from_reason(&reason).is_some(), "{reason}");
    drop(socket);
    tokio::time::timeout(Duration::from_secs(10), server.task).await.expect("in time").unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn half_a_request_does_not_keep_its_socket_and_a_whole_one_is_answered() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = axum::Router::new().route("/", axum::routing::get(|| async { "here" }));
    let stop = CancellationToken::new();
    let mut config = crate::support::config();
    config.limits.head_timeout_ms = 200;
    config.limits.keep_alive_ms = 300;
    let terms = Terms::new(&Relay::new(config, Clock::system(), Entropy::from_os()));
    let task = tokio::spawn(pulsewire_relay::listen::serve(listener, app, terms, stop.clone()));
    // Nothing at all, half a line, half a head, and a second request that never comes whole.
    for begun in ["", "GET", "GET / HTTP/1.1\r\nhost: x\r\nx-slow:", "GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HT"] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(begun.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "{begun:?} keeps its socket: {}", String::from_utf8_lossy(&answer));
        assert_eq!(String::from_utf8_lossy(&answer).contains("here"), begun.contains("\r\n\r\n"));
    }
    // One that keeps on sending a byte now and then gains no time by it.
    let mut drip = TcpStream::connect(address).await.unwrap();
    let dripped = async {
        loop {
            if drip.write_all(b"G").await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), dripped).await.expect("a dripping head keeps its socket");
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), task).await.expect("ends").unwrap();
}

#[tokio::test]
async fn a_proxy_finds_a_connection_that_it_kept_for_a_minute_still_open_and_a_silent_one_is_closed_before() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = server_with(|config| {
        config.limits.head_timeout_ms = 200;
        config.limits.keep_alive_ms = 1_500;
    })
    .await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..3 {
        kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 4_096];
        let length = tokio::time::timeout(Duration::from_secs(5), kept.read(&mut answer)).await.unwrap().unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer[..length]));
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_millis(1), silent.read_to_end(&mut rest)).await.expect("closed long ago").unwrap();
    // A head that is begun and never whole gains no time by it.
    kept.write_all(b"GET /healthz HTT").await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), kept.read_to_end(&mut rest)).await.expect("closed in the end").unwrap();
}

#[tokio::test]
async fn a_shutdown_answers_what_was_begun_and_ends_what_only_waits() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = server().await;
    // A poll that waits, a connection that is kept alive, a socket that says nothing.
    let body = r#"{"channels":[{"channel":"lobby","recover":{"epoch":"none","offset":0}}],"waitMs":20000}"#;
    let head = format!("authorization: Bearer {}\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", token(), body.len());
    let mut poller = TcpStream::connect(server.address).await.unwrap();
    poller.write_all(format!("POST /api/v1/poll HTTP/1.1\r\n{head}").as_bytes()).await.unwrap();
    let mut kept = TcpStream::connect(server.address).await.unwrap();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    kept.read_exact(&mut first).await.unwrap();
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let (mut socket, _) = server.open("/ws", &[]).await.unwrap();
    socket.send(connect_text(Some(&token()))).await.unwrap();
    text(&mut socket).await;
    server.shutdown.cancel();
    assert_eq!(close_of(&mut socket).await.0, 4503);
    let mut answer = Vec::new();
    poller.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    for waiting in [&mut kept, &mut silent] {
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(5), waiting.read_to_end(&mut rest)).await.expect("ended").unwrap();
    }
    tokio::time::timeout(Duration::from_secs(8), server.task).await.expect("the server ends").unwrap().unwrap();
}
