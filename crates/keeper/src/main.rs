//! The static helper: `keeper container|worker`. Told everything over fd 3; reads no configuration.
fn main() {}
