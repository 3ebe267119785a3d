//! Public keys: can their files be read, what is in them, who may change them, and are tokens of other applications kept out.

use super::{Check, bad, good, warning};
use crate::auth::keys::{KeyFile, PublicKey};
use crate::config::Config;
use std::path::Path;
use std::time::{Duration, SystemTime};

const NAME: &str = "token keys";
/// Keys older than this are worth a thought: nobody knows who has seen the private part since.
const OLD: Duration = Duration::from_secs(2 * 365 * 86_400);

/// One check for each file, and those of the whole.
pub(super) fn keys(config: &Config) -> Vec<Check> {
    let files = KeyFile::open_all(&config.auth);
    let mut checks: Vec<Check> = files.iter().flat_map(file_checks).collect();
    checks.extend(doubled(&files));
    if !files.is_empty() && config.auth.audiences.is_empty() {
        checks.push(warning(
            NAME,
            "auth.audience is not set: every token that the issuer signs is accepted, also one for another application",
            "set auth.audience to what your issuer writes into `aud` of tokens for this relay",
        ));
    }
    checks
}

fn file_checks(file: &KeyFile) -> Vec<Check> {
    let shown = format!("{}: {}", file.format.setting(), file.path.display());
    let found = file.mistakes().iter().map(|mistake| {
        let entry = if mistake.entry.is_empty() { String::new() } else { format!("{}: ", mistake.entry) };
        bad(NAME, format!("{shown}: {entry}{}", mistake.problem), mistake.mend.clone())
    });
    let mut checks: Vec<Check> = found.collect();
    if checks.is_empty() {
        let keys: Vec<String> = file.keys().iter().map(PublicKey::to_string).collect();
        let age = std::fs::metadata(&file.path).and_then(|about| about.modified()).ok();
        let age = age.and_then(|changed| SystemTime::now().duration_since(changed).ok());
        let days = age.map_or_else(String::new, |age| format!(", changed {} days ago", age.as_secs() / 86_400));
        let skipped = if file.skipped().is_empty() { String::new() } else { format!("; left out: {}", file.skipped().join("; ")) };
        let finding = format!("{shown}: {}{days}{skipped}", keys.join(", "));
        checks.push(match age {
            Some(age) if age > OLD => {
                warning(NAME, finding, "make a new pair now and then: docs/operations/tokens.md says how, without a gap")
            }
            _ => good(NAME, finding),
        });
    }
    checks.extend(changeable(&file.path));
    checks
}

/// A file that others may write lets them put a key of their own in, and a folder lets them replace the file.
#[cfg(unix)]
fn changeable(file: &Path) -> Vec<Check> {
    use std::os::unix::fs::PermissionsExt as _;
    const STICKY: u32 = 0o1000;
    let beside = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let judged = [file, beside].into_iter().filter_map(|path| {
        let about = std::fs::metadata(path).ok()?;
        let mode = about.permissions().mode();
        let open = mode & 0o022 != 0 && !(about.is_dir() && mode & STICKY != 0);
        let finding = format!("{} may be changed by others (mode {:o}): they could add a key of their own", path.display(), mode & 0o777);
        open.then(|| warning(NAME, finding, format!("chmod go-w {}", path.display())))
    });
    judged.collect()
}

#[cfg(not(unix))]
fn changeable(_file: &Path) -> Vec<Check> {
    Vec::new()
}

/// Two keys of one name and algorithm work, each token tried with both; more often it is a slip.
fn doubled(files: &[KeyFile]) -> Option<Check> {
    let mut seen = std::collections::BTreeSet::new();
    let twice: Vec<String> = files
        .iter()
        .flat_map(KeyFile::keys)
        .filter(|key| key.kid.is_some() && !seen.insert((key.kid.clone(), format!("{:?}", key.algorithm))))
        .map(PublicKey::to_string)
        .collect();
    let finding = || format!("the same `kid` stands at several keys: {}", twice.join(", "));
    (!twice.is_empty()).then(|| warning(NAME, finding(), "give each key a `kid` of its own"))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn test_keys() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys")
    }

    #[test]
    fn good_files_tell_their_keys_and_bad_ones_entry_and_mend() {
        let mut config = Config::default();
        config.auth.public_keys = vec![test_keys().join("rsa.pub.pem"), test_keys().join("rsa-1024.pub.pem"), "/nowhere/key.pem".into()];
        config.auth.audiences = vec!["pulsewire".to_owned()];
        let checks = keys(&config);
        let says = |verdict, text: &str| checks.iter().any(|check| check.verdict == verdict && check.finding.contains(text));
        assert!(says(Verdict::Good, "RS256 2048 bits"), "{checks:?}");
        assert!(says(Verdict::Bad, "rsa-1024.pub.pem: block 1: the RSA key has 1024 bits"), "{checks:?}");
        assert!(says(Verdict::Bad, "/nowhere/key.pem: it cannot be read"), "{checks:?}");
        assert!(!says(Verdict::Warning, "auth.audience"), "{checks:?}");
    }

    #[test]
    fn tokens_of_other_applications_and_files_that_others_may_change_are_warned_of() {
        let folder = std::env::temp_dir().join(format!("pulsewire-doctor-keys-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("open.pem");
        std::fs::copy(test_keys().join("p256.pub.pem"), &file).unwrap();
        let mut config = Config::default();
        config.auth.public_keys = vec![file.clone()];
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        }
        let checks = keys(&config);
        std::fs::remove_dir_all(&folder).unwrap();
        let warned: Vec<&str> =
            checks.iter().filter(|check| check.verdict == Verdict::Warning).map(|check| check.finding.as_str()).collect();
        assert!(warned.iter().any(|finding| finding.contains("auth.audience is not set")), "{checks:?}");
        #[cfg(unix)]
        assert!(warned.iter().any(|finding| finding.contains("open.pem may be changed by others (mode 666)")), "{checks:?}");
        assert_eq!(checks.iter().filter(|check| check.verdict == Verdict::Good).count(), 1, "{checks:?}");
    }
}
