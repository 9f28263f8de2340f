//! Nothing: cargo builds no dependency without something that depends on it.
