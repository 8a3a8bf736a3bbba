//! Command line of Onlooker.
fn main() {}
