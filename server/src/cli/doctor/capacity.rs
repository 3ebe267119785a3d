//! Whether this machine carries as many connections as the configuration allows.

use super::{Check, bad, good, warning};

/// Descriptors that the relay uses beside one per connection: listener, files, epoll, clients of its API.
const SPARE_FDS: u64 = 256;

pub(super) fn descriptors(connections: u64, limits: Option<(u64, u64)>) -> Check {
    const NAME: &str = "file descriptors";
    let wanted = connections.saturating_add(SPARE_FDS);
    match limits {
        None => warning(NAME, "the limit cannot be read", format!("make sure that it is at least {wanted}")),
        // `serve` raises the soft limit to the hard one by itself.
        Some((_, hard)) if hard < wanted => bad(
            NAME,
            format!("the hard limit is {hard}, and {connections} connections need {wanted}"),
            format!("LimitNOFILE={wanted} in the service's unit, `ulimit -n {wanted}` in a shell, or a smaller limits.connections"),
        ),
        Some((soft, hard)) => good(NAME, format!("{soft}, may be raised to {hard}; {connections} connections need {wanted}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn too_few_descriptors_are_found_and_the_mend_names_the_number() {
        let check = descriptors(10_000, Some((1024, 4096)));
        assert_eq!(check.verdict, Verdict::Bad);
        assert!(check.mend.contains("10256"), "{check}");
        assert_eq!(descriptors(1_000, Some((1024, 4096))).verdict, Verdict::Good, "the soft limit is raised by serve");
        assert_eq!(descriptors(1_000, None).verdict, Verdict::Warning);
    }
}
