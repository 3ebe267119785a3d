//! How long to wait before the next try (row C2).

use crate::config::BackoffConfig;
use crate::rng::Rng;

/// The delay after so many failures in a row: `base · factor^(failures - 1)`, capped, then drawn from [d/2, d].
pub(crate) fn delay_ms(config: &BackoffConfig, failures: u32, rng: &mut Rng) -> u64 {
    let delay = exact_delay_ms(config, failures);
    if config.jitter { rng.between(delay.div_ceil(2), delay) } else { delay }
}

/// The same without the draw. At least 1 ms, so that no setting can make a busy loop.
fn exact_delay_ms(config: &BackoffConfig, failures: u32) -> u64 {
    let cap = config.cap_ms.max(1);
    let factor = config.factor.max(1.0);
    let mut delay = config.base_ms.max(1) as f64;
    for _ in 1..failures {
        if delay >= cap as f64 || factor == 1.0 {
            break;
        }
        delay *= factor;
    }
    (delay as u64).min(cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_jitter_the_sequence_is_exact_and_capped() {
        let config = BackoffConfig { jitter: false, ..BackoffConfig::default() };
        let delays: Vec<u64> = (1..=8).map(|n| delay_ms(&config, n, &mut Rng::new(0))).collect();
        assert_eq!(delays, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn senseless_settings_still_give_a_delay() {
        for factor in [f64::NAN, -1.0, 0.0, f64::INFINITY] {
            let config = BackoffConfig { base_ms: 0, factor, cap_ms: 0, jitter: true };
            assert_eq!(delay_ms(&config, u32::MAX, &mut Rng::new(0)), 1);
        }
    }
}
