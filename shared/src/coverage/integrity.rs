//! What was proven of the log files behind the hours of a report.
//!
//! Enters: an [`IntegritySummary`], the period, the expected accounts and regions. Leaves: [`LogIntegrityCoverage`], and the hours
//! that do not count as observed. Laws: a tampered hour is a gap; a missing hour is one where evidence is expected, and so is an
//! hour that is not verified if the configuration requires it; so a verification never improves a status.

use std::{collections::BTreeSet, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_expected;
use crate::{
    config::{ExpectedCoverage, LogIntegrity},
    log_integrity::{IntegrityStatus, IntegritySummary},
    period::Period,
    segment::Shard,
    time::Hour,
};

/// What was proven of the log files of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogIntegrityCoverage {
    /// Whether hours that were not verified are gaps, as `coverage.log_integrity` says.
    pub is_required: bool,
    /// The expected hours of all accounts and regions.
    pub hours: IntegrityHours,
    /// The expected hours of each account and region, by account, then region.
    pub account_regions: Vec<AccountRegionIntegrity>,
    /// The verification behind it, by hour of delivery, as far as it concerns the period.
    pub verification: IntegritySummary,
}

/// Numbers of hours by status. An event may be delivered in the hour after it, so an hour has the worse status of the log files
/// that were delivered in it and in the hour after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct IntegrityHours {
    /// Hours with log files that are proven to be as CloudTrail delivered them, and complete.
    pub verified: u64,
    /// Hours with log files against which nothing speaks, and that are not proven; hours that were not verified among them.
    pub unverified: u64,
    /// Hours in which a log file or digest file is missing.
    pub missing: u64,
    /// Hours in which a log file or digest file is not as CloudTrail delivered it.
    pub tampered: u64,
}

/// The hours of an account and region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountRegionIntegrity {
    /// Twelve-digit account id.
    pub account: Arc<str>,
    /// Region name.
    pub region: Arc<str>,
    /// Its hours by status.
    pub hours: IntegrityHours,
}

impl IntegrityHours {
    fn count(&mut self, status: IntegrityStatus) {
        *match status {
            IntegrityStatus::Verified => &mut self.verified,
            IntegrityStatus::Unverified => &mut self.unverified,
            IntegrityStatus::Missing => &mut self.missing,
            IntegrityStatus::Tampered => &mut self.tampered,
        } += 1;
    }

    /// Adds other hours.
    pub const fn add(&mut self, other: Self) {
        self.verified += other.verified;
        self.unverified += other.unverified;
        self.missing += other.missing;
        self.tampered += other.tampered;
    }

    /// Number of all hours.
    pub const fn all(self) -> u64 {
        self.verified + self.unverified + self.missing + self.tampered
    }
}

impl LogIntegrityCoverage {
    /// Hours of these that are gaps.
    pub const fn gaps(&self, hours: IntegrityHours) -> IntegrityHours {
        let unverified = if self.is_required { hours.unverified } else { 0 };
        IntegrityHours { verified: 0, unverified, ..hours }
    }

    /// `None` if no verification was asked for and none is required.
    pub(super) fn of<'p>(
        verification: Option<&IntegritySummary>,
        expected: &ExpectedCoverage,
        period: Period,
        places: impl Iterator<Item = (&'p Arc<str>, &'p Arc<str>)>,
    ) -> Option<Self> {
        let is_required = expected.log_integrity == LogIntegrity::Required;
        if verification.is_none() && !is_required {
            return None;
        }
        // The time of the verification differs from run to run, and is part of the run.
        let verification = IntegritySummary {
            checked_at: None,
            ..verification.map(|summary| summary.within(period)).unwrap_or_default()
        };
        let mut this = Self { is_required, verification, ..Self::default() };
        for (account, region) in places {
            let mut hours = IntegrityHours::default();
            for status in this.verification.evidence_hours(account, region, period) {
                hours.count(status);
            }
            this.hours.add(hours);
            this.account_regions.push(AccountRegionIntegrity {
                account: Arc::clone(account),
                region: Arc::clone(region),
                hours,
            });
        }
        Some(this)
    }
}

/// The hours that do not count as observed.
pub(super) fn unproven_hours<'p>(
    verification: Option<&IntegritySummary>,
    expected: &ExpectedCoverage,
    period: Period,
    places: impl Iterator<Item = &'p (Arc<str>, Arc<str>)>,
) -> BTreeSet<Shard> {
    let is_required = expected.log_integrity == LogIntegrity::Required;
    let none = IntegritySummary::default();
    let verification = match verification {
        None if !is_required => return BTreeSet::new(),
        given => given.unwrap_or(&none),
    };
    let verified =
        verification.places.iter().map(|place| (place.account.as_str().into(), place.region.as_str().into()));
    let places: BTreeSet<(Arc<str>, Arc<str>)> = places.cloned().chain(verified).collect();
    let mut hours = BTreeSet::new();
    for (account, region) in places {
        let is_expected = is_expected(expected, &account, &region);
        let statuses = verification.evidence_hours(&account, &region, period);
        for (hour, status) in (period.from.0..period.until.0).map(Hour).zip(statuses) {
            let is_gap = match status {
                IntegrityStatus::Tampered => true,
                IntegrityStatus::Missing => is_expected,
                IntegrityStatus::Unverified => is_expected && is_required,
                IntegrityStatus::Verified => false,
            };
            if is_gap {
                hours.insert(Shard { account: Arc::clone(&account), region: Arc::clone(&region), hour });
            }
        }
    }
    hours
}
