//! The stages from a CloudTrail record to a tally, where a sweep spends its time: one crate, so that its level of
//! optimization is its own. `onlooker-core` exports these modules again and goes on from them to the report.

#![forbid(unsafe_code)]

mod envelope;
pub mod event;
pub mod evidence_summary;
pub mod extract;
pub mod hex;
pub mod origin;
pub mod period;
pub mod principal;
pub mod record;
pub mod segment;
pub mod tally;
pub mod time;
