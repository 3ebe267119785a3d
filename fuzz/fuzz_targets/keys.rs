//! libFuzzer's way into [`pulsewire_fuzz::keys`].
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| pulsewire_fuzz::keys::check(input));
