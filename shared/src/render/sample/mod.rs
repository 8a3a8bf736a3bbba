//! Sample reports for tests: a broken promise, a kept promise, insufficient evidence, a discovery, no evidence, a
//! report with hostile text everywhere, and a report that is too large for a page.
//!
//! Enters: nothing. Leaves: reports. Law: the reports are the same every time.

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
    large::{large, many_findings, very_large},
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
