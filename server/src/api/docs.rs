//! `/docs`: the OpenAPI document as one page of plain HTML.
//!
//! Why our own and no viewer from a package: those are two to three megabytes of script that need a policy with `unsafe-inline`, and a
//! relay in a hospital should serve no more than it must. This page has no script, loads nothing, prints whole, and its policy names
//! the hash of its one style sheet. `maud` writes the HTML, so that no text of the document can become markup.
//!
//! Limits: it shows what our document uses, not all that OpenAPI could say.

#![allow(clippy::indexing_slicing, reason = "a `Value` read by a name or a place that is not there gives null: nothing panics")]

use base64::Engine as _;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("docs.css");
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// What the page may load and who may frame it: its own style sheet, and nobody.
pub(super) fn policy() -> String {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
}

/// The page.
pub(super) fn page(document: &Value) -> String {
    let operations = operations(document);
    let tags: Vec<&Value> = list(&document["tags"]).filter(|tag| operations.iter().any(|of| of.tag == text(&tag["name"]))).collect();
    let schemas: Vec<(&String, &Value)> = entries(&document["components"]["schemas"]).collect();
    let title = text(&document["info"]["title"]);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · HTTP API" }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    h1 { (title) }
                    p.version { "Version " (text(&document["info"]["version"])) " · " a href="/openapi.json" { "openapi.json" } }
                }
                nav aria-label="Contents" {
                    @for tag in &tags {
                        h2 { (text(&tag["name"])) }
                        ul {
                            @for operation in operations.iter().filter(|of| of.tag == text(&tag["name"])) {
                                li { a href={ "#" (operation.id()) } { (verb(operation.method)) " " span.path { (broken(operation.path)) } } }
                            }
                        }
                    }
                    details {
                        summary { h2 { "Schemas" } }
                        ul { @for (name, _) in &schemas { li { a href={ "#schema-" (name) } { (name) } } } }
                    }
                }
                main id="content" {
                    section { (prose(text(&document["info"]["description"]))) }
                    section aria-labelledby="security" {
                        h2 id="security" { "Who may call" }
                        @for (name, scheme) in entries(&document["components"]["securitySchemes"]) {
                            p { strong { (name) } ": " (inline(text(&scheme["description"]))) }
                        }
                    }
                    @for tag in &tags {
                        section {
                            h2 { (text(&tag["name"])) }
                            (prose(text(&tag["description"])))
                            @for operation in operations.iter().filter(|of| of.tag == text(&tag["name"])) { (operation.shown(document)) }
                        }
                    }
                    section {
                        h2 id="schemas" { "Schemas" }
                        @for (name, schema) in &schemas { (shown_schema(name, schema)) }
                    }
                }
            }
        }
    };
    markup.into_string()
}

/// One method of one path.
struct Operation<'a> {
    path: &'a str,
    method: &'static str,
    tag: &'a str,
    value: &'a Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in entries(&document["paths"]) {
        for method in METHODS {
            if let Some(value) = item.get(method) {
                all.push(Operation { path, method, tag: text(&value["tags"][0]), value });
            }
        }
    }
    all
}

impl Operation<'_> {
    fn id(&self) -> &str {
        text(&self.value["operationId"])
    }

    fn shown(&self, document: &Value) -> Markup {
        let open = list(&self.value["security"]).any(|way| way.as_object().is_some_and(serde_json::Map::is_empty));
        let body = &self.value["requestBody"];
        let parameters: Vec<&Value> = list(&self.value["parameters"]).collect();
        html! {
            article aria-labelledby=(self.id()) {
                h3 id=(self.id()) { (verb(self.method)) " " span.path { (broken(self.path)) } }
                p.summary { (inline(text(&self.value["summary"]))) @if open { " " span.badge { "no token needed" } } }
                (prose(text(&self.value["description"])))
                @if !parameters.is_empty() {
                    h4 { "Parameters" }
                    (table(&["Name", "Where", "Type", "Meaning"], parameters.iter().map(|parameter| vec![
                        html! { code { (text(&parameter["name"])) } @if parameter["required"] == true { (required()) } },
                        html! { (text(&parameter["in"])) },
                        kind(&parameter["schema"]),
                        inline(text(&parameter["description"])),
                    ]).collect()))
                }
                @if body.is_object() {
                    h4 { "Body" }
                    (prose(text(&body["description"])))
                    (contents(body, document))
                }
                h4 { "Answers" }
                (table(&["Status", "Meaning", "Body"], entries(&self.value["responses"]).map(|(status, answer)| {
                    let answer = followed(document, answer);
                    vec![html! { code { (status) } }, inline(text(&answer["description"])), media(answer)]
                }).collect()))
            }
        }
    }
}

fn verb(method: &str) -> Markup {
    html! { span class={ "verb " (method) } { (method.to_ascii_uppercase()) } }
}

fn required() -> Markup {
    html! { " " span.badge { "required" } }
}

fn table(heads: &[&str], rows: Vec<Vec<Markup>>) -> Markup {
    html! {
        div.table {
            table {
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody { @for row in &rows { tr { @for (cell, head) in row.iter().zip(heads) { td data-head=(head) { (cell) } } } } }
            }
        }
    }
}

/// The media types of a body with their schemas, and an example of the first that has one.
fn contents(body: &Value, document: &Value) -> Markup {
    let example = entries(&body["content"]).find_map(|(_, media)| example(document, &media["schema"]));
    html! {
        (media(body))
        @if let Some(example) = example { pre tabindex="0" { code { (pretty(example)) } } }
    }
}

fn media(of: &Value) -> Markup {
    html! {
        @for (kind_of, media) in entries(&of["content"]) {
            div.media { code { (broken(kind_of)) } @if media["schema"].is_object() { " " (kind(&media["schema"])) } }
        }
    }
}

/// The first example of a schema, or of the first of its choices.
fn example<'a>(document: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    let schema = followed(document, schema);
    schema["examples"].get(0).or_else(|| schema["oneOf"].get(0).and_then(|first| followed(document, first)["examples"].get(0)))
}

fn shown_schema(name: &str, schema: &Value) -> Markup {
    let needed: Vec<&str> = list(&schema["required"]).map(text).collect();
    let properties: Vec<(&String, &Value)> = entries(&schema["properties"]).collect();
    html! {
        article aria-labelledby={ "schema-" (name) } {
            h3 id={ "schema-" (name) } { (name) }
            (prose(text(&schema["description"])))
            @if properties.is_empty() {
                p { (kind(schema)) }
            } @else {
                (table(&["Field", "Type", "Meaning"], properties.iter().map(|(field, property)| vec![
                    html! { code { (field) } @if needed.contains(&field.as_str()) { (required()) } },
                    kind(property),
                    inline(text(&property["description"])),
                ]).collect()))
            }
            @if name == "EventData" {
                (table(&["Event", "Data"], list(&schema["allOf"]).map(|rule| vec![
                    html! { code { (text(&rule["if"]["properties"]["event"]["const"])) } },
                    kind(&rule["then"]["properties"]["data"]),
                ]).collect()))
            } @else if let Some(first) = schema["allOf"].get(0) {
                p { "And all of " (kind(first)) "." }
            }
            @if let Some(example) = schema["examples"].get(0) { pre tabindex="0" { code { (pretty(example)) } } }
        }
    }
}

/// The type of a value in words, with links.
fn kind(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return html! { a href={ "#schema-" (name) } { (name) } };
    }
    let choices: Vec<&Value> = list(&schema["oneOf"]).chain(list(&schema["anyOf"])).collect();
    if !choices.is_empty() && schema["properties"].is_null() {
        return html! { @for (place, choice) in choices.iter().enumerate() { @if place > 0 { " or " } (kind(choice)) } };
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().map(text).collect(),
        _ => vec!["any JSON"],
    };
    html! {
        @for (place, name) in types.iter().enumerate() {
            @if place > 0 { " or " }
            @if *name == "array" { "list of " (kind(&schema["items"])) } @else { (name) }
        }
        @if schema["additionalProperties"].is_object() { " of " (kind(&schema["additionalProperties"])) }
        @for word in list(&schema["enum"]) { " " code { (word.as_str().map_or_else(|| word.to_string(), str::to_owned)) } }
        @if !schema["const"].is_null() { " " code { (text(&schema["const"])) } }
        @for (key, sign) in [("minimum", "≥"), ("maximum", "≤")] {
            @if let Some(bound) = schema[key].as_f64().filter(|bound| *bound < 1e9) { " " span.bound { (sign) " " (bound) } }
        }
        @if let Some(pattern) = schema["pattern"].as_str() { " " code { (broken(pattern)) } }
    }
}

/// Paragraphs; a text between backticks is code.
fn prose(text: &str) -> Markup {
    html! { @for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) { p { (inline(paragraph)) } } }
}

fn inline(text: &str) -> Markup {
    html! { @for (place, part) in text.split('`').enumerate() { @if place % 2 == 1 { code { (part) } } @else { (part) } } }
}

/// A long word that may break behind its separators.
fn broken(word: &str) -> Markup {
    html! { @for part in word.split_inclusive(['/', '+', '.', ']']) { (part) wbr; } }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// What a reference leads to, or the value itself.
fn followed<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}
