//! pulsewire-tests
