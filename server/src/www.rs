//! Static files of `--www`: the page, and `index.html` for every path that a page routes by itself.
//!
//! `tower-http`'s `ServeDir` finds the files: it knows content types (`application/wasm` too), ranges and conditional requests,
//! and never leaves its folder by `..`. It does follow links, and it serves what begins with a dot: both are refused here, so
//! that a `.env`, a `.git` or a link to somewhere else in the folder stays where it is. Files whose name holds a hash of their content are kept for ever, everything else is asked
//! for anew.

use crate::api::Problem;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use pulsewire_protocol::ErrorCode;
use std::path::Path;
use std::sync::Arc;
use tower_http::services::{ServeDir, ServeFile};

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const PAGE_POLICY: HeaderValue = HeaderValue::from_static("frame-ancestors 'self'; base-uri 'self'; object-src 'none'");
const PAGE_REFERRER: HeaderValue = HeaderValue::from_static("same-origin");
const ASK_EVERY_TIME: HeaderValue = HeaderValue::from_static("no-cache");

/// The files of this folder, as a router that answers every path.
pub fn service(folder: &Path) -> Router {
    let files = ServeDir::new(folder).precompressed_br().precompressed_gzip().append_index_html_on_directories(true);
    let index = ServeFile::new(folder.join("index.html"));
    let folder: Arc<Path> = Arc::from(folder);
    Router::new().fallback_service(files.fallback(index)).layer(middleware::from_fn_with_state(folder, guard))
}

/// Whether a part of the path begins with a dot. `/.well-known` is meant to be seen (RFC 8615).
fn is_hidden(path: &str) -> bool {
    path.split(['/', '\\']).enumerate().any(|(place, part)| part.starts_with('.') && !(place == 1 && part == ".well-known"))
}

/// Whether everything that could answer the path lies in the folder, wherever links lead.
fn stays_inside(folder: &Path, path: &str) -> bool {
    let Ok(root) = folder.canonicalize() else { return false };
    let asked = folder.join(path.trim_start_matches('/'));
    let files = [asked.join("index.html"), asked, folder.join("index.html")];
    files.iter().all(|file| {
        ["", ".br", ".gz"].iter().all(|packed| {
            let mut name = file.clone().into_os_string();
            name.push(packed);
            // What is not there leads nowhere.
            Path::new(&name).canonicalize().map_or(true, |real| real.starts_with(&root))
        })
    })
}

/// Whether the path is one that the relay answers itself or not at all.
fn is_reserved(path: &str) -> bool {
    ["/api", "/dev", "/admin", "/ws", "/metrics", "/openapi.json", "/docs"]
        .iter()
        .any(|reserved| path.strip_prefix(reserved).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Whether the last part of the path looks like a file.
fn names_a_file(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|last| last.contains('.'))
}

/// Whether the name holds a hash of the content, as bundlers write it: `index-BtUuD3Xk.js`, `pulsewire_bg.4f3a9c1d.wasm`.
fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or("");
    let Some((stem, _extension)) = name.rsplit_once('.') else { return false };
    // Vite's hash is 8 characters of base64url, which may hold the very dash that stands before it; others write hexadecimal.
    let of_eight = stem.len().checked_sub(8).and_then(|at| stem.split_at_checked(at)).filter(|(rest, _)| rest.ends_with(['-', '.']));
    let last = stem.rsplit_once(['-', '.']).filter(|(_, hash)| hash.len() >= 8);
    of_eight.or(last).is_some_and(|(rest, hash)| {
        let mixed = hash.bytes().any(|b| b.is_ascii_digit()) || hash.bytes().any(|b| b.is_ascii_uppercase());
        rest.len() > 1 && mixed && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    })
}

async fn guard(State(folder): State<Arc<Path>>, request: Request<Body>, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let missing = || Problem::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, "there is nothing here").into_response();
    // A request line may name a host or nothing instead of a path (RFC 9112, section 3.2): `ServeDir` takes that for a defect.
    if !path.starts_with('/') || is_reserved(&path) {
        return missing();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = Problem::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadRequest, "files are only read here").into_response();
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let plain = crate::ws::unescape(&path);
    if is_hidden(&plain) {
        return missing();
    }
    // The file system is asked: not on the thread that serves everybody.
    if !tokio::task::spawn_blocking(move || stays_inside(&folder, &plain)).await.unwrap_or(false) {
        return missing();
    }
    let mut response = next.run(request).await;
    let is_html = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if names_a_file(&path) && is_html && !path.ends_with(".html") {
        // A script or an image that is not there: `index.html` in its place would be a riddle in the console.
        return missing();
    }
    if response.status() == StatusCode::NOT_FOUND {
        return missing();
    }
    let caching = if is_hashed(&path) && !is_html { FOR_EVER } else { ASK_EVERY_TIME };
    response.headers_mut().insert(header::CACHE_CONTROL, caching);
    // A page of the operator's own loads what it likes; who may frame it, and what its links tell other sites, is bounded.
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    response.headers_mut().insert(header::REFERRER_POLICY, PAGE_REFERRER);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_hash_are_kept_for_ever_and_others_are_not() {
        for hashed in
            ["/assets/index-BtUuD3Xk.js", "/assets/pulsewire_bg-4f3a9c1d.wasm", "/a/chunk.DiwrgTda12.css", "/assets/index-D-sx9k_2.js"]
        {
            assert!(is_hashed(hashed), "{hashed}");
        }
        for plain in ["/index.html", "/favicon.svg", "/sw.js", "/robots.txt", "/assets/pulsewire-elements.js", "/"] {
            assert!(!is_hashed(plain), "{plain}");
        }
    }

    #[test]
    fn the_relays_own_paths_never_fall_through_to_the_page() {
        for reserved in ["/api", "/api/v1/nonsense", "/dev/token", "/ws", "/metrics"] {
            assert!(is_reserved(reserved), "{reserved}");
        }
        for page in ["/", "/patients/patient-1", "/apiary", "/development"] {
            assert!(!is_reserved(page), "{page}");
        }
    }
}
