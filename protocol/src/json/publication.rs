//! Objects that hold an event and its data: `publish`, its HTTP item, `event`, and the entries of `publications` and `state`.
//!
//! The type of `data` hangs on `event`. Where `event` comes first, as every encoder of ours writes it, the data is read on the
//! fly; where it comes later, the data is kept as text until it is known.

use super::read::nested;
use crate::http::PublishItem;
use crate::message::{Author, Event, Publication, Publish};
use crate::payload::Payload;
use crate::scalar::UnixMs;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Reads the data of the event of that name.
#[derive(Clone, Copy)]
pub(crate) struct DataSeed<'a>(pub(crate) &'a str);

impl<'de> DeserializeSeed<'de> for DataSeed<'_> {
    type Value = Payload;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Payload, D::Error> {
        Payload::deserialize_data(self.0, deserializer)
    }
}

/// All the fields that such an object may hold.
#[derive(Default)]
struct Fields {
    id: Option<u64>,
    channel: Option<String>,
    key: Option<String>,
    offset: Option<u64>,
    first_offset: Option<u64>,
    ts: Option<UnixMs>,
    from: Option<Author>,
    event: Option<String>,
    payload: Option<Payload>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Name {
    Id,
    Channel,
    Key,
    Offset,
    FirstOffset,
    Ts,
    From,
    Event,
    Data,
    #[serde(other)]
    Other,
}

/// A value read as [`super::lenient`] reads it.
#[derive(Deserialize)]
#[serde(transparent)]
struct Lenient(#[serde(deserialize_with = "super::lenient::field")] Option<u64>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;
            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("an object with event and data")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                let mut early: Option<Box<RawValue>> = None;
                while let Some(key) = map.next_key()? {
                    match key {
                        Name::Id => fields.id = map.next_value::<Lenient>()?.0,
                        Name::Channel => fields.channel = map.next_value()?,
                        Name::Key => fields.key = map.next_value()?,
                        Name::Offset => fields.offset = map.next_value::<Lenient>()?.0,
                        Name::FirstOffset => fields.first_offset = map.next_value::<Lenient>()?.0,
                        Name::Ts => fields.ts = map.next_value()?,
                        Name::From => fields.from = map.next_value()?,
                        Name::Event if fields.event.is_some() => return Err(A::Error::duplicate_field("event")),
                        Name::Event => fields.event = Some(map.next_value()?),
                        Name::Data if fields.payload.is_some() || early.is_some() => return Err(A::Error::duplicate_field("data")),
                        Name::Data => match &fields.event {
                            Some(event) => fields.payload = Some(map.next_value_seed(DataSeed(event))?),
                            None => early = Some(map.next_value()?),
                        },
                        Name::Other => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                if let (Some(event), Some(data)) = (&fields.event, early) {
                    fields.payload = Some(Payload::from_json(event, data.get()).map_err(|error| nested("data", &error))?);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

fn required<T, E: serde::de::Error>(value: Option<T>, field: &'static str) -> Result<T, E> {
    value.ok_or_else(|| E::missing_field(field))
}

impl Fields {
    /// What a client publishes may leave `data` out: it is null then, which no built-in event accepts.
    fn take_published<E: serde::de::Error>(&mut self) -> Result<(String, Payload, Option<String>), E> {
        let event: String = required(self.event.take(), "event")?;
        let payload = match self.payload.take() {
            Some(payload) => payload,
            None => Payload::from_json(&event, "null").map_err(|_| E::missing_field("data"))?,
        };
        Ok((required(self.channel.take(), "channel")?, payload, self.key.take()))
    }
    fn into_publication<E: serde::de::Error>(self) -> Result<Publication, E> {
        let payload = match (self.event, self.payload) {
            (None, _) => return Err(E::missing_field("event")),
            (_, payload) => required(payload, "data")?,
        };
        Ok(Publication { offset: self.offset, first_offset: self.first_offset, payload, ts: required(self.ts, "ts")?, from: self.from })
    }
}

impl<'de> Deserialize<'de> for Publication {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Fields::deserialize(deserializer)?.into_publication()
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Fields::deserialize(deserializer)?;
        let channel = required(fields.channel.take(), "channel")?;
        Ok(Self { channel, publication: fields.into_publication()? })
    }
}

impl<'de> Deserialize<'de> for Publish {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Fields::deserialize(deserializer)?;
        let id = required(fields.id, "id")?;
        let (channel, payload, key) = fields.take_published()?;
        Ok(Self { id, channel, payload, key })
    }
}

impl<'de> Deserialize<'de> for PublishItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (channel, payload, key) = Fields::deserialize(deserializer)?.take_published()?;
        Ok(Self { channel, payload, key })
    }
}
