//! Missing evidence, and the promises it concerns.
//!
//! Enters: the classified calls, coverage and quality of the evidence. Leaves: for each principal the accounts that
//! can show its calls ([`EvidenceAccounts`]), and what is missing of it ([`EvidenceGaps`]). Laws: evidence that
//! names no account concerns every principal; a promise that may be about principals of any account is concerned by the
//! gaps of every account; an account that must show a principal's calls and is not expected is a gap.
//!
//! CloudTrail records a call in the account of the caller, also if another account owns the resource; a role session is
//! a caller of the role's account. AWS CloudTrail User Guide, "CloudTrail record contents" (`recipientAccountId`, `sharedEventID`), and
//! Amazon S3 User Guide, "Amazon S3 CloudTrail events" (object-level calls are always delivered to the requester), read
//! 2026-11.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Assessment, ClassifiedCall};
use crate::{
    config::Part,
    coverage::{AccountRegionCoverage, Coverage, EventClassCoverage, IntegrityHours},
    event::Actor,
    evidence_summary::LEAD_IN_HOURS,
    pattern::has_wildcard,
    principal::{MAX_ROLE_SESSION_HOURS, Principal, PrincipalKind},
    role_chain,
    tally::Tally,
};

/// The accounts in which evidence can show the calls of a principal, or of the principals of a promise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceAccounts {
    /// Whether these are all accounts.
    pub is_every: bool,
    /// The accounts; some of them, if these are all.
    pub accounts: BTreeSet<Arc<str>>,
    /// Those of the accounts that record calls that are recorded nowhere else.
    pub required: BTreeSet<Arc<str>>,
}

impl EvidenceAccounts {
    /// Whether gaps in the evidence of this account concern the promise.
    pub fn contains(&self, account: &str) -> bool {
        self.is_every || self.accounts.contains(account)
    }

    fn add(&mut self, other: Self) {
        self.is_every |= other.is_every;
        self.accounts.extend(other.accounts);
        self.required.extend(other.required);
    }

    fn require(&mut self, account: &Arc<str>) {
        self.accounts.insert(Arc::clone(account));
        self.required.insert(Arc::clone(account));
    }
}

/// What is missing of the evidence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EvidenceGaps<'a> {
    /// Parts without which no promise is proven and that are switched off.
    pub parts_off: Vec<Part>,
    /// Whether no hour was observed.
    pub is_empty_evidence: bool,
    /// Accounts and regions with hours that were not observed.
    pub places: Vec<&'a AccountRegionCoverage>,
    /// Event classes that are not known to be logged.
    pub classes: Vec<&'a EventClassCoverage>,
    /// Accounts that must show calls and are not expected.
    pub unexpected_accounts: BTreeSet<Arc<str>>,
    /// Number of log files that digest files list and of which the evidence has no event.
    pub missing_log_files: u64,
    /// Number of pieces that could not be read.
    pub unreadable: u64,
    /// Number of events with two contents.
    pub conflicting_events: u64,
    /// Number of parts of the evidence outside an inferred period.
    pub parts_outside: u64,
    /// Hours that were not observed because of their log files: tampered, missing and, if it is required that they are verified,
    /// unverified ones.
    pub log_integrity: IntegrityHours,
}

impl EvidenceGaps<'_> {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Credentials that a watched principal was issued before the period.
#[derive(Clone, Debug)]
pub(super) struct EarlierCredentials {
    /// ARN of the principal.
    arn: Arc<str>,
    /// Accounts that the credentials are for; empty if the record does not say.
    accounts: BTreeSet<Arc<str>>,
}

impl EarlierCredentials {
    /// The credentials issued in the lead-in that may be used in the period.
    pub(super) fn all<'a, W>(
        lead_in: &'a Tally,
        coverage: &Coverage,
        mut watch_of: impl FnMut(&'a Actor) -> Option<W>,
    ) -> Vec<Self> {
        let Some(period) = coverage.period else { return Vec::new() };
        let issued = lead_in.lines().filter(|line| {
            let hours = if line.call_key.assumes_role() { MAX_ROLE_SESSION_HOURS } else { LEAD_IN_HOURS };
            line.last.hour().0.saturating_add(hours) >= period.from.0
                && role_chain::issues_credentials(line.call_key)
        });
        issued
            .filter(|line| watch_of(line.actor).is_some())
            .map(|line| Self {
                arn: Arc::clone(&line.actor.principal.arn),
                accounts: role_chain::accounts_of_issued_credentials(line.call_key),
            })
            .collect()
    }
}

/// The accounts of every watched principal that the evidence shows.
#[derive(Clone, Debug, Default)]
pub struct PrincipalAccounts {
    by_arn: BTreeMap<Arc<str>, EvidenceAccounts>,
}

impl PrincipalAccounts {
    /// The accounts of the principals to which calls are attributed, and of the watched callers.
    pub fn of(assessment: &Assessment<'_>) -> Self {
        let mut this = Self::default();
        for call in assessment.classified.iter().filter(|call| call.watch.is_some()) {
            let arns = [call.attributed_to(), &call.principal().arn];
            let arns: BTreeSet<&Arc<str>> = arns.into_iter().collect();
            for arn in arns {
                this.by_arn.entry(Arc::clone(arn)).or_default().add_call(call);
            }
        }
        for earlier in &assessment.earlier_credentials {
            let of_principal = this.by_arn.entry(Arc::clone(&earlier.arn)).or_default();
            of_principal.is_every |= earlier.accounts.is_empty();
            earlier.accounts.iter().for_each(|account| of_principal.require(account));
        }
        this
    }

    /// The accounts in which evidence can show the calls of a watched principal: its own, those of which it was issued
    /// credentials, and those that recorded its calls. All accounts, if its own is not known.
    pub fn of_principal(&self, principal: &Principal, is_own_role: bool) -> EvidenceAccounts {
        let mut accounts = self.by_arn.get(&principal.arn).cloned().unwrap_or_default();
        match own_account(principal) {
            Some(own) => accounts.require(own),
            None => accounts.is_every = true,
        }
        if is_own_role {
            accounts.required.clear();
        }
        accounts
    }
}

impl EvidenceAccounts {
    fn add_call(&mut self, call: &ClassifiedCall<'_>) {
        self.accounts.insert(Arc::clone(&call.line.actor.account));
        for account in role_chain::accounts_of_issued_credentials(call.line.call_key) {
            self.require(&account);
        }
    }
}

/// The account that records the calls of a principal; `None` if the principal does not belong to one account.
fn own_account(principal: &Principal) -> Option<&Arc<str>> {
    let is_identity = matches!(
        principal.kind,
        PrincipalKind::Role
            | PrincipalKind::IamUser
            | PrincipalKind::Root
            | PrincipalKind::FederatedUser
            | PrincipalKind::IdentityCenterUser
    );
    let in_arn = account_in(&principal.arn)?;
    (is_identity && in_arn == &*principal.account).then_some(&principal.account)
}

/// The account of the ARN or the pattern of an IAM identity; `None` if it can be of more than one.
pub(super) fn account_in(pattern: &str) -> Option<&str> {
    let mut parts = pattern.splitn(6, ':');
    let [_, _, service, region, account] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let is_one = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    (is_one
        && matches!(service, "iam" | "sts")
        && region.is_empty()
        && !pattern.split(':').take(4).any(has_wildcard))
    .then_some(account)
}

impl<'a> Assessment<'a> {
    /// The accounts in which evidence can show the calls of the watched principals, seen or not.
    pub fn promised_accounts(&self) -> EvidenceAccounts {
        let of_principals = PrincipalAccounts::of(self);
        let mut all = EvidenceAccounts::default();
        for watch in &self.config.watch {
            match account_in(&watch.principal) {
                Some(account) => all.accounts.insert(account.into()),
                None => std::mem::replace(&mut all.is_every, true),
            };
        }
        let mut seen: BTreeSet<&Principal> = BTreeSet::new();
        for call in self.classified.iter().filter(|call| call.role_chain.is_none()) {
            if let Some(watch) = call.watch
                && seen.insert(call.principal())
            {
                all.add(of_principals.of_principal(call.principal(), watch.is_own_role()));
            }
        }
        all
    }

    /// What is missing of the evidence of these accounts.
    pub fn gaps_in(&self, accounts: &EvidenceAccounts) -> EvidenceGaps<'a> {
        let (coverage, quality) = (self.coverage, self.evidence_quality);
        let concerns = |account: &Arc<str>| accounts.contains(account);
        let is_expected =
            |account: &&Arc<str>| coverage.places_of(account).iter().any(AccountRegionCoverage::is_expected);
        let is_missing = |place: &&AccountRegionCoverage| place.is_expected() && place.missing_hours() > 0;
        let places = match accounts.is_every {
            true => coverage.account_regions.iter().filter(is_missing).collect(),
            false => {
                let places = accounts.accounts.iter().flat_map(|account| coverage.places_of(account));
                places.filter(is_missing).collect()
            }
        };
        let of_accounts = |class: &&EventClassCoverage| {
            accounts.is_every || accounts.accounts.iter().any(|account| class.is_gap_of(account))
        };
        EvidenceGaps {
            parts_off: self.config.parts_off().filter(|part| part.proves_promises()).collect(),
            is_empty_evidence: coverage.observed_hours == 0,
            places,
            classes: coverage.class_gaps().filter(of_accounts).collect(),
            unexpected_accounts: accounts.required.iter().filter(|one| !is_expected(one)).cloned().collect(),
            missing_log_files: quality.missing_log_files.iter().filter(|file| concerns(&file.account)).count()
                as u64,
            unreadable: quality.unreadable.values().sum(),
            conflicting_events: quality.conflicting_events,
            parts_outside: coverage.outside.len() as u64,
            log_integrity: coverage.integrity_gaps(|account| accounts.contains(account)),
        }
    }

    /// What is missing of the evidence of any account.
    pub fn all_gaps(&self) -> EvidenceGaps<'a> {
        self.gaps_in(&EvidenceAccounts { is_every: true, ..EvidenceAccounts::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_about_one_account_only_if_nothing_else_can_match() {
        for (pattern, account) in [
            ("arn:aws:iam::111122223333:role/*", Some("111122223333")),
            ("arn:aws-cn:sts::111122223333:federated-user/a", Some("111122223333")),
            ("arn:aws:iam::*:role/Auditor", None),
            ("arn:aws:iam::1111*:role/Auditor", None),
            ("arn:*:iam::111122223333:role/Auditor", None),
            ("arn:aws:i*::111122223333:role/Auditor", None),
            ("arn:aws:identitystore:::user/u", None),
            ("service:ec2.amazonaws.com", None),
            ("", None),
        ] {
            assert_eq!(account_in(pattern), account, "{pattern}");
        }
    }
}
