//! Evidence as a value: what a set of log objects says, each event once.
//!
//! Enters: events, unreadable pieces and observed windows, in any order. Leaves: a [`Segment`] that merges.
//! Laws: merging is associative, commutative, idempotent and has the empty segment as identity, exactly, on
//! event id and recipient account; of two contents under one identity the greater one stays and the conflict
//! is remembered; everything has an identity, so delivering it again changes nothing.

use std::sync::Arc;

use crate::{
    event::{Act, Actor, EventId},
    time::{Hour, Time},
};

/// One event of a segment. `actor` and `act` are positions in [`Segment::actors`] and [`Segment::acts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Identity, together with the account of the actor.
    pub id: EventId,
    /// `eventTime`.
    pub time: Time,
    /// Where and by whom.
    pub actor: u32,
    /// What.
    pub act: u32,
}

/// Events, each once, with what they share kept once.
#[derive(Clone, Debug, Default)]
pub struct Segment {
    actors: Vec<Actor>,
    acts: Vec<Act>,
    rows: Vec<Row>,
    windows: std::collections::BTreeSet<(Arc<str>, Arc<str>, Hour)>,
}

impl Segment {
    /// Distinct actors, in no particular order.
    pub fn actors(&self) -> &[Actor] {
        &self.actors
    }

    /// Distinct acts, in no particular order.
    pub fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// Distinct events, sorted by identity.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Account, region and hour of every window a digest file says was observed.
    pub fn windows(&self) -> impl Iterator<Item = &(Arc<str>, Arc<str>, Hour)> {
        self.windows.iter()
    }

    /// Takes the segment apart: actors, acts and rows.
    pub fn into_parts(self) -> (Vec<Actor>, Vec<Act>, Vec<Row>) {
        (self.actors, self.acts, self.rows)
    }
}
