//! The whole hours that digest windows cover.
//!
//! Enters: the windows of digest files, which begin and end at any time. Leaves: the hours that they cover without a
//! gap. Law: an hour that is covered only in part is not observed.

use std::collections::BTreeSet;

use super::Shard;
use crate::{
    record::DigestWindow,
    time::{HOUR_SECONDS, Hour, Time},
};

pub(super) fn covered_hours(windows: &BTreeSet<DigestWindow>) -> BTreeSet<Shard> {
    let mut hours = BTreeSet::new();
    let mut open: Option<DigestWindow> = None;
    // Sorted by account, region, start.
    for window in windows {
        match &mut open {
            Some(run)
                if run.account == window.account
                    && run.region == window.region
                    && window.start <= run.end =>
            {
                run.end = run.end.max(window.end);
            }
            run => {
                add_whole_hours(run.replace(window.clone()), &mut hours);
            }
        }
    }
    add_whole_hours(open, &mut hours);
    hours
}

fn add_whole_hours(run: Option<DigestWindow>, hours: &mut BTreeSet<Shard>) {
    let Some(DigestWindow { account, region, start, end, .. }) = run else { return };
    let first = Time(start.0.saturating_add(HOUR_SECONDS - 1)).hour();
    let shard = |hour| Shard { account: account.clone(), region: region.clone(), hour: Hour(hour) };
    hours.extend((first.0..end.hour().0).map(shard));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjoining_windows_cover_the_hours_inside_them() {
        let window = |start, end| DigestWindow {
            account: "1".into(),
            region: "r".into(),
            start: Time(start),
            end: Time(end),
            log_files: BTreeSet::new(),
        };
        let hours = |windows: &[DigestWindow]| -> Vec<u32> {
            covered_hours(&windows.iter().cloned().collect()).into_iter().map(|shard| shard.hour.0).collect()
        };
        assert_eq!(hours(&[window(3_600, 7_200)]), [1]);
        assert_eq!(hours(&[window(3_700, 7_300)]), [0; 0]);
        assert_eq!(hours(&[window(3_500, 7_100), window(7_100, 10_700)]), [1]);
        assert_eq!(hours(&[window(3_500, 7_100), window(7_101, 14_400)]), [2, 3]);
    }
}
