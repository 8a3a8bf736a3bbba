//! A tally as bytes, and back.
//!
//! Enters: [`Tally`]. Leaves: the ids of its samples, which do not compress, and a body that does; and the other way
//! round. Laws: reading gives back the tally written; what no tally could have written is refused.
//!
//! Form of the body: length of the tables, the tables as JSON; a column each of actor, act, last time and number of slots
//! per line; of slots and their counts; of the times of samples. Everything else follows.

use serde::{Deserialize, Serialize};

use super::{Entry, SAMPLES, Sample, Slot, Tally};
use crate::{
    event::{Act, Actor},
    sealed,
    time::Time,
};

#[derive(Serialize, Deserialize)]
struct Tables {
    actors: Vec<Actor>,
    acts: Vec<Act>,
    lines: usize,
    slots: usize,
}

impl Tally {
    /// Adds the tally to `body`, and gives the ids of its samples.
    pub(crate) fn write(&self, body: &mut Vec<u8>) -> Vec<u8> {
        let tables = Tables {
            actors: self.actors.clone(),
            acts: self.acts.clone(),
            lines: self.lines.len(),
            slots: self.slots.len(),
        };
        // Strings, numbers and lists only: nothing in them can fail to be written.
        sealed::push(body, &serde_json::to_vec(&tables).unwrap_or_default());
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        body.extend(self.lines.iter().flat_map(|line| line.actor.to_le_bytes()));
        body.extend(self.lines.iter().flat_map(|line| line.act.to_le_bytes()));
        body.extend(self.lines.iter().flat_map(|line| line.last.0.to_le_bytes()));
        body.extend(self.parts().flat_map(|part| number(part.slots.len())));
        body.extend(self.slots.iter().flat_map(|(slot, _)| slot.0.to_le_bytes()));
        body.extend(self.slots.iter().flat_map(|(_, count)| count.to_le_bytes()));
        body.extend(self.samples.iter().flat_map(|sample| sample.time.0.to_le_bytes()));
        self.samples.iter().flat_map(|sample| sample.id).collect()
    }

    /// The tally with these ids and this body; `None` if there is no such tally.
    pub(crate) fn read(ids: &[u8], body: &[u8]) -> Option<Self> {
        let (ids, []) = ids.as_chunks::<16>() else { return None };
        let (tables, columns) = sealed::take(body)?;
        let Tables { actors, acts, lines, slots } = serde_json::from_slice(tables).ok()?;
        let (actor, columns) = sealed::column(columns, lines)?;
        let (act, columns) = sealed::column(columns, lines)?;
        let (last, columns) = sealed::column(columns, lines)?;
        let (slots_of, columns) = sealed::column(columns, lines)?;
        let (slot, columns) = sealed::column(columns, slots)?;
        let (count, columns) = sealed::column(columns, slots)?;
        let (time, []) = sealed::column(columns, ids.len())? else { return None };
        let samples = time.zip(ids).map(|(time, id)| Sample { time: Time(time), id: *id }).collect();
        let slots = slot.map(Slot).zip(count).collect();
        let mut tally = Self { actors, acts, samples, slots, lines: Vec::new() };
        for (((actor, act), last), slots) in actor.zip(act).zip(last).zip(slots_of) {
            tally.take_line(actor, act, Time(last), slots)?;
        }
        let (samples, slots) = tally.ends();
        let whole = samples == tally.samples.len() && slots == tally.slots.len();
        (whole && tally.is_canonical()).then_some(tally)
    }

    /// Where samples and slots of the lines so far end.
    fn ends(&self) -> (usize, usize) {
        self.lines.last().map_or((0, 0), |line| (line.samples_end, line.slots_end))
    }

    /// Adds a line of which samples and slots lie after those of the line before.
    fn take_line(&mut self, actor: u32, act: u32, last: Time, slots: u32) -> Option<()> {
        let (samples_begin, slots_begin) = self.ends();
        let slots_end = slots_begin.checked_add(slots as usize)?;
        let slots = self.slots.get(slots_begin..slots_end)?;
        let count = slots.iter().map(|(_, count)| u64::from(*count)).sum();
        let samples_end = samples_begin + SAMPLES.min(usize::try_from(count).ok()?);
        let samples = self.samples.get(samples_begin..samples_end)?;
        let (first, latest) = (samples.first()?.time, samples.last()?.time);
        let in_slots = |time: Time| slots.iter().any(|(slot, _)| *slot == Slot::of(time));
        let sound = slots.is_sorted_by(|a, b| a.0 < b.0)
            && slots.iter().all(|(_, count)| *count > 0)
            && samples.is_sorted_by(|a, b| a < b)
            && samples.iter().all(|sample| in_slots(sample.time))
            && slots.first()?.0 == Slot::of(first)
            && slots.last()?.0 == Slot::of(last)
            && if count > SAMPLES as u64 { latest <= last } else { latest == last };
        self.lines.push(Entry { actor, act, count, first, last, samples_end, slots_end });
        sound.then_some(())
    }

    /// Whether lines and tables are in order, and every line is of values in the tables and every value of some line.
    fn is_canonical(&self) -> bool {
        let mut actors = vec![false; self.actors.len()];
        let mut acts = vec![false; self.acts.len()];
        let refer = self.lines.iter().all(|line| {
            let actor = actors.get_mut(line.actor as usize).map(|used| *used = true);
            let act = acts.get_mut(line.act as usize).map(|used| *used = true);
            actor.and(act).is_some()
        });
        refer
            && actors.into_iter().chain(acts).all(|used| used)
            && self.actors.is_sorted_by(|a, b| a < b)
            && self.acts.is_sorted_by(|a, b| a < b)
            && self.lines.is_sorted_by(|a, b| (a.actor, a.act) < (b.actor, b.act))
    }
}
