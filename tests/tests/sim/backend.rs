//! The application's backend as `getToken` meets it: it gives good tokens, late ones, bad ones, or none.

use crate::world::{START_MS, TENANT, World};
use pulsewire_relay::mint::{TokenRequest, mint};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;

/// How it answers the next `getToken`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mood {
    Fails,
    /// Never answers.
    Hangs,
    /// A token that has ended.
    Ended,
    /// A token of somebody who does not know the secret.
    Forged,
    /// Something that is no token.
    Malformed,
}

/// A token, and when it ends (0 where it is none); `None` where no answer comes.
pub async fn give_token(world: Rc<World>, user: String, mood: Option<Mood>, takes_ms: u64) -> Option<Result<(String, u64), String>> {
    sleep(Duration::from_millis(takes_ms)).await;
    let now_ms = START_MS + world.elapsed_ms();
    let good = |ttl_s, at_ms| {
        let request = TokenRequest { sub: user.clone(), tenant: TENANT.to_owned(), ttl_s, ..TokenRequest::default() };
        mint(&world.config, &request, at_ms).expect("a token")
    };
    Some(match mood {
        Some(Mood::Fails) => Err("the app's backend is down".to_owned()),
        Some(Mood::Hangs) => return None,
        Some(Mood::Malformed) => Ok(("no.token".to_owned(), 0)),
        Some(Mood::Ended) => Ok((good(60, now_ms - 600_000).token, 0)),
        Some(Mood::Forged) => {
            let mut token = good(3_600, now_ms).token;
            let last = if token.ends_with('A') { 'B' } else { 'A' };
            token.pop();
            token.insert(token.rfind('.').expect("a signature") + 1, last);
            Ok((token, now_ms + 3_600_000))
        }
        None => {
            let minted = good(world.token_ttl_s, now_ms);
            Ok((minted.token, minted.expires_at))
        }
    })
}
