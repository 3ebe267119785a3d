//! Holds every answer of every test here against the relay's own OpenAPI document: status, media type, schema, headers.
//!
//! Closed: a member that a schema does not name fails too, although readers must ignore what they do not know; so nothing is
//! answered that is not documented. A request that was taken must pass the schema of its body.

use crate::client::Answer;
use serde_json::{Value, json};

/// Whose objects are the caller's own.
const OPEN: [&str; 1] = ["PatientChange"];

pub(crate) struct Contract {
    document: Value,
    /// The schemas without a word on unknown members: what a caller sends may hold them.
    schemas: Value,
}

fn essence(kind: &str) -> String {
    kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

impl Contract {
    pub(crate) fn new(mut document: Value) -> Self {
        let schemas = document["components"]["schemas"].clone();
        for (name, schema) in document["components"]["schemas"].as_object_mut().unwrap() {
            if schema["properties"].is_object() && schema.get("additionalProperties").is_none() && !OPEN.contains(&name.as_str()) {
                schema["additionalProperties"] = json!(false);
            }
        }
        Self { document, schemas }
    }

    /// The operation that serves the path, if one is documented.
    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let path = path.split('?').next().unwrap_or("");
        let fits = |template: &str| {
            let (mut given, mut wanted) = (path.split('/'), template.split('/'));
            loop {
                match (given.next(), wanted.next()) {
                    (None, None) => return true,
                    (Some(part), Some(wanted)) if part == wanted || (wanted.starts_with('{') && !part.is_empty()) => {}
                    _ => return false,
                }
            }
        };
        let paths = self.document["paths"].as_object().unwrap();
        let templates = paths.keys().filter(|template| fits(template));
        // A literal part counts before a parameter.
        let template = templates.min_by_key(|template| template.matches('{').count())?;
        paths[template].get(method.to_ascii_lowercase())
    }

    /// A validator of answers.
    pub(crate) fn validator(&self, schema: &Value) -> jsonschema::Validator {
        Self::compiled(schema, &self.document["components"]["schemas"])
    }

    fn compiled(schema: &Value, schemas: &Value) -> jsonschema::Validator {
        let mut root = schema.clone();
        root["components"] = json!({ "schemas": schemas });
        jsonschema::options().with_draft(jsonschema::Draft::Draft202012).build(&root).unwrap_or_else(|error| panic!("{schema}: {error}"))
    }

    fn check_json(what: &str, validator: &jsonschema::Validator, bytes: &[u8]) {
        let value: Value = match serde_json::from_slice(bytes) {
            Ok(value) => value,
            // Opaque data travels as it was written, and JSON has numbers that no double holds: this reader cannot check those.
            Err(error) if error.to_string().starts_with("number out of range") => return,
            Err(error) => panic!("{what}: {error}"),
        };
        if let Err(error) = validator.validate(&value) {
            panic!("{what} is not as documented, at {:?}: {error}\n{value}", error.instance_path().to_string());
        }
    }

    /// Panics where the answer is not one that the document tells.
    #[track_caller]
    pub(crate) fn check(&self, method: &str, path: &str, sent: Option<(&str, &[u8])>, answer: &Answer) {
        for (name, part) in [("x-content-type-options", "nosniff"), ("content-security-policy", "frame-ancestors"), ("referrer-policy", "")]
        {
            assert!(answer.header(name).contains(part) && !answer.header(name).is_empty(), "{name} of {method} {path}: {answer:?}");
        }
        let Some(operation) = self.operation(method, path) else { return };
        let what = format!("{} {method} {path}", answer.status);
        let described = &operation["responses"][answer.status.to_string()];
        assert!(described.is_object(), "{what}: this status is not documented: {}", answer.text());
        let described = match described["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => described,
        };
        for (name, header) in described["headers"].as_object().into_iter().flatten() {
            let given = answer.header(&name.to_ascii_lowercase());
            assert!(!given.is_empty(), "{what}: {name} is documented and missing");
            assert!(header["schema"]["type"] != "integer" || given.parse::<u64>().is_ok(), "{what}: {name} is {given:?}");
        }
        let kind = essence(answer.header("content-type"));
        if let Some(content) = described["content"].as_object() {
            let media = content.get(&kind).unwrap_or_else(|| panic!("{what}: {kind:?} is not documented"));
            // A packed answer was read before, unpacked.
            if kind.ends_with("json") && media["schema"].is_object() && answer.header("content-encoding").is_empty() {
                Self::check_json(&what, &self.validator(&media["schema"]), &answer.body);
            }
        }
        let Some((sent_as, body)) = sent.filter(|_| answer.status < 300) else { return };
        let kind = if essence(sent_as).ends_with("json") { "application/json".to_owned() } else { essence(sent_as) };
        let media = &operation["requestBody"]["content"][&kind];
        assert!(media.is_object(), "{what}: a body of {kind} is taken and not documented");
        // What was refused item by item is in the answer; the others, and so a body that was taken whole, are as documented.
        if kind == "application/json" && !String::from_utf8_lossy(&answer.body).contains("\"error\"") {
            Self::check_json(&format!("the body of {what}"), &Self::compiled(&media["schema"], &self.schemas), body);
        }
    }
}
