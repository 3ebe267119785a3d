//! The fields of a built-in event that no struct stands for: a flat list, read by one walk over its CBOR.
//!
//! Why: twelve more decoders would cost every page several kilobytes. Names are those of JSON, at whatever depth they stand;
//! within one event none stands twice with another meaning. What a list holds has the list's name, once per entry.
//!
//! Limits: flags and columns are left out; nothing in here asks for one.

use pulsewire_protocol::cbor::{Shape, Sink, walk};

/// One event's fields, in their order.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    name: String,
    texts: Vec<(String, String)>,
    numbers: Vec<(String, f64)>,
}

impl Fields {
    /// Reads them; `None` where the item has another shape.
    pub(crate) fn read(cbor: &[u8], shape: &Shape) -> Option<Self> {
        let mut fields = Self::default();
        walk(cbor, shape, &mut fields).ok()?;
        Some(fields)
    }
    /// The first text of that name; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.texts.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text)
    }
    /// Every text, with its name.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }
    /// The first number of that name.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.numbers.iter().find(|(known, _)| known == name).map(|(_, number)| *number)
    }
}

impl Sink for Fields {
    fn number(&mut self, value: f64) {
        self.numbers.push((self.name.clone(), value));
    }
    fn text(&mut self, value: &str) {
        self.texts.push((self.name.clone(), value.to_owned()));
    }
    fn flag(&mut self, _: bool) {}
    fn json(&mut self, text: &str) {
        self.text(text);
    }
    fn column(&mut self, _: &[f64]) {}
    fn object(&mut self) {}
    fn key(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }
    fn list(&mut self) {}
    fn end(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsewire_protocol::{EventKind, Ids, Payload, Presence, PresentUser};

    #[test]
    fn the_entries_of_lists_have_the_names_of_their_fields_or_of_the_list() {
        let user = |id: &str, name: &str| PresentUser { user_id: id.to_owned(), name: name.to_owned() };
        let presence = Presence { online: vec![user("a", "Ana"), user("b", "Bo")], offline: vec!["c".to_owned(), "d".to_owned()] };
        let fields = Fields::read(&Payload::Presence(presence).data_cbor(), &EventKind::Presence.shape()).unwrap();
        let seen: Vec<_> = fields.texts().collect();
        assert_eq!(seen, [("userId", "a"), ("name", "Ana"), ("userId", "b"), ("name", "Bo"), ("offline", "c"), ("offline", "d")]);
    }

    #[test]
    fn what_has_another_shape_is_not_read() {
        let ids = Payload::NotificationRead(Ids { ids: vec!["a".to_owned()] }).data_cbor().into_owned();
        assert!(Fields::read(&ids, &EventKind::NotificationRead.shape()).is_some());
        assert!(Fields::read(&ids, &EventKind::Notification.shape()).is_none());
        assert!(Fields::read(&[0xff], &EventKind::Notification.shape()).is_none());
    }
}
