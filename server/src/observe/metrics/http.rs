//! The HTTP side: requests by route and status, how long they take, and polls that wait.

use super::register::{counters, gauge, histogram, set};
use super::{Metrics, Snapshot};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabel {
    route: String,
    status: u16,
}

pub(super) struct Http {
    requests: Family<RequestLabel, Counter>,
    request_seconds: Histogram,
    waiting_polls: Gauge,
}

impl Http {
    pub(super) fn register(r: &mut Registry) -> Self {
        Self {
            requests: counters(r, "http_requests", "HTTP requests, by route and status", []),
            request_seconds: histogram(r, "http_request_seconds", "Handling of one HTTP request, waiting polls left out"),
            waiting_polls: gauge(r, "waiting_polls", "Polls that wait for news"),
        }
    }

    pub(super) fn fill(&self, now: &Snapshot) {
        set(&self.waiting_polls, now.waiting_polls as u64);
    }
}

impl Metrics {
    /// One HTTP request was answered. `route` is the route's pattern, never the path: a path is without bound.
    pub fn request_handled(&self, route: &str, status: u16, seconds: Option<f64>) {
        self.http.requests.get_or_create(&RequestLabel { route: route.to_owned(), status }).inc();
        if let Some(seconds) = seconds {
            self.http.request_seconds.observe(seconds);
        }
    }
}
