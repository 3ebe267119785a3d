//! The secret: is it hard to guess, and who may read the file that it stands in.

use super::{Check, good, warning};
use crate::config::{Config, ExposeSecret};
use std::path::Path;

/// Length was checked with the configuration; this looks at variety, which a passphrase of repeated words lacks. Without a secret
/// there are public keys, which have checks of their own.
pub(super) fn secret(config: &Config) -> Option<Check> {
    const NAME: &str = "secret";
    let Some(secret) = &config.auth.jwt_secret else {
        let finding = "development mode signs with a secret that everyone knows";
        return config.dev.then(|| warning(NAME, finding, "set PULSEWIRE_JWT_SECRET for anything but trying out"));
    };
    let secret = secret.expose_secret();
    let distinct = secret.bytes().collect::<std::collections::BTreeSet<u8>>().len();
    if distinct < 10 {
        let finding = format!("{} bytes, of which only {distinct} different ones", secret.len());
        return Some(warning(NAME, finding, "take a random one, such as the output of `openssl rand -base64 48`"));
    }
    Some(good(NAME, format!("{} bytes, {distinct} different ones", secret.len())))
}

/// A file with a secret in it that other users of the machine may read.
#[cfg(unix)]
pub(super) fn secret_file(file: &Path, config: &Config) -> Option<Check> {
    use std::os::unix::fs::PermissionsExt as _;
    config.auth.jwt_secret.as_ref()?;
    let text = std::fs::read_to_string(file).ok()?;
    let holds_secret = text.lines().any(|line| line.trim_start().starts_with("jwt_secret"));
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    let shown = file.display();
    (holds_secret && mode & 0o044 != 0)
        .then(|| warning("file", format!("{shown} holds the secret and others may read it (mode {mode:o})"), format!("chmod 600 {shown}")))
}

#[cfg(not(unix))]
pub(super) fn secret_file(_file: &Path, _config: &Config) -> Option<Check> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_long_secret_of_few_letters_is_a_warning() {
        let with = |text: &str| {
            let mut config = Config::default();
            config.auth.jwt_secret = Some(text.into());
            secret(&config).map(|check| check.verdict)
        };
        assert_eq!(with("abababababababababababababababababab"), Some(Verdict::Warning));
        assert_eq!(with("kX9vQ2mLr8pYw3Zt6BnHs1JdGf5CuEaT7oIe"), Some(Verdict::Good));
    }
}
