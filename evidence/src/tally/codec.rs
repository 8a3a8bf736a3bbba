//! Encodes a tally as bytes and decodes it.
//!
//! Enters: [`Tally`]. Leaves: the ids of its samples, which do not compress, and a body, which does; and the reverse.
//! Laws: decoding gives the encoded tally; bytes that encoding cannot produce are rejected.
//!
//! Format of the body: length of the tables; the tables as JSON; for the lines one column each of actor, call key,
//! last time and number of buckets; for the buckets one column each of bucket and count; the times of the samples.
//! Everything else follows from these.

use serde::{Deserialize, Serialize};

use super::{MAX_SAMPLES, SampleEvent, Tally, TallyEntry, TimeBucket};
use crate::{
    envelope,
    event::{Actor, CallKey},
    time::Time,
};

#[derive(Serialize, Deserialize)]
struct TallyTables {
    actors: Vec<Actor>,
    call_keys: Vec<CallKey>,
    lines: usize,
    buckets: usize,
}

impl Tally {
    /// Appends the tally to `body` and returns the ids of its samples.
    pub(crate) fn encode(&self, body: &mut Vec<u8>) -> Vec<u8> {
        let tables = TallyTables {
            actors: self.actors.clone(),
            call_keys: self.call_keys.clone(),
            lines: self.lines.len(),
            buckets: self.buckets.len(),
        };
        // The tables hold only strings, numbers and lists, so writing them cannot fail.
        envelope::push_block(body, &serde_json::to_vec(&tables).unwrap_or_default());
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        body.extend(self.lines.iter().flat_map(|line| line.actor.to_le_bytes()));
        body.extend(self.lines.iter().flat_map(|line| line.call_key.to_le_bytes()));
        body.extend(self.lines.iter().flat_map(|line| line.last.0.to_le_bytes()));
        body.extend(self.parts_in_order().flat_map(|part| number(part.buckets.len())));
        body.extend(self.buckets.iter().flat_map(|(bucket, _)| bucket.0.to_le_bytes()));
        body.extend(self.buckets.iter().flat_map(|(_, count)| count.to_le_bytes()));
        body.extend(self.samples.iter().flat_map(|sample| sample.time.0.to_le_bytes()));
        self.samples.iter().flat_map(|sample| sample.id).collect()
    }

    /// The tally with these ids and this body; `None` if they are not those of a tally.
    pub(crate) fn decode(ids: &[u8], body: &[u8]) -> Option<Self> {
        let (ids, []) = ids.as_chunks::<16>() else { return None };
        let (tables, columns) = envelope::take_block(body)?;
        let TallyTables { actors, call_keys, lines, buckets } = serde_json::from_slice(tables).ok()?;
        let (actor, columns) = envelope::take_column(columns, lines)?;
        let (call_key, columns) = envelope::take_column(columns, lines)?;
        let (last, columns) = envelope::take_column(columns, lines)?;
        let (buckets_of, columns) = envelope::take_column(columns, lines)?;
        let (bucket, columns) = envelope::take_column(columns, buckets)?;
        let (count, columns) = envelope::take_column(columns, buckets)?;
        let (time, []) = envelope::take_column(columns, ids.len())? else { return None };
        let samples = time.zip(ids).map(|(time, id)| SampleEvent { time: Time(time), id: *id }).collect();
        let buckets = bucket.map(TimeBucket).zip(count).collect();
        let mut tally = Self { actors, call_keys, samples, buckets, lines: Vec::new() };
        for (((actor, call_key), last), buckets) in actor.zip(call_key).zip(last).zip(buckets_of) {
            tally.push_decoded_line(actor, call_key, Time(last), buckets)?;
        }
        let (samples, buckets) = tally.table_ends();
        let whole = samples == tally.samples.len() && buckets == tally.buckets.len();
        (whole && tally.is_canonical()).then_some(tally)
    }

    /// End of the samples and buckets of the lines so far.
    fn table_ends(&self) -> (usize, usize) {
        self.lines.last().map_or((0, 0), |line| (line.samples_end, line.buckets_end))
    }

    /// Adds a line. Its samples and buckets follow those of the line before.
    fn push_decoded_line(&mut self, actor: u32, call_key: u32, last: Time, buckets: u32) -> Option<()> {
        let (samples_begin, buckets_begin) = self.table_ends();
        let buckets_end = buckets_begin.checked_add(buckets as usize)?;
        let buckets = self.buckets.get(buckets_begin..buckets_end)?;
        let count = buckets.iter().map(|(_, count)| u64::from(*count)).sum();
        let samples_end = samples_begin + MAX_SAMPLES.min(usize::try_from(count).ok()?);
        let samples = self.samples.get(samples_begin..samples_end)?;
        let (first, latest) = (samples.first()?.time, samples.last()?.time);
        let in_buckets = |time: Time| buckets.iter().any(|(bucket, _)| *bucket == TimeBucket::of(time));
        let sound = buckets.is_sorted_by(|a, b| a.0 < b.0)
            && buckets.iter().all(|(_, count)| *count > 0)
            && samples.is_sorted_by(|a, b| a < b)
            && samples.iter().all(|sample| in_buckets(sample.time))
            && buckets.first()?.0 == TimeBucket::of(first)
            && buckets.last()?.0 == TimeBucket::of(last)
            && if count > MAX_SAMPLES as u64 { latest <= last } else { latest == last };
        self.lines.push(TallyEntry { actor, call_key, count, first, last, samples_end, buckets_end });
        sound.then_some(())
    }

    /// Whether lines and tables are in order, every line refers to values in the tables, and every value is used.
    fn is_canonical(&self) -> bool {
        let mut actors = vec![false; self.actors.len()];
        let mut call_keys = vec![false; self.call_keys.len()];
        let refer = self.lines.iter().all(|line| {
            let actor = actors.get_mut(line.actor as usize).map(|used| *used = true);
            let call_key = call_keys.get_mut(line.call_key as usize).map(|used| *used = true);
            actor.and(call_key).is_some()
        });
        refer
            && actors.into_iter().chain(call_keys).all(|used| used)
            && self.actors.is_sorted_by(|a, b| a < b)
            && self.call_keys.is_sorted_by(|a, b| a < b)
            && self.lines.is_sorted_by(|a, b| (a.actor, a.call_key) < (b.actor, b.call_key))
    }
}
