//! The one door in: check, fill in, store, fan out.

use super::{Relay, parse_channel};
use crate::auth::Publisher;
use crate::broker::{ChannelKey, Idempotency, Stored};
use pulsewire_protocol::{Alert, ChannelName, ErrorBody, ErrorCode, Payload, Position, Publication, PublishItem, cbor};
use sha2::{Digest as _, Sha256};

/// Longer idempotency keys are refused.
const MAX_KEY_BYTES: usize = 128;

impl Relay {
    /// Publishes. An alert goes to its patient's channel first and then to `tenant`, whichever of the two is named; the
    /// position is that of the channel named. With a key a repetition gives the first result and stores nothing; an alert
    /// that has an id is idempotent by it even without a key, so that a retry completes what was cut short.
    pub async fn publish(&self, by: Publisher<'_>, channel: &str, payload: Payload, key: Option<&str>) -> Result<Position, ErrorBody> {
        // A drain waits for this one.
        let _under_way = self.inner.work.token();
        self.publish_inner(by, channel, payload, key).await
    }

    /// Whether a publication would be accepted, as far as that can be known without storing it. Gives the scope and digest of
    /// its idempotency key, so that the items of one request can be compared with each other.
    pub async fn check_publish(
        &self,
        by: Publisher<'_>,
        channel: &str,
        payload: &Payload,
        key: Option<&str>,
    ) -> Result<Option<(ChannelKey, Idempotency)>, ErrorBody> {
        let mut channel = parse_channel(channel)?;
        check_rights(by, &channel, payload)?;
        check_key(key)?;
        payload.validate(&channel)?;
        let key = match payload {
            Payload::Alert(alert) => {
                channel = patient_channel(alert)?;
                alert_key(alert, key)
            }
            _ => key.map(str::to_owned),
        };
        let Some(key) = key else { return Ok(None) };
        let idempotency = idempotency(by, &key, &channel, payload);
        let scope = ChannelKey::new(by.tenant(), channel);
        if self.broker().conflicts(&scope, &idempotency).await? {
            return Err(conflict());
        }
        Ok(Some((scope, idempotency)))
    }

    async fn publish_inner(&self, by: Publisher<'_>, channel: &str, payload: Payload, key: Option<&str>) -> Result<Position, ErrorBody> {
        let channel = parse_channel(channel)?;
        check_rights(by, &channel, &payload)?;
        check_key(key)?;
        payload.validate(&channel)?;
        if let Payload::Alert(alert) = payload {
            return self.publish_alert(by, &channel, alert, key).await;
        }
        let idempotency = key.map(|key| idempotency(by, key, &channel, &payload));
        self.store(by, channel, self.filled(by, payload), idempotency).await
    }

    async fn publish_alert(
        &self,
        by: Publisher<'_>,
        named: &ChannelName,
        mut alert: Alert,
        key: Option<&str>,
    ) -> Result<Position, ErrorBody> {
        let patient = patient_channel(&alert)?;
        let key = alert_key(&alert, key);
        let given = Payload::Alert(alert.clone());
        let idempotency = key.as_deref().map(|key| idempotency(by, key, &patient, &given));
        // With a key but no id the id follows from the key: the retry must not give the second channel another one.
        let id = alert.id.take().unwrap_or_else(|| match &idempotency {
            Some(idempotency) => id_from_key(by, idempotency),
            None => self.entropy().id(),
        });
        let filled = Payload::Alert(Alert { id: Some(id), ts: Some(alert.ts.unwrap_or_else(|| self.clock().now())), ..alert });
        let of_patient = self.store(by, patient, filled.clone(), idempotency.clone()).await?;
        let of_tenant = self.store(by, ChannelName::tenant(), filled, idempotency).await?;
        Ok(if named.kind() == "tenant" { of_tenant } else { of_patient })
    }

    async fn store(
        &self,
        by: Publisher<'_>,
        channel: ChannelName,
        payload: Payload,
        idempotency: Option<Idempotency>,
    ) -> Result<Position, ErrorBody> {
        let from = match by {
            Publisher::Principal(principal) => principal.author(),
            Publisher::System { .. } => None,
        };
        let publication = Publication { offset: None, first_offset: None, payload, ts: self.clock().now(), from };
        let key = ChannelKey::new(by.tenant(), channel);
        match self.broker().publish(&key, publication, idempotency).await? {
            Stored::Fresh(position) | Stored::Repeated(position) => Ok(position),
            Stored::Conflict => Err(conflict()),
        }
    }

    /// Fills in what the caller may leave out.
    fn filled(&self, by: Publisher<'_>, payload: Payload) -> Payload {
        let now = self.clock().now();
        match payload {
            Payload::DeviceStatus(mut body) => {
                body.last_seen.get_or_insert(now);
                Payload::DeviceStatus(body)
            }
            Payload::MessageNew(mut body) => {
                body.message.id.get_or_insert_with(|| self.entropy().id());
                body.message.ts.get_or_insert(now);
                Payload::MessageNew(body)
            }
            Payload::Notification(mut body) => {
                body.id.get_or_insert_with(|| self.entropy().id());
                body.ts.get_or_insert(now);
                Payload::Notification(body)
            }
            // Nobody but a backend speaks for another user.
            Payload::MessageStatus(mut body) => {
                if let Publisher::Principal(principal) = by
                    && !principal.is_backend()
                {
                    body.user.clone_from(&principal.user);
                }
                Payload::MessageStatus(body)
            }
            other => other,
        }
    }
}

fn check_rights(by: Publisher<'_>, channel: &ChannelName, payload: &Payload) -> Result<(), ErrorBody> {
    let Publisher::Principal(principal) = by else { return Ok(()) };
    principal.may_publish(channel, payload)?;
    // An alert is stored in its patient's channel whichever of the two is named; the copy to `tenant` is implied.
    match payload {
        // An id that names no channel is told by `validate`.
        Payload::Alert(alert) => patient_channel(alert).map_or(Ok(()), |patient| principal.may_publish(&patient, payload)),
        _ => Ok(()),
    }
}

fn check_key(key: Option<&str>) -> Result<(), ErrorBody> {
    if key.is_some_and(|key| key.is_empty() || key.len() > MAX_KEY_BYTES) {
        return Err(ErrorBody::new(ErrorCode::BadRequest, format!("key: 1 to {MAX_KEY_BYTES} bytes")));
    }
    Ok(())
}

pub(crate) fn conflict() -> ErrorBody {
    ErrorBody::new(ErrorCode::BadRequest, "key: this idempotency key (or alert id) was used with another body within the last 15 minutes")
}

fn patient_channel(alert: &Alert) -> Result<ChannelName, ErrorBody> {
    parse_channel(&format!("patient:{}", alert.patient_id))
}

/// An alert that has an id is idempotent by it.
fn alert_key(alert: &Alert, key: Option<&str>) -> Option<String> {
    key.map(str::to_owned).or_else(|| alert.id.as_ref().map(|id| format!("\0alert\0{id}")))
}

/// Tenant and channel scope the key by where the broker keeps it; the user is part of it here.
fn idempotency(by: Publisher<'_>, key: &str, channel: &ChannelName, payload: &Payload) -> Idempotency {
    let item = PublishItem { channel: channel.as_str().to_owned(), payload: payload.clone(), key: None };
    let digest = Sha256::digest(cbor::encode_publish_items(&[item]));
    Idempotency { key: format!("{}\0{key}", by.user()), fingerprint: first_half(&digest) }
}

fn id_from_key(by: Publisher<'_>, idempotency: &Idempotency) -> String {
    let digest = Sha256::new().chain_update(by.tenant()).chain_update("\0").chain_update(&idempotency.key).finalize();
    first_half(&digest).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn first_half(digest: &[u8]) -> [u8; 16] {
    digest.first_chunk().copied().unwrap_or_default()
}
