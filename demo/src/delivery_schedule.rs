//! The deliveries of the script's calls, with the faults of the trail.
//!
//! Enters: a finished script. Leaves: deliveries by account, region and time; one is made twice, one repeats records
//! of the delivery before it, one is truncated. Law: every call is delivered at least once, in an object of its own
//! account and region, a few minutes after it happened.

use std::collections::BTreeMap;

use super::delivery::LogDelivery;
use super::random::SeededRandom;
use super::record::{DemoCall, DemoContext};
use super::scenario::{
    DATA, IRELAND, LOST_RECORDS, PRODUCTION, RECORDS_DELIVERED_TWICE, REPEATED_RECORDS, VIRGINIA,
};
use super::script::{DELIVERY_LAG, DemoScript};
use super::utc_time::HOUR;

/// Number of seconds of events in one delivery; there are three deliveries an hour.
const DELIVERY_INTERVAL: u64 = 1_200;
/// Random stream of delivery times.
const DELAY_STREAM: u64 = 6;

/// All deliveries of the demo.
#[derive(Debug)]
pub struct DeliverySchedule {
    /// Accounts, regions, sessions and operations.
    pub cast: DemoContext,
    /// Ordered by account, region and time.
    pub deliveries: Vec<LogDelivery>,
    /// When the trail begins.
    pub start: u64,
    /// Number of hours that the trail lasts.
    pub hours: u64,
}

impl DeliverySchedule {
    /// Makes the deliveries of a script.
    pub fn from_script(script: DemoScript) -> Self {
        let DemoScript { cast, calls, start, hours, .. } = script;
        let mut gathered: BTreeMap<(usize, usize, u64), Vec<DemoCall>> = BTreeMap::new();
        for call in calls {
            let account = cast.sessions.get(call.session).map_or(0, |session| session.account);
            let turn = (call.at.saturating_sub(start) + DELIVERY_LAG) / DELIVERY_INTERVAL;
            gathered.entry((account, call.region, turn)).or_default().push(call);
        }
        let deliveries = gathered.into_iter().map(|((account, region, turn), mut calls)| {
            calls.sort_by_key(|call| (call.at, call.number));
            // The last event of an interval happens `DELIVERY_LAG` before its end; the delivery follows within that
            // time.
            let first = calls.first().map_or(0, |call| call.number);
            let delay = SeededRandom::of(cast.seed, DELAY_STREAM, first).between(30, DELIVERY_LAG - 60);
            let at = start + (turn + 1) * DELIVERY_INTERVAL - DELIVERY_LAG + delay;
            LogDelivery { number: 0, account, region, delivered_at: at, calls, is_truncated: false }
        });
        let mut deliveries: Vec<LogDelivery> = deliveries.collect();
        deliver_twice(&mut deliveries, start + 9 * HOUR);
        repeat_records(&mut deliveries, start + 14 * HOUR);
        truncate_one(&mut deliveries, start + 16 * HOUR);
        for (number, delivery) in (0..).zip(&mut deliveries) {
            delivery.number = number;
        }
        Self { cast, deliveries, start, hours }
    }

    /// The deliveries of one account, region and hour.
    pub fn deliveries_in(&self, account: usize, region: usize, hour: u64) -> &[LogDelivery] {
        let key = |one: &LogDelivery| (one.account, one.region, one.delivered_at);
        let (from, to) = (self.start + hour * HOUR, self.start + (hour + 1) * HOUR);
        let low = self.deliveries.partition_point(|one| key(one) < (account, region, from));
        let high = self.deliveries.partition_point(|one| key(one) < (account, region, to));
        self.deliveries.get(low..high).unwrap_or(&[])
    }
}

/// The first delivery of an account and region at or after `from` that has more than `size` calls that satisfy
/// `wanted`.
fn find_delivery(
    deliveries: &[LogDelivery],
    account_region: (usize, usize),
    from: u64,
    size: usize,
    wanted: impl Fn(&DemoCall) -> bool,
) -> Option<usize> {
    deliveries.iter().position(|one| {
        (one.account, one.region) == account_region
            && one.delivered_at >= from
            && one.calls.iter().filter(|call| wanted(call)).count() > size
    })
}

/// Splits off the first `RECORDS_DELIVERED_TWICE` calls of a delivery and delivers them twice.
fn deliver_twice(deliveries: &mut Vec<LogDelivery>, from: u64) {
    let Some(index) =
        find_delivery(deliveries, (PRODUCTION, VIRGINIA), from, RECORDS_DELIVERED_TWICE, |_| true)
    else {
        return;
    };
    let Some(delivery) = deliveries.get_mut(index) else { return };
    let rest = delivery.calls.split_off(RECORDS_DELIVERED_TWICE);
    let again = delivery.clone();
    let rest = LogDelivery { calls: rest, ..delivery.clone() };
    deliveries.splice(index + 1..index + 1, [again, rest]);
}

/// Makes a delivery repeat the last `REPEATED_RECORDS` calls of the one before it.
fn repeat_records(deliveries: &mut [LogDelivery], from: u64) {
    let account_region = (DATA, VIRGINIA);
    let Some(index) = find_delivery(deliveries, account_region, from, REPEATED_RECORDS, |_| true) else {
        return;
    };
    let Some([before, after]) = deliveries.get_mut(index..index + 2) else { return };
    if (after.account, after.region) == account_region {
        let repeated = before.calls.iter().rev().take(REPEATED_RECORDS).cloned();
        after.calls.extend(repeated);
    }
}

/// Moves `LOST_RECORDS` background calls into an object of their own, which will be truncated.
fn truncate_one(deliveries: &mut Vec<LogDelivery>, from: u64) {
    let Some(index) =
        find_delivery(deliveries, (PRODUCTION, IRELAND), from, LOST_RECORDS, |call| call.is_background)
    else {
        return;
    };
    let Some(delivery) = deliveries.get_mut(index) else { return };
    let (mut kept, mut lost) = (Vec::new(), Vec::new());
    for call in delivery.calls.drain(..) {
        let side = if call.is_background && lost.len() < LOST_RECORDS { &mut lost } else { &mut kept };
        side.push(call);
    }
    delivery.calls = kept;
    let lost = LogDelivery { calls: lost, is_truncated: true, ..delivery.clone() };
    deliveries.insert(index + 1, lost);
}
