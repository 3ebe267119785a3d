//! pulsewire-client-wasm
