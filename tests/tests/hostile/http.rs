//! HTTP: paths that want out, lengths that contradict each other, bodies without end, methods that nobody serves.

use crate::ward::Ward;
use crate::wire::Wire;
use std::path::PathBuf;

fn head(ward: &Ward, path: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: ward\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n{more}\r\n",
        ward.service()
    )
}

/// Folder with a page, beside what must never be served.
struct Site(PathBuf);

impl Site {
    fn new() -> Self {
        let root = std::env::temp_dir().join(format!("pulsewire-hostile-{}", std::process::id()));
        std::fs::create_dir_all(root.join("www/assets")).unwrap();
        std::fs::write(root.join("secret.txt"), "do not serve this").unwrap();
        std::fs::write(root.join("www/index.html"), "<title>The page</title>").unwrap();
        std::fs::write(root.join("www/assets/app.js"), "export {}").unwrap();
        Self(root)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn no_path_however_it_is_written_leads_out_of_the_folder_or_past_a_door() {
    let site = Site::new();
    let mut ward = Ward::with(|config| config.www = Some(site.0.join("www"))).await;
    let steps =
        ["..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%c0%ae%c0%ae", "%u002e%u002e", "..;", "...", "..%00", "%2e%2e%2f", "..%5c", "..\\"];
    let slashes = ["/", "%2f", "%5c", "\\", "//", "%252f"];
    for step in steps {
        for slash in slashes {
            for path in [
                format!("/{step}{slash}secret.txt"),
                format!("/assets{slash}{step}{slash}{step}{slash}secret.txt"),
                format!("/assets/{step}{slash}{step}{slash}{step}{slash}{step}{slash}{step}{slash}{step}{slash}etc{slash}passwd"),
                format!("/api/v1/history/{step}{slash}{step}{slash}secret.txt"),
                format!("/api/v1{slash}{step}{slash}{step}{slash}metrics"),
            ] {
                let answer = ward.get(&path, None).await;
                assert!(answer.status < 500, "{path}: {answer:?}");
                let text = answer.text();
                assert!(!text.contains("do not serve") && !text.contains("root:"), "{path} leads out");
                assert!(!text.contains("pulsewire_connections"), "{path} leads to the metrics");
            }
        }
    }
    for path in [
        "/%",
        "/%z",
        "/%zz",
        "/%2",
        "/api/v1/history/%",
        "/api/v1/history/%ff",
        "/api/v1/history/device%3Abed-1%00",
        "/?%",
        "/api/v1/stats?%zz=%",
    ] {
        for token in [None, Some(ward.token("ana"))] {
            let answer = ward.get(path, token.as_deref()).await;
            assert!(answer.status < 500, "{path}: {answer:?}");
        }
    }
    for target in [
        "http://elsewhere.example/healthz",
        "//elsewhere.example/secret.txt",
        "http://[::1/healthz",
        "*",
        "healthz",
        "/api/v1/history/a b",
        "file:///etc/passwd",
    ] {
        let mut wire = Wire::open(ward.address).await;
        wire.send(format!("GET {target} HTTP/1.1\r\nHost: ward\r\nConnection: close\r\n\r\n")).await;
        let told = wire.rest().await;
        assert!(!told.starts_with("HTTP/1.1 5") && !told.contains("root:") && !told.contains("do not serve"), "{target}: {told}");
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_with_413_announced_or_in_chunks() {
    let mut ward = Ward::open().await;
    for path in ["/api/v1/publish", "/api/v1/poll", "/api/v1/devices/status"] {
        // Only announced: nothing is waited for.
        let answer = ward.request(head(&ward, path, "Content-Length: 18446744073709551615\r\n")).await;
        assert!([400, 413, 431].contains(&answer.status), "{path}: {answer:?}");
        let answer = ward.request(head(&ward, path, "Content-Length: 99999999999\r\n")).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (413, Some("too_large")), "{path}");
        let mut wire = Wire::open(ward.address).await;
        wire.send(head(&ward, path, "Transfer-Encoding: chunked\r\n")).await;
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        // One more than fits, and the relay may close before it has read them all.
        for _ in 0..20 {
            if !wire.send(&chunk).await {
                break;
            }
        }
        let answer = wire.answer().await;
        assert!(answer.as_ref().is_none_or(|answer| answer.status == 413), "{path}: {answer:?}");
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn broken_chunks_and_lengths_that_are_no_lengths_are_refused() {
    let mut ward = Ward::open().await;
    for more in [
        "Content-Length: -1\r\n",
        "Content-Length: 1e3\r\n",
        "Content-Length: 0x10\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: \r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    ] {
        let mut wire = Wire::open(ward.address).await;
        wire.send(head(&ward, "/api/v1/publish", more) + "0\r\n\r\n").await;
        let answer = wire.answer().await.unwrap_or_else(|| panic!("{more:?}: closed without a word"));
        assert_eq!(answer.status, 400, "{more:?}: {answer:?}");
        assert_eq!(wire.rest().await, "", "{more:?}: nothing is read as a second request");
    }
    for chunks in [
        "FFFFFFFFFFFFFFFFF\r\n",
        "-1\r\n",
        "zz\r\n",
        "5\r\nab",
        "1;".to_owned().as_str(),
        &format!("1;{}\r\n", "x".repeat(100_000)),
        "2\r\n{}X\r\n0\r\n\r\n",
        "\r\n",
    ] {
        let mut wire = Wire::open(ward.address).await;
        wire.send(head(&ward, "/api/v1/publish", "Transfer-Encoding: chunked\r\n") + chunks).await;
        wire.finish().await;
        let told = wire.rest().await;
        assert!(told.is_empty() || told.starts_with("HTTP/1.1 400"), "{chunks:.40}: {told}");
    }
    // More trailers than any head may have.
    let mut wire = Wire::open(ward.address).await;
    wire.send(head(&ward, "/api/v1/publish", "Transfer-Encoding: chunked\r\n") + "2\r\n[]\r\n0\r\n" + &"X: y\r\n".repeat(50_000)).await;
    wire.finish().await;
    assert!(!wire.rest().await.contains("HTTP/1.1 5"));
    ward.still_serves().await;
}

#[tokio::test]
async fn a_request_with_both_lengths_is_never_read_as_two() {
    let mut ward = Ward::open().await;
    let hidden = "GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n";
    for order in ["Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: {}\r\n"] {
        // A front that goes by the length takes what is hidden for a part of the body; one that goes by the chunks does not.
        let body = format!("0\r\n\r\n{hidden}");
        let mut wire = Wire::open(ward.address).await;
        wire.send(head(&ward, "/api/v1/publish", &order.replace("{}", &body.len().to_string())) + &body).await;
        wire.finish().await;
        let told = wire.rest().await;
        assert_eq!(told.matches("HTTP/1.1 ").count(), 1, "{order:?}: {told}");
        assert!(told.starts_with("HTTP/1.1 400"), "{order:?}: {told}");
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn requests_that_come_all_at_once_are_answered_one_by_one_and_in_order() {
    let mut ward = Ward::open().await;
    let mut wire = Wire::open(ward.address).await;
    let token = ward.token("ana");
    let asked: Vec<(String, u16)> = (0..200)
        .map(|number| match number % 4 {
            0 => ("GET /healthz HTTP/1.1\r\nHost: ward\r\n\r\n".to_owned(), 200),
            1 => (format!("GET /api/v1/stats HTTP/1.1\r\nHost: ward\r\nAuthorization: Bearer {token}\r\n\r\n"), 200),
            2 => ("GET /api/v1/stats HTTP/1.1\r\nHost: ward\r\n\r\n".to_owned(), 401),
            _ => ("GET /nothing HTTP/1.1\r\nHost: ward\r\n\r\n".to_owned(), 404),
        })
        .collect();
    wire.send(asked.iter().map(|(request, _)| request.as_str()).collect::<String>()).await;
    for (at, (_, status)) in asked.iter().enumerate() {
        assert_eq!(wire.answer().await.unwrap_or_else(|| panic!("closed before answer {at}")).status, *status, "answer {at}");
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn an_unread_body_is_not_taken_for_the_next_request() {
    let mut ward = Ward::open().await;
    let hidden = "GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n";
    // Refused before the body is read: no token, a wrong type, a wrong path, a wrong method.
    for (line, more) in [
        ("POST /api/v1/publish", ""),
        ("POST /api/v1/publish", "Content-Type: text/plain\r\n"),
        ("POST /nothing", ""),
        ("PUT /healthz", ""),
        ("GET /healthz", ""),
        ("GET /ws", ""),
    ] {
        let mut wire = Wire::open(ward.address).await;
        wire.send(format!("{line} HTTP/1.1\r\nHost: ward\r\n{more}Content-Length: {}\r\n\r\n{hidden}", hidden.len())).await;
        // Read before we finish: an end that comes before the answer is begun is taken for the end of all interest in it.
        assert!(wire.answer().await.is_some(), "{line}");
        wire.finish().await;
        assert_eq!(wire.rest().await, "", "{line}: a second answer");
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn methods_that_nobody_serves_are_refused_and_head_has_no_body() {
    let mut ward = Ward::open().await;
    for path in ["/healthz", "/api/v1/stats", "/nothing", "/metrics"] {
        let mut wire = Wire::open(ward.address).await;
        wire.send(format!("HEAD {path} HTTP/1.1\r\nHost: ward\r\n\r\nGET /healthz HTTP/1.1\r\nHost: ward\r\n\r\n")).await;
        assert!(wire.answer_to_head().await.unwrap().status < 500, "{path}");
        assert_eq!(wire.answer().await.unwrap().status, 200, "{path}: the answer to HEAD has no body");
    }
    for method in ["OPTIONS", "TRACE", "DELETE", "PATCH", "PROPFIND", "BREW", "M-SEARCH"] {
        for path in ["/healthz", "/api/v1/publish", "/api/v1/stats", "/nothing", "/ws"] {
            let answer = ward
                .request(format!("{method} {path} HTTP/1.1\r\nHost: ward\r\nCookie: session=s3cret\r\nContent-Length: 0\r\n\r\n"))
                .await;
            assert!((200..500).contains(&answer.status), "{method} {path}: {answer:?}");
            assert!(method == "OPTIONS" || [401, 404, 405].contains(&answer.status), "{method} {path}: {answer:?}");
            assert!(!answer.text().contains("s3cret"), "{method} {path} says the request back");
        }
    }
    for target in ["elsewhere.example:443", "127.0.0.1:22", "/"] {
        let mut wire = Wire::open(ward.address).await;
        wire.send(format!("CONNECT {target} HTTP/1.1\r\nHost: ward\r\n\r\n")).await;
        let answer = wire.answer().await;
        assert!(answer.as_ref().is_none_or(|answer| (400..500).contains(&answer.status)), "CONNECT {target}: {answer:?}");
    }
    let options = ward.request("OPTIONS * HTTP/1.1\r\nHost: ward\r\n\r\n").await;
    assert!(options.status < 500, "{options:?}");
    ward.still_serves().await;
}

#[tokio::test]
async fn a_body_packed_or_of_a_wrong_type_is_not_unpacked() {
    let mut ward = Ward::open().await;
    for more in ["Content-Encoding: gzip\r\n", "Content-Encoding: br\r\n", "Content-Encoding: gzip, gzip\r\n"] {
        let answer = ward.request(head(&ward, "/api/v1/publish", &format!("{more}Content-Length: 2\r\n")) + "[]").await;
        assert!((400..500).contains(&answer.status), "{more}: {answer:?}");
    }
    let answer = ward.request(head(&ward, "/api/v1/publish", "Expect: 200-ok\r\nContent-Length: 2\r\n") + "[]").await;
    assert!(answer.status < 500, "{answer:?}");
    ward.still_serves().await;
}
