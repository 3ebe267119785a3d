//! pulsewire-client-core
