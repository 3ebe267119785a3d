//! Static pages (`--www`): content types, caching, routes of the page, and no way out of the folder.

use crate::client::*;
use pulsewire_relay::config::Config;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

/// A folder with a page in it, beside a file that must never be served.
struct Site {
    root: PathBuf,
    server: Server,
}

impl Site {
    fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("pulsewire-www-{}-{name}", std::process::id()));
        let www = root.join("www");
        std::fs::create_dir_all(www.join("assets")).unwrap();
        for (file, content) in [
            ("../secret.txt", "do not serve this"),
            ("index.html", "<!doctype html><title>The page</title>"),
            ("favicon.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
            ("assets/index-BtUuD3Xk.js", "export {}"),
            ("assets/pulsewire_bg-4f3a9c1d.wasm", "\0asm\u{1}\0\0\0"),
            ("assets/index-D3adb33f.css", "body{}"),
        ] {
            std::fs::write(www.join(file), content).unwrap();
        }
        let server = Server::with(Config { www: Some(www), ..Config::development() });
        Self { root, server }
    }

    /// Sends the path as it is: a polite client would tidy it up first.
    fn raw(&self, path: &str) -> String {
        let mut socket = std::net::TcpStream::connect(self.server.url().trim_start_matches("http://")).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

#[test]
fn files_come_with_their_type_and_hashed_ones_are_kept_for_ever() {
    let site = Site::new("types");
    let for_ever = "public, max-age=31536000, immutable";
    for (path, kind, caching) in [
        ("/", "text/html", "no-cache"),
        ("/index.html", "text/html", "no-cache"),
        ("/favicon.svg", "image/svg+xml", "no-cache"),
        ("/assets/index-BtUuD3Xk.js", "text/javascript", for_ever),
        ("/assets/pulsewire_bg-4f3a9c1d.wasm", "application/wasm", for_ever),
        ("/assets/index-D3adb33f.css", "text/css", for_ever),
    ] {
        let answer = site.server.request("GET", path, None, None, &[]);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert!(answer.header("content-type").starts_with(kind), "{path}: {}", answer.header("content-type"));
        assert_eq!(answer.header("cache-control"), caching, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[test]
fn the_pages_own_routes_get_the_page_and_a_missing_file_does_not() {
    let site = Site::new("routes");
    for path in ["/patients/patient-1", "/ward", "/patients/patient-1?tab=ecg"] {
        let answer = site.server.request("GET", path, None, None, &[]);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text().contains("The page"), "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{path}");
    }
    for path in ["/assets/gone-BtUuD3Xk.js", "/missing.wasm", "/api/v1/nothing", "/api", "/dev/nothing", "/admin"] {
        let answer = site.server.request("GET", path, None, None, &[]);
        assert_eq!((answer.status, answer.header("content-type")), (404, "application/problem+json"), "{path}");
        assert_eq!(answer.json()["code"], "not_found");
        assert!(!answer.header("cache-control").contains("immutable"), "{path}: a missing file must not be remembered");
    }
    let posted = site.server.request("POST", "/", None, None, &[]);
    assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD"));
}

#[test]
fn the_relays_own_doors_stand_before_the_page() {
    let site = Site::new("doors");
    assert_eq!(site.server.request("GET", "/healthz", None, None, &[]).header("content-type"), "application/json");
    assert_eq!(site.server.get("/api/v1/presence/tenant", &nurse()).status, 200);
    let wrong = site.server.request("DELETE", "/api/v1/stats", None, None, &[]);
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (405, Some("bad_request")));
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let site = Site::new("escape");
    for path in [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/..%5csecret.txt",
        "/%00/secret.txt",
        "//secret.txt",
        "/%252e%252e/secret.txt",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
    ] {
        let answer = site.raw(path);
        assert!(answer.starts_with("HTTP/1.1 "), "{path}: {answer}");
        assert!(!answer.contains("do not serve this") && !answer.contains("root:"), "{path} leads out: {answer}");
    }
}

#[test]
fn what_is_hidden_in_the_folder_or_linked_from_outside_is_not_there() {
    let site = Site::new("hidden");
    let www = site.root.join("www");
    for folder in [".git", ".well-known", "assets/.cache"] {
        std::fs::create_dir_all(www.join(folder)).unwrap();
    }
    for file in [".env", ".git/config", "assets/.cache/x.txt", "assets/.htpasswd"] {
        std::fs::write(www.join(file), "do not serve this").unwrap();
    }
    std::fs::write(www.join(".well-known/security.txt"), "Contact: ward").unwrap();
    std::os::unix::fs::symlink(site.root.join("secret.txt"), www.join("linked.txt")).unwrap();
    std::os::unix::fs::symlink(site.root.join("secret.txt"), www.join("favicon.svg.gz")).unwrap();
    std::os::unix::fs::symlink(&site.root, www.join("up")).unwrap();
    std::os::unix::fs::symlink(www.join("index.html"), www.join("home.html")).unwrap();
    for path in [
        "/.env",
        "/%2eenv",
        "/%2Eenv",
        "/.git/config",
        "/%2egit/config",
        "/assets/.cache/x.txt",
        "/assets/.htpasswd",
        "/linked.txt",
        "/up/secret.txt",
        "/assets/../.env",
        "/x/.well-known/../../.env",
    ] {
        let answer = site.raw(path);
        assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("problem+json"), "{path}: {answer}");
    }
    let answer = site.server.request("GET", "/favicon.svg", None, None, &[("accept-encoding", "gzip")]);
    assert_eq!(answer.status, 404, "{answer:?}");
    assert_eq!(site.server.request("GET", "/.well-known/security.txt", None, None, &[]).text(), "Contact: ward");
    assert!(
        site.server.request("GET", "/home.html", None, None, &[]).text().contains("The page"),
        "a link inside the folder may be followed"
    );
}

#[test]
fn an_unchanged_file_is_not_sent_again_and_a_part_can_be_asked_for() {
    let site = Site::new("conditional");
    let first = site.server.request("GET", "/favicon.svg", None, None, &[]);
    let modified = first.header("last-modified");
    assert!(!modified.is_empty(), "{first:?}");
    let again = site.server.request("GET", "/favicon.svg", None, None, &[("if-modified-since", modified)]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    let part = site.server.request("GET", "/favicon.svg", None, None, &[("range", "bytes=0-3")]);
    assert_eq!((part.status, part.text().as_str()), (206, "<svg"));
}
