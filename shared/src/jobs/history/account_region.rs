//! The accounts and regions of event history lookups.
//!
//! Enters: configuration, Onlooker's own account and region. Leaves: [`AccountRegion`]s, each once, in order. Law:
//! the region that receives the events of global services is always included.

use std::{collections::BTreeSet, fmt, sync::Arc};

use crate::{config::Config, coverage::global_region};

/// One account and region: the scope of a LookupEvents request and of its request quota.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountRegion {
    /// Twelve-digit account id.
    pub account: Arc<str>,
    /// Region name.
    pub region: Arc<str>,
}

impl AccountRegion {
    /// The pair of an account id and a region name.
    pub fn new(account: &str, region: &str) -> Self {
        Self { account: account.into(), region: region.into() }
    }

    /// The configured accounts and regions; `account` and `region` are Onlooker's own. Accounts: those of
    /// `coverage.accounts`, else the own one; without `lookup.role` only the own one. Regions: those of
    /// `coverage.regions`, else the own one, and the region of global services in each partition.
    pub fn configured(config: &Config, account: &str, region: &str) -> Vec<Self> {
        if !config.lookup.enabled || !config.cloudtrail.enabled {
            return Vec::new();
        }
        let accounts: BTreeSet<&str> = match (&config.lookup.role, &*config.coverage.accounts) {
            (None, _) | (_, []) => [account].into(),
            (Some(_), named) => named.iter().map(String::as_str).collect(),
        };
        let mut regions: BTreeSet<&str> = match &*config.coverage.regions {
            [] => [region].into(),
            named => named.iter().map(String::as_str).collect(),
        };
        let global: Vec<&str> = regions.iter().map(|region| global_region(region)).collect();
        regions.extend(global);
        let in_account = |account| regions.iter().map(move |region| Self::new(account, region));
        accounts.into_iter().flat_map(in_account).collect()
    }

    /// The accounts of `coverage.accounts` that [`Self::configured`] leaves out, because they are not Onlooker's own and
    /// `lookup.role` is not set.
    pub fn accounts_without_role(config: &Config, account: &str) -> BTreeSet<String> {
        if !config.lookup.enabled || !config.cloudtrail.enabled || config.lookup.role.is_some() {
            return BTreeSet::new();
        }
        config.coverage.accounts.iter().filter(|named| *named != account).cloned().collect()
    }
}

impl fmt::Display for AccountRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {} in {}", self.account, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CloudTrailSettings, ExpectedCoverage, LookupSettings};

    fn account_regions_of(accounts: &[&str], regions: &[&str], role: Option<&str>) -> Vec<String> {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let coverage = ExpectedCoverage {
            accounts: texts(accounts),
            regions: texts(regions),
            ..ExpectedCoverage::default()
        };
        let lookup = LookupSettings { role: role.map(str::to_owned), ..LookupSettings::default() };
        let config = Config { coverage, lookup, ..Config::default() };
        let written =
            |account_region: &AccountRegion| format!("{} {}", account_region.account, account_region.region);
        AccountRegion::configured(&config, "1", "eu-west-1").iter().map(written).collect()
    }

    #[test]
    fn the_region_of_global_services_is_always_included() {
        assert_eq!(account_regions_of(&[], &[], None), ["1 eu-west-1", "1 us-east-1"]);
        assert_eq!(account_regions_of(&[], &["us-east-1"], None), ["1 us-east-1"]);
        assert_eq!(account_regions_of(&[], &["us-gov-east-1"], None), ["1 us-gov-east-1", "1 us-gov-west-1"]);
    }

    #[test]
    fn other_accounts_need_a_role() {
        assert_eq!(account_regions_of(&["1", "2"], &["us-east-1"], None), ["1 us-east-1"]);
        let left_out = |accounts: &[&str], role: Option<&str>, enabled| {
            let coverage = ExpectedCoverage {
                accounts: accounts.iter().map(ToString::to_string).collect(),
                ..ExpectedCoverage::default()
            };
            let lookup =
                LookupSettings { role: role.map(str::to_owned), enabled, ..LookupSettings::default() };
            let config = Config { coverage, lookup, ..Config::default() };
            AccountRegion::accounts_without_role(&config, "1").into_iter().collect::<Vec<_>>()
        };
        assert_eq!(left_out(&["3", "1", "2"], None, true), ["2", "3"]);
        assert!(left_out(&["3", "1", "2"], Some("r"), true).is_empty());
        assert!(left_out(&["3", "1", "2"], None, false).is_empty());
        assert!(left_out(&[], None, true).is_empty());
        assert_eq!(
            account_regions_of(&["2", "3"], &["us-east-1"], Some("r")),
            ["2 us-east-1", "3 us-east-1"]
        );
    }

    #[test]
    fn a_disabled_lookup_has_no_account_regions() {
        let lookup = LookupSettings { enabled: false, ..LookupSettings::default() };
        assert_eq!(AccountRegion::configured(&Config { lookup, ..Config::default() }, "1", "eu-west-1"), []);
        let cloudtrail = CloudTrailSettings { enabled: false };
        assert_eq!(
            AccountRegion::configured(&Config { cloudtrail, ..Config::default() }, "1", "eu-west-1"),
            []
        );
    }
}
