//! `pulsewire-relay token`: prints a token, and nothing else, so that a script can take it.

use super::{Failure, TokenArgs, configuration, sources};
use crate::config::Config;
use crate::mint::{SigningKey, TokenRequest, mint_with};
use std::str::FromStr as _;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) fn token(args: &TokenArgs) -> Result<(), Failure> {
    let config = match args.key {
        None => configuration(args.sources.config.clone(), args.flags())?,
        // The private key is what is signed with: the configuration need not know any.
        Some(_) => crate::config::load_without_key(&sources(args.sources.config.clone(), args.flags())?)?,
    };
    let signer = signer(args, &config)?;
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
    let now_ms = u64::try_from(now_ms).unwrap_or(u64::MAX);
    let minted = mint_with(&signer, &config, &request, now_ms).map_err(|error| Failure::new(2, error.to_string()))?;
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

fn signer(args: &TokenArgs, config: &Config) -> Result<SigningKey, Failure> {
    let failed = |message: String| Failure::new(2, message);
    let asked = args.alg.as_deref().map(jsonwebtoken::Algorithm::from_str).transpose().map_err(|error| failed(error.to_string()))?;
    let signer = match (&args.key, asked) {
        (Some(file), asked) => {
            let text = std::fs::read(file).map_err(|error| failed(format!("--key {}: it cannot be read: {error}", file.display())))?;
            SigningKey::from_pem(&text, asked).map_err(|error| failed(format!("--key {}: {error}", file.display())))?
        }
        (None, None | Some(jsonwebtoken::Algorithm::HS256)) => {
            SigningKey::of_configuration(config).map_err(|error| failed(error.to_string()))?
        }
        (None, Some(asked)) => return Err(failed(format!("--alg {asked:?} needs a private key: --key FILE.pem"))),
    };
    Ok(signer.with_kid(args.kid.clone()))
}
