//! A tally as bytes, and back.
//!
//! Enters: [`Tally`]. Leaves: the ids of its samples, which do not compress, and a body that does; and the other way
//! round. Laws: reading gives back the tally written; what no tally could have written is refused.
//!
//! Form of the body: length of the tables, the tables as JSON; a column each of actor, act, last time and number of slots
//! per line; of slots and their counts; of the times of samples. Everything else follows.

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
    /// Adds the tally to `body`, and gives the ids of its samples.
    pub(crate) fn encode(&self, body: &mut Vec<u8>) -> Vec<u8> {
        let tables = TallyTables {
            actors: self.actors.clone(),
            call_keys: self.call_keys.clone(),
            lines: self.lines.len(),
            buckets: self.buckets.len(),
        };
        // Strings, numbers and lists only: nothing in them can fail to be written.
        envelope::push_block(body, &serde_json::to_vec(&tables).unwrap_or_default());
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        body.extend(self.lines.iter().flat_map(|line| line.actor.to_le_bytes()));
        body.extend(self.lines.iter().flat_map(|line| line.call_key.to_le_bytes()));
        body.extend(self.lines.iter().flat_map(|line| line.last.0.to_le_bytes()));
        body.extend(self.parts_in_order().flat_map(|part| number(part.buckets.len())));
        body.extend(self.buckets.iter().flat_map(|(slot, _)| slot.0.to_le_bytes()));
        body.extend(self.buckets.iter().flat_map(|(_, count)| count.to_le_bytes()));
        body.extend(self.samples.iter().flat_map(|sample| sample.time.0.to_le_bytes()));
        self.samples.iter().flat_map(|sample| sample.id).collect()
    }

    /// The tally with these ids and this body; `None` if there is no such tally.
    pub(crate) fn decode(ids: &[u8], body: &[u8]) -> Option<Self> {
        let (ids, []) = ids.as_chunks::<16>() else { return None };
        let (tables, columns) = envelope::take_block(body)?;
        let TallyTables { actors, call_keys: acts, lines, buckets: slots } =
            serde_json::from_slice(tables).ok()?;
        let (actor, columns) = envelope::take_column(columns, lines)?;
        let (act, columns) = envelope::take_column(columns, lines)?;
        let (last, columns) = envelope::take_column(columns, lines)?;
        let (slots_of, columns) = envelope::take_column(columns, lines)?;
        let (slot, columns) = envelope::take_column(columns, slots)?;
        let (count, columns) = envelope::take_column(columns, slots)?;
        let (time, []) = envelope::take_column(columns, ids.len())? else { return None };
        let samples = time.zip(ids).map(|(time, id)| SampleEvent { time: Time(time), id: *id }).collect();
        let slots = slot.map(TimeBucket).zip(count).collect();
        let mut tally = Self { actors, call_keys: acts, samples, buckets: slots, lines: Vec::new() };
        for (((actor, act), last), slots) in actor.zip(act).zip(last).zip(slots_of) {
            tally.push_decoded_line(actor, act, Time(last), slots)?;
        }
        let (samples, slots) = tally.table_ends();
        let whole = samples == tally.samples.len() && slots == tally.buckets.len();
        (whole && tally.is_canonical()).then_some(tally)
    }

    /// Where samples and slots of the lines so far end.
    fn table_ends(&self) -> (usize, usize) {
        self.lines.last().map_or((0, 0), |line| (line.samples_end, line.buckets_end))
    }

    /// Adds a line of which samples and slots lie after those of the line before.
    fn push_decoded_line(&mut self, actor: u32, act: u32, last: Time, slots: u32) -> Option<()> {
        let (samples_begin, slots_begin) = self.table_ends();
        let slots_end = slots_begin.checked_add(slots as usize)?;
        let slots = self.buckets.get(slots_begin..slots_end)?;
        let count = slots.iter().map(|(_, count)| u64::from(*count)).sum();
        let samples_end = samples_begin + MAX_SAMPLES.min(usize::try_from(count).ok()?);
        let samples = self.samples.get(samples_begin..samples_end)?;
        let (first, latest) = (samples.first()?.time, samples.last()?.time);
        let in_slots = |time: Time| slots.iter().any(|(slot, _)| *slot == TimeBucket::of(time));
        let sound = slots.is_sorted_by(|a, b| a.0 < b.0)
            && slots.iter().all(|(_, count)| *count > 0)
            && samples.is_sorted_by(|a, b| a < b)
            && samples.iter().all(|sample| in_slots(sample.time))
            && slots.first()?.0 == TimeBucket::of(first)
            && slots.last()?.0 == TimeBucket::of(last)
            && if count > MAX_SAMPLES as u64 { latest <= last } else { latest == last };
        self.lines.push(TallyEntry {
            actor,
            call_key: act,
            count,
            first,
            last,
            samples_end,
            buckets_end: slots_end,
        });
        sound.then_some(())
    }

    /// Whether lines and tables are in order, and every line is of values in the tables and every value of some line.
    fn is_canonical(&self) -> bool {
        let mut actors = vec![false; self.actors.len()];
        let mut acts = vec![false; self.call_keys.len()];
        let refer = self.lines.iter().all(|line| {
            let actor = actors.get_mut(line.actor as usize).map(|used| *used = true);
            let act = acts.get_mut(line.call_key as usize).map(|used| *used = true);
            actor.and(act).is_some()
        });
        refer
            && actors.into_iter().chain(acts).all(|used| used)
            && self.actors.is_sorted_by(|a, b| a < b)
            && self.call_keys.is_sorted_by(|a, b| a < b)
            && self.lines.is_sorted_by(|a, b| (a.actor, a.call_key) < (b.actor, b.call_key))
    }
}
