//! The embedded image's only program: says what just happened.
fn main() {}
