//! The evidence of a sweep: in memory up to a number of events, and in a temporary file beyond it.
//!
//! Enters: evidence in parts, in any order. Leaves: [`EvidenceSummary`]. Laws: the summary does not depend on the number of events
//! in memory; beyond that number memory grows with the distinct actors and calls and with the largest shard, not with the events.

use std::{collections::BTreeMap, fmt};

use crate::{
    evidence_summary::{EvidenceSummary, EvidenceSummaryBuilder, EvidenceSummaryError, ReportScope},
    ports::{PortError, PortErrorKind, SpillFile},
    segment::{EventRow, Segment, SegmentBuilder, Shard, ShardGrouping},
};

/// When and where events leave memory.
#[derive(Clone, Copy)]
pub struct Spill<'a> {
    /// Events in memory before they are written.
    pub events: usize,
    /// Makes the file.
    pub open: &'a (dyn Fn() -> Result<Box<dyn SpillFile>, PortError> + Sync),
}

impl fmt::Debug for Spill<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spill").field("events", &self.events).finish_non_exhaustive()
    }
}

/// Evidence that is collected.
#[derive(Default)]
pub(super) struct EvidencePool<'a> {
    builder: SegmentBuilder,
    /// Events that were added, with duplicates.
    events: u64,
    spill: Option<Spill<'a>>,
    spilled: Option<SpilledRows>,
}

/// Events in the file.
struct SpilledRows {
    file: Box<dyn SpillFile>,
    length: u64,
    grouping: ShardGrouping,
    pieces: BTreeMap<Shard, Vec<SpilledPiece>>,
}

/// Rows of one shard that were written together.
struct SpilledPiece {
    offset: u64,
    rows: usize,
}

/// Bytes written at once.
const BLOCK_BYTES: usize = 1 << 20;

impl<'a> EvidencePool<'a> {
    /// Without `spill`, all events stay in memory.
    pub(super) fn new(spill: Option<Spill<'a>>) -> Self {
        Self { spill, ..Self::default() }
    }

    /// Moves everything from `part`, which keeps its tables of positions and must always be absorbed by the same pool.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn absorb(&mut self, part: &mut SegmentBuilder) -> Result<(), PortError> {
        self.events += part.len() as u64;
        self.builder.absorb(part);
        match self.spill {
            Some(spill) if self.builder.len() >= spill.events.max(1) => self.write_rows(spill),
            _ => Ok(()),
        }
    }

    /// Counts duplicates that a part has left out already.
    pub(super) const fn count_duplicates(&mut self, events: u64) {
        self.events += events;
    }

    /// Number of events that were added, with duplicates.
    pub(super) const fn events(&self) -> u64 {
        self.events
    }

    /// All evidence of a pool without `spill`.
    pub(super) fn into_segment(self) -> Segment {
        self.builder.finish()
    }

    /// The summary of all evidence, and the number of its distinct events.
    ///
    /// # Errors
    /// When the file cannot be written or read.
    pub(super) fn summarize(mut self, scope: ReportScope) -> Result<(EvidenceSummary, u64), PortError> {
        if let (Some(spill), Some(_)) = (self.spill, &self.spilled) {
            self.write_rows(spill)?;
        }
        let Some(SpilledRows { mut file, pieces, .. }) = self.spilled else {
            let segment = self.builder.finish();
            let distinct = segment.rows().len() as u64;
            return Ok((EvidenceSummary::from_segment(segment, scope), distinct));
        };
        let (mut tables, unsharded) = self.builder.into_shard_tables();
        let summary = EvidenceSummaryBuilder::new(unsharded, scope).map_err(misplaced)?;
        let mut bytes = Vec::new();
        let shards = pieces.into_iter().map(|(shard, pieces)| {
            let mut rows = Vec::with_capacity(pieces.iter().map(|piece| piece.rows).sum());
            for SpilledPiece { offset, rows: count } in pieces {
                bytes.resize(count * EventRow::BYTES, 0);
                file.read(offset, &mut bytes)?;
                rows.extend(bytes.as_chunks().0.iter().map(EventRow::from_bytes));
            }
            Ok((shard, rows))
        });
        summary.finish_with(&mut tables, shards)
    }

    fn write_rows(&mut self, spill: Spill<'_>) -> Result<(), PortError> {
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            none => none.insert(SpilledRows {
                file: (spill.open)()?,
                length: 0,
                grouping: ShardGrouping::default(),
                pieces: BTreeMap::new(),
            }),
        };
        let SpilledRows { file, length, grouping, pieces } = spilled;
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        grouping.take_rows(&mut self.builder, |shard, rows| {
            let offset = *length;
            for row in rows {
                block.extend(row.to_bytes());
                if block.len() + EventRow::BYTES > BLOCK_BYTES {
                    file.append(&block)?;
                    block.clear();
                }
            }
            *length += (rows.len() * EventRow::BYTES) as u64;
            pieces.entry(shard).or_default().push(SpilledPiece { offset, rows: rows.len() });
            Ok(())
        })?;
        file.append(&block)
    }
}

/// The evidence outside shards has no events, so this does not happen.
fn misplaced(cause: EvidenceSummaryError) -> PortError {
    PortError {
        operation: "combine",
        name: "the evidence in the temporary file".to_owned(),
        kind: PortErrorKind::Other,
        cause: Box::new(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_what_it_was_before_it_was_written() {
        let row = EventRow {
            id: crate::event::EventId(u128::MAX - 5),
            time: crate::time::Time(7),
            actor: u32::MAX,
            call_key: 9,
        };
        assert_eq!(EventRow::from_bytes(&row.to_bytes()), row);
    }
}
