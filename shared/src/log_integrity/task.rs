//! What is verified, and with what.
//!
//! Enters: a window, a clock reading, a selection, keys. Leaves: [`VerificationTask`]. Law: what is named in a selection must be
//! there.

use std::collections::BTreeSet;

use super::{PublicKeys, object_name::ChainName};
use crate::time::{HOUR_SECONDS, Time};

/// How long after the end of its window a digest file may be delivered: two hours. CloudTrail delivers one each hour and
/// gives no limit, so this is Onlooker's own choice.
pub const DIGEST_DELIVERY_SECONDS: u32 = 2 * HOUR_SECONDS;

/// Whether a public key (RSAPublicKey in DER), a text and a signature belong together, by SHA256withRSA (PKCS #1 v1.5).
pub type SignatureCheck<'a> = &'a (dyn Fn(&[u8], &[u8], &[u8]) -> bool + Sync);

/// Restricts a verification, and says what must be there. An empty set stands for everything that is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Accounts.
    pub accounts: BTreeSet<String>,
    /// Regions.
    pub regions: BTreeSet<String>,
    /// Names of trails.
    pub trails: BTreeSet<String>,
}

/// What is verified, and with what.
#[derive(Clone, Copy)]
pub struct VerificationTask<'a> {
    /// First second of the window; without it each chain is verified from its oldest digest file.
    pub since: Option<Time>,
    /// First second after the window; without it the window ends now.
    pub until: Option<Time>,
    /// The time.
    pub now: Time,
    /// What is verified.
    pub selection: &'a Selection,
    /// Public keys.
    pub keys: &'a PublicKeys,
    /// Regions of which `keys` has all keys, because CloudTrail listed them.
    pub listed_regions: &'a BTreeSet<String>,
    /// Verifies a signature.
    pub check: SignatureCheck<'a>,
}

impl Selection {
    pub(super) fn includes_pair(&self, account: &str, region: &str) -> bool {
        (self.accounts.is_empty() || self.accounts.contains(account))
            && (self.regions.is_empty() || self.regions.contains(region))
    }

    /// Whether a chain is verified.
    pub fn includes(&self, chain: &ChainName) -> bool {
        self.includes_pair(&chain.account, &chain.region)
            && (self.trails.is_empty() || self.trails.contains(&*chain.trail))
    }

    /// Accounts and regions that were named and of which no chain is among `found`. The region is empty if none was named.
    pub(super) fn absent(&self, found: &BTreeSet<(String, String)>) -> Vec<(String, String)> {
        let accounts: BTreeSet<&String> = match self.accounts.is_empty() {
            true => found.iter().map(|(account, _)| account).collect(),
            false => self.accounts.iter().collect(),
        };
        let mut absent = Vec::new();
        for account in accounts {
            if self.regions.is_empty() && !found.iter().any(|(known, _)| known == account) {
                absent.push((account.clone(), String::new()));
            }
            let pairs = self.regions.iter().map(|region| (account.clone(), region.clone()));
            absent.extend(pairs.filter(|pair| !found.contains(pair)));
        }
        absent
    }
}

impl VerificationTask<'_> {
    pub(super) fn until(&self) -> Time {
        self.until.unwrap_or(self.now)
    }

    /// Digest files with windows up to here are expected.
    pub(super) fn expected_until(&self) -> Time {
        self.until().min(Time(self.now.0.saturating_sub(DIGEST_DELIVERY_SECONDS)))
    }

    /// Whether a window of a digest file overlaps that of the verification.
    pub fn overlaps(&self, start: Time, end: Time) -> bool {
        start < self.until() && self.since.is_none_or(|since| end > since)
    }
}
