//! The two ways to write metrics down, and which of them a scraper asks for.
//!
//! `prometheus-client` writes OpenMetrics 1.0. Prometheus' own text format (0.0.4), which older scrapers read, differs in three
//! things: a counter's comments carry its name with `_total`, there are no units, and no `# EOF`.

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Classic,
}

impl Exposition {
    /// What an `Accept` header asks for: the classic text only where it is named with at least as much weight as OpenMetrics,
    /// or where OpenMetrics is named nowhere and `text/plain` is. Nothing, or anything: OpenMetrics, which Prometheus itself prefers.
    pub fn accepted(accept: Option<&str>) -> Self {
        let weight = |name: &str| {
            let ranges = accept.unwrap_or_default().split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let is_it = parts.next()?.eq_ignore_ascii_case(name);
                is_it.then(|| parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok()).unwrap_or(1.0))
            });
            ranges.fold(0.0_f32, f32::max)
        };
        if weight("text/plain") > weight("application/openmetrics-text") { Self::Classic } else { Self::OpenMetrics }
    }

    /// The `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// OpenMetrics text in this form.
    pub fn of(self, openmetrics: String) -> String {
        match self {
            Self::OpenMetrics => openmetrics,
            Self::Classic => classic(&openmetrics),
        }
    }
}

fn classic(openmetrics: &str) -> String {
    let counters: Vec<&str> = openmetrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut text = String::with_capacity(openmetrics.len() + 16 * counters.len());
    for line in openmetrics.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT ")) {
        let named = ["# HELP ", "# TYPE "].iter().find_map(|comment| Some((comment, line.strip_prefix(comment)?.split_once(' ')?)));
        match named {
            Some((comment, (name, rest))) if counters.contains(&name) => {
                text.push_str(comment);
                text.push_str(name);
                text.push_str("_total ");
                text.push_str(rest);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Metrics, Snapshot};
    use super::*;

    #[test]
    fn a_scraper_gets_the_form_it_asks_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for accept in [
            None,
            Some("*/*"),
            Some(prometheus),
            Some("application/openmetrics-text"),
            Some("text/html"),
            Some("text/plain;q=x,application/openmetrics-text"),
        ] {
            assert_eq!(Exposition::accepted(accept), Exposition::OpenMetrics, "{accept:?}");
        }
        for accept in [
            "text/plain",
            "text/plain;version=0.0.4",
            "TEXT/PLAIN; q=0.9, application/openmetrics-text; q=0.5",
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
        ] {
            assert_eq!(Exposition::accepted(Some(accept)), Exposition::Classic, "{accept:?}");
        }
    }

    #[test]
    fn the_classic_text_has_every_sample_and_types_them_by_the_name_they_have() {
        let open = Metrics::new().render(Snapshot::default()).unwrap();
        let text = Exposition::Classic.of(open.clone());
        let samples = |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(samples(&text), samples(&open));
        assert!(!text.contains("# EOF") && !text.contains("# UNIT"));
        for comment in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = comment.split_once(' ').unwrap();
            assert_eq!(kind == "counter", name.ends_with("_total"), "{comment}");
            if kind != "histogram" {
                assert!(samples(&text).iter().any(|sample| sample.starts_with(name)) || name == "pulsewire_http_requests_total", "{name}");
            }
        }
    }
}
