//! What operators are given is held to the code: every metric is explained, and the dashboard and the alert rules ask only for
//! metrics and labels that there are.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, VectorSelector};
use pulsewire_relay::observe::metrics::{Metrics, Snapshot};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const METRICS: &str = include_str!("../../docs/operations/metrics.md");
const DASHBOARD: &str = include_str!("../../docs/operations/grafana-dashboard.json");
const RULES: &str = include_str!("../../docs/operations/prometheus-alerts.yml");

/// The samples' names with the labels that they carry, as a scrape has them.
fn samples() -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let metrics = Metrics::new();
    // A route becomes a label with its first request.
    metrics.request_handled("/api/v1/publish", 202, Some(0.001));
    let mut samples: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for line in metrics.render(Snapshot::default()).unwrap().lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        let labels = samples.entry(name.to_owned()).or_default();
        let Some(rest) = rest.strip_prefix('{') else { continue };
        for label in rest.split('}').next().unwrap().split("\",") {
            let (label, value) = label.split_once("=\"").unwrap();
            labels.entry(label.to_owned()).or_default().insert(value.trim_end_matches('"').to_owned());
        }
    }
    samples
}

/// The metrics' own names: a histogram is one.
fn families() -> BTreeSet<String> {
    let mut families = BTreeSet::new();
    for name in samples().keys() {
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        families.insert(of_histogram.unwrap_or(name).to_owned());
    }
    families
}

/// The rows of the tables: name, kind, labels.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut rows = BTreeMap::new();
    for line in METRICS.lines().filter(|line| line.starts_with("| `pulsewire_")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 6, "a row has name, kind, labels and meaning: {line}");
        assert!(cells[4].len() > 10, "{line}");
        let labels = cells[3].split(',').map(|label| label.trim().trim_matches('`').to_owned()).filter(|label| !label.is_empty()).collect();
        let before = rows.insert(cells[1].trim_matches('`').to_owned(), (cells[2].to_owned(), labels));
        assert!(before.is_none(), "twice: {line}");
    }
    rows
}

#[test]
fn every_metric_is_explained_and_nothing_is_explained_that_is_not_there() {
    let documented = documented();
    let names: BTreeSet<String> = documented.keys().cloned().collect();
    let families = families();
    let missing: Vec<_> = families.difference(&names).collect();
    let gone: Vec<_> = names.difference(&families).collect();
    assert!(missing.is_empty() && gone.is_empty(), "docs/operations/metrics.md lacks {missing:?}, and explains {gone:?}");
    let samples = samples();
    for (name, (kind, labels)) in &documented {
        let sampled = samples.get(name).or_else(|| samples.get(&format!("{name}_bucket"))).unwrap();
        let sampled: BTreeSet<String> = sampled.keys().filter(|label| *label != "le").cloned().collect();
        assert_eq!(labels, &sampled, "the labels of {name}");
        let is = if samples.contains_key(&format!("{name}_bucket")) {
            "histogram"
        } else if name.ends_with("_total") {
            "counter"
        } else {
            "gauge"
        };
        assert_eq!(kind, is, "{name}");
    }
}

/// Checks one expression: it parses, and asks only for metrics, labels and values that there are.
fn check(expression: &str, place: &str) {
    // Grafana's own variables.
    let plain = expression.replace("$__rate_interval", "5m").replace("$job", ".*").replace("$instance", ".*");
    let parsed = promql_parser::parser::parse(&plain).unwrap_or_else(|error| panic!("{place}: {error}\n{expression}"));
    let mut selectors = Vec::new();
    collect(&parsed, &mut selectors);
    assert!(!selectors.is_empty(), "{place} asks for nothing: {expression}");
    let samples = samples();
    for selector in selectors {
        let name = selector.name.clone().unwrap_or_else(|| panic!("{place}: a selector without a name"));
        if name == "up" {
            continue;
        }
        let labels = samples.get(&name).unwrap_or_else(|| panic!("{place}: there is no metric {name}"));
        for matcher in &selector.matchers.matchers {
            if ["job", "instance"].contains(&matcher.name.as_str()) {
                continue;
            }
            let values = labels.get(&matcher.name).unwrap_or_else(|| panic!("{place}: {name} has no label {}", matcher.name));
            // A route comes with its requests; all other words are there from the start.
            if matcher.name == "route" || matcher.name == "status" {
                continue;
            }
            let alternatives: Vec<&str> = match &matcher.op {
                MatchOp::Equal | MatchOp::NotEqual => vec![matcher.value.as_str()],
                MatchOp::Re(_) | MatchOp::NotRe(_) => matcher.value.split('|').collect(),
            };
            for value in alternatives {
                assert!(values.contains(value), "{place}: {name} never has {}={value:?}, only {values:?}", matcher.name);
            }
        }
    }
}

fn collect<'e>(expression: &'e Expr, found: &mut Vec<&'e VectorSelector>) {
    match expression {
        Expr::VectorSelector(selector) => found.push(selector),
        Expr::MatrixSelector(matrix) => found.push(&matrix.vs),
        Expr::Aggregate(aggregate) => {
            collect(&aggregate.expr, found);
            if let Some(parameter) = &aggregate.param {
                collect(parameter, found);
            }
        }
        Expr::Unary(unary) => collect(&unary.expr, found),
        Expr::Binary(binary) => {
            collect(&binary.lhs, found);
            collect(&binary.rhs, found);
        }
        Expr::Paren(paren) => collect(&paren.expr, found),
        Expr::Subquery(subquery) => collect(&subquery.expr, found),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| collect(argument, found)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
        Expr::Extension(_) => panic!("an extension of PromQL"),
    }
}

#[test]
#[should_panic(expected = "there is no metric pulsewire_connektions")]
fn a_misspelt_metric_is_found() {
    check("sum(rate(pulsewire_connektions[5m])) > 1", "here");
}

#[test]
#[should_panic(expected = "never has code=\"4412\"")]
fn a_label_value_that_never_comes_is_found() {
    check("rate(pulsewire_connections_closed_total{code=~\"4413|4412\"}[5m])", "here");
}

/// The parts of Prometheus' rule files, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    groups: Vec<Group>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    alert: String,
    expr: String,
    #[serde(default, rename = "for")]
    holding: Option<String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

#[test]
fn each_alert_rule_asks_for_what_there_is_and_says_what_to_do() {
    let rules: Rules = serde_saphyr::from_str(RULES).unwrap();
    let mut names = BTreeSet::new();
    for group in &rules.groups {
        assert!(names.insert(&group.name), "two groups {}", group.name);
        for rule in &group.rules {
            assert!(names.insert(&rule.alert), "two rules {}", rule.alert);
            check(&rule.expr, &rule.alert);
            assert!(["critical", "warning"].contains(&rule.labels["severity"].as_str()), "{}", rule.alert);
            let holding = rule.holding.as_deref().unwrap_or("1m");
            let (number, unit) = holding.split_at(holding.len() - 1);
            assert!(number.parse::<u32>().is_ok() && ["s", "m", "h"].contains(&unit), "{}: for {holding}", rule.alert);
            for said in ["summary", "mend"] {
                assert!(rule.annotations[said].len() > 20, "{}: {said}", rule.alert);
            }
        }
    }
    for subject in ["RelayDown", "NotReady", "MassDisconnects", "InvalidTokens", "SlowConsumers", "Queues", "Memory", "FileDescriptors"] {
        assert!(names.iter().any(|name| **name == format!("Pulsewire{subject}")), "no rule for {subject}");
    }
    for subject in ["DeliveryLatency", "NoEvents", "LogLinesLost"] {
        assert!(names.iter().any(|name| **name == format!("Pulsewire{subject}")), "no rule for {subject}");
    }
}

#[test]
fn the_dashboard_is_what_grafana_reads_and_each_panel_asks_for_what_there_is() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().is_some_and(|version| version >= 36), "schemaVersion");
    for name in ["title", "uid", "refresh"] {
        assert!(dashboard[name].is_string(), "{name}");
    }
    assert!(dashboard["uid"].as_str().unwrap().len() <= 40);
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let is_variable = |name: &str| variables.iter().any(|variable| variable["name"] == name);
    assert!(variables.iter().any(|variable| variable["name"] == "datasource" && variable["type"] == "datasource"));
    let known = |source: &Value, place: &str| {
        assert_eq!(
            (source["type"].as_str(), source["uid"].as_str()),
            (Some("prometheus"), Some("${datasource}")),
            "the data source of {place}"
        );
    };
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut places: Vec<[u64; 4]> = Vec::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "two panels have the id of {title}");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().unwrap_or_else(|| panic!("{title}: {name}")));
        assert!(w > 0 && h > 0 && x + w <= 24, "{title} is not on the grid");
        assert!(
            places.iter().all(|[a, b, c, d]| x + w <= *a || a + c <= x || y + h <= *b || b + d <= y),
            "{title} lies over another panel"
        );
        places.push([x, y, w, h]);
        if panel["type"] == "row" {
            continue;
        }
        assert!(["stat", "timeseries"].contains(&panel["type"].as_str().unwrap()), "{title}");
        known(&panel["datasource"], title);
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title} asks for nothing");
        let mut letters = BTreeSet::new();
        for target in targets {
            known(&target["datasource"], title);
            assert!(letters.insert(target["refId"].as_str().unwrap()), "{title}: two targets of one letter");
            let expression = target["expr"].as_str().unwrap();
            for name in expression.split('$').skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()) {
                assert!(is_variable(name) || name == "__rate_interval", "{title}: there is no variable ${name}");
            }
            check(expression, title);
        }
    }
    assert!(panels.len() > 15);
}
