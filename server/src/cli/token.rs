//! `pulsewire-relay token`: prints a token, and nothing else, so that a script can take it.

use super::{Failure, TokenArgs, configuration};
use crate::mint::{TokenRequest, mint};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) fn token(args: &TokenArgs) -> Result<(), Failure> {
    let config = configuration(args.sources.config.clone(), args.flags())?;
    let given = |patterns: &[String]| (!patterns.is_empty()).then(|| patterns.to_vec());
    let request = TokenRequest {
        sub: args.sub.clone(),
        tenant: args.tenant.clone(),
        name: args.name.clone(),
        role: args.role.clone(),
        subscribe: given(&args.subscribe),
        publish: given(&args.publish),
        viewer: args.no_viewer.then_some(false),
        ttl_s: args.ttl.as_secs(),
    };
    let now_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| Failure::new(1, "this machine's clock stands before 1970: set it"))?
        .as_millis();
    let minted = mint(&config, &request, u64::try_from(now_ms).unwrap_or(u64::MAX)).map_err(|error| Failure::new(2, error.to_string()))?;
    println!("{}", minted.token);
    let nothing_allowed = !config.dev
        && request.subscribe.is_none()
        && request.publish.is_none()
        && request.role.as_ref().is_none_or(|role| !config.roles.contains_key(role));
    if nothing_allowed {
        // On standard error: a script takes standard output alone. The relay that serves may know the role, this one does not.
        eprintln!(
            "pulsewire-relay: note: neither --subscribe nor --publish is given and this configuration knows no patterns of the role: \
             the token allows nothing unless the serving relay's configuration has them"
        );
    }
    Ok(())
}
