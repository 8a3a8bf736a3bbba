//! When the script's calls are delivered, and what goes wrong on the way.
//!
//! Enters: a finished script. Leaves: deliveries by account, region and time, one of them made twice,
//! one repeating a neighbour's records, one cut short. Law: every call is delivered at least once, in
//! an object of its own account and region, a few minutes after it happened.

use std::collections::BTreeMap;

use super::chance::Chance;
use super::delivery::Delivery;
use super::moment::HOUR;
use super::record::{Call, Cast};
use super::script::{LAG, Script};
use super::story::{DATA, IRELAND, LOST, PRODUCTION, REPEATED, TWICE, VIRGINIA};

/// Seconds of events that one delivery gathers; three in an hour.
const GATHER: u64 = 1_200;
/// Stream of delivery times.
const DELAY: u64 = 6;

/// All deliveries of the demo.
#[derive(Debug)]
pub struct Schedule {
    /// Who appears in them.
    pub cast: Cast,
    /// Ordered by account, region and time.
    pub deliveries: Vec<Delivery>,
    /// When the trail begins.
    pub start: u64,
    /// How many hours it lasts.
    pub hours: u64,
}

impl Schedule {
    /// Delivers a script.
    pub fn of(script: Script) -> Self {
        let Script { cast, calls, start, hours, .. } = script;
        let mut gathered: BTreeMap<(usize, usize, u64), Vec<Call>> = BTreeMap::new();
        for call in calls {
            let account = cast.sessions.get(call.session).map_or(0, |session| session.account);
            let turn = (call.at.saturating_sub(start) + LAG) / GATHER;
            gathered.entry((account, call.region, turn)).or_default().push(call);
        }
        let deliveries = gathered.into_iter().map(|((account, region, turn), mut calls)| {
            calls.sort_by_key(|call| (call.at, call.number));
            // The last event of a turn happens `LAG` before its end; the delivery follows within that time.
            let first = calls.first().map_or(0, |call| call.number);
            let delay = Chance::of(cast.seed, DELAY, first).between(30, LAG - 60);
            let at = start + (turn + 1) * GATHER - LAG + delay;
            Delivery { number: 0, account, region, at, calls, damaged: false }
        });
        let mut deliveries: Vec<Delivery> = deliveries.collect();
        deliver_twice(&mut deliveries, start + 9 * HOUR);
        repeat_records(&mut deliveries, start + 14 * HOUR);
        cut_short(&mut deliveries, start + 16 * HOUR);
        for (number, delivery) in (0..).zip(&mut deliveries) {
            delivery.number = number;
        }
        Self { cast, deliveries, start, hours }
    }

    /// The deliveries of one account, region and hour.
    pub fn within(&self, account: usize, region: usize, hour: u64) -> &[Delivery] {
        let place = |one: &Delivery| (one.account, one.region, one.at);
        let (from, to) = (self.start + hour * HOUR, self.start + (hour + 1) * HOUR);
        let low = self.deliveries.partition_point(|one| place(one) < (account, region, from));
        let high = self.deliveries.partition_point(|one| place(one) < (account, region, to));
        self.deliveries.get(low..high).unwrap_or(&[])
    }
}

/// The first delivery there, from a moment on, with more than `size` calls that satisfy `wanted`.
fn find(
    deliveries: &[Delivery],
    place: (usize, usize),
    from: u64,
    size: usize,
    wanted: impl Fn(&Call) -> bool,
) -> Option<usize> {
    deliveries.iter().position(|one| {
        (one.account, one.region) == place
            && one.at >= from
            && one.calls.iter().filter(|call| wanted(call)).count() > size
    })
}

/// Splits the first `TWICE` calls of a delivery off, and delivers them twice.
fn deliver_twice(deliveries: &mut Vec<Delivery>, from: u64) {
    let Some(index) = find(deliveries, (PRODUCTION, VIRGINIA), from, TWICE, |_| true) else { return };
    let Some(delivery) = deliveries.get_mut(index) else { return };
    let rest = delivery.calls.split_off(TWICE);
    let again = delivery.clone();
    let rest = Delivery { calls: rest, ..delivery.clone() };
    deliveries.splice(index + 1..index + 1, [again, rest]);
}

/// Lets a delivery repeat the last `REPEATED` calls of the one before it.
fn repeat_records(deliveries: &mut [Delivery], from: u64) {
    let place = (DATA, VIRGINIA);
    let Some(index) = find(deliveries, place, from, REPEATED, |_| true) else { return };
    let Some([before, after]) = deliveries.get_mut(index..index + 2) else { return };
    if (after.account, after.region) == place {
        let repeated = before.calls.iter().rev().take(REPEATED).cloned();
        after.calls.extend(repeated);
    }
}

/// Puts `LOST` calls that no story needs into an object of their own, which will be cut short.
fn cut_short(deliveries: &mut Vec<Delivery>, from: u64) {
    let Some(index) = find(deliveries, (PRODUCTION, IRELAND), from, LOST, |call| call.background) else {
        return;
    };
    let Some(delivery) = deliveries.get_mut(index) else { return };
    let (mut kept, mut lost) = (Vec::new(), Vec::new());
    for call in delivery.calls.drain(..) {
        let side = if call.background && lost.len() < LOST { &mut lost } else { &mut kept };
        side.push(call);
    }
    delivery.calls = kept;
    let lost = Delivery { calls: lost, damaged: true, ..delivery.clone() };
    deliveries.insert(index + 1, lost);
}
