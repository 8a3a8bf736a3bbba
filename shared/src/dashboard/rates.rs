//! Shares that add up.
//!
//! Enters: three counts. Leaves: their shares in percent. Laws: they are 0 to 100 and add up to 100; without a count there is none.

/// The shares of three counts in percent. The greatest takes what rounding leaves, so that they add up to 100.
pub(super) fn rates(counts: [u64; 3]) -> [Option<f64>; 3] {
    let whole = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let greatest = counts.iter().copied().max().unwrap_or_default();
    let first = counts.iter().position(|count| *count == greatest);
    let hundredths = counts.map(|count| (u128::from(count) * 10_000).checked_div(u128::from(whole)));
    let sum: u128 = hundredths.iter().flatten().sum();
    let mut position = 0;
    hundredths.map(|share| {
        let rest = if Some(position) == first { 10_000_u128.saturating_sub(sum) } else { 0 };
        position += 1;
        share.and_then(|share| u32::try_from(share + rest).ok()).map(|share| f64::from(share) / 100.0)
    })
}
