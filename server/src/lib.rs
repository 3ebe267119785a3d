//! pulsewire-relay
