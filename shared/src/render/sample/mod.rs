//! Reports to render in tests: a broken promise, a kept one, one nobody can judge, a discovery, nothing at all, one in
//! which every text is hostile, and one that is too large for a page.
//!
//! Enters: nothing. Leaves: reports. Law: the same reports every time.

mod base;
mod builders;
mod hostile;
mod large;
mod matrix;
mod non_compliant;
mod operations;
mod small;

use crate::report::Report;

pub use self::{
    hostile::hostile,
    large::large,
    non_compliant::non_compliant,
    small::{compliant, discovery, empty, insufficient},
};

/// Every sample with its name.
pub fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("non_compliant", non_compliant()),
        ("compliant", compliant()),
        ("insufficient", insufficient()),
        ("discovery", discovery()),
        ("empty", empty()),
        ("hostile", hostile()),
    ]
}
