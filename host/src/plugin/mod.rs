//! Plugins as the host sees them.
