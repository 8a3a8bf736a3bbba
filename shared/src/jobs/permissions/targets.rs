//! From patterns of principals to targets in accounts.
//!
//! Enters: ARNs and patterns, and the accounts that Onlooker can read. Leaves: targets by account. Laws: a pattern is
//! searched in every account it can match; a pattern of principals without policies in IAM is reported and not
//! skipped.

use std::collections::{BTreeMap, BTreeSet};

use super::PermissionsRequest;
use crate::{
    config::Config,
    pattern::{has_wildcard, matches},
};

/// Principals to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PrincipalTarget {
    /// The principal with this ARN.
    Arn(String),
    /// The role with this name and any path, because the ARN of a session does not contain the path. Stored without a
    /// path.
    RoleAnyPath(String),
    /// All principals that match an ARN pattern with wildcards.
    Pattern(String),
}

impl PrincipalTarget {
    /// The ARN or pattern.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Arn(text) | Self::RoleAnyPath(text) | Self::Pattern(text) => text,
        }
    }

    /// The target in one account. A root pattern becomes the ARN of the account's root user, which no listing
    /// contains.
    fn in_account(&self, account: &str) -> Self {
        match self {
            Self::Pattern(pattern) if pattern.ends_with(":root") => {
                let partition = pattern.split(':').nth(1).filter(|one| !has_wildcard(one)).unwrap_or("aws");
                Self::Arn(format!("arn:{partition}:iam::{account}:root"))
            }
            other => other.clone(),
        }
    }

    /// Whether the principal with this ARN is a target.
    pub(super) fn matches_arn(&self, arn: &str) -> bool {
        match self {
            Self::Arn(one) => one == arn,
            Self::RoleAnyPath(role) => is_role_arn(role, arn),
            Self::Pattern(pattern) => matches(pattern, arn),
        }
    }
}

/// Whether an ARN belongs to a role that is given without its path.
pub(super) fn is_role_arn(role: &str, arn: &str) -> bool {
    let parts = |arn: &'_ str| {
        let (account, path) = arn.split_once(":role/")?;
        Some((account.to_owned(), path.rsplit('/').next()?.to_owned()))
    };
    parts(role).is_some_and(|role| Some(role) == parts(arn))
}

/// Targets by account, and patterns of principals that have no policies in IAM, with the reason.
#[derive(Debug, Default)]
pub(super) struct Targets {
    pub(super) by_account: BTreeMap<String, BTreeSet<PrincipalTarget>>,
    pub(super) unsupported: BTreeMap<String, &'static str>,
}

/// The targets of a request.
pub(super) fn targets(request: &PermissionsRequest<'_>) -> Targets {
    let known = searchable_accounts(request.config, &request.caller.account);
    let patterns: Vec<&str> = match request.principals {
        [] => request.config.watch.iter().map(|watch| &*watch.principal).collect(),
        requested => requested.iter().map(String::as_str).collect(),
    };
    let mut targets = Targets::default();
    for pattern in patterns {
        match parse_target(pattern) {
            Ok((account, target)) if has_wildcard(account) => {
                for known in known.iter().filter(|known| matches(account, known)) {
                    targets
                        .by_account
                        .entry((*known).to_owned())
                        .or_default()
                        .insert(target.in_account(known));
                }
            }
            Ok((account, target)) => {
                targets.by_account.entry(account.to_owned()).or_default().insert(target);
            }
            Err(reason) => {
                targets.unsupported.insert(pattern.to_owned(), reason);
            }
        }
    }
    targets
}

/// Accounts that Onlooker can read: its own and, with `lookup.role`, those of `coverage.accounts`.
fn searchable_accounts<'a>(config: &'a Config, own: &'a str) -> BTreeSet<&'a str> {
    let named = config.coverage.accounts.iter().filter(|_| config.lookup.role.is_some());
    named.map(String::as_str).chain([own]).collect()
}

/// The account of an ARN or pattern, and its target.
fn parse_target(pattern: &str) -> Result<(&str, PrincipalTarget), &'static str> {
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let [_, partition, _, _, account, resource] = *parts.as_slice() else {
        return Err("it is not an ARN");
    };
    let kind = resource.split('/').next().unwrap_or_default();
    if let Some(rest) = resource.strip_prefix("assumed-role/") {
        let role = rest.split('/').next().unwrap_or_default();
        return Ok((
            account,
            PrincipalTarget::RoleAnyPath(format!("arn:{partition}:iam::{account}:role/{role}")),
        ));
    }
    match kind {
        "federated-user" => {
            Err("a federated user has the policies of its user, limited by its session policies")
        }
        "saml-provider" | "oidc-provider" => Err("an identity provider has no policies of its own"),
        "user" if account.is_empty() => {
            Err("a user of IAM Identity Center acts through `AWSReservedSSO_` roles: watch these roles")
        }
        _ if has_wildcard(pattern) => Ok((account, PrincipalTarget::Pattern(pattern.to_owned()))),
        "user" | "role" | "root" => Ok((account, PrincipalTarget::Arn(pattern.to_owned()))),
        _ => Err("it is not a user, role or root user"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Catalog, config::Watch, report::CallerIdentity};

    fn targets_of(requested: &[&str], config: &Config) -> Targets {
        let requested: Vec<String> = requested.iter().map(|one| (*one).to_owned()).collect();
        let caller =
            CallerIdentity { arn: String::new(), account: "111122223333".to_owned(), user_id: String::new() };
        targets(&PermissionsRequest {
            config,
            catalog: Catalog::embedded(),
            caller: &caller,
            principals: &requested,
        })
    }

    #[test]
    fn a_pattern_is_searched_in_every_accessible_account() {
        let mut config =
            Config { watch: vec![Watch::new("arn:aws:iam::*:role/A*").unwrap()], ..Config::default() };
        config.coverage.accounts = vec!["444455556666".to_owned()];
        let accounts = |config: &Config| targets_of(&[], config).by_account.into_keys().collect::<Vec<_>>();
        assert_eq!(accounts(&config), ["111122223333"]);
        config.lookup.role = Some("Onlooker".to_owned());
        assert_eq!(accounts(&config), ["111122223333", "444455556666"]);
        // A full ARN is searched in its own account, even if Onlooker cannot read that account.
        let named = targets_of(&["arn:aws:iam::777788889999:role/A"], &Config::default());
        assert_eq!(named.by_account.into_keys().collect::<Vec<_>>(), ["777788889999"]);
    }

    #[test]
    fn a_session_matches_its_role_whatever_its_path() {
        let targets = targets_of(&["arn:aws:sts::111122223333:assumed-role/Auditor/me"], &Config::default());
        let target = targets.by_account["111122223333"].first().unwrap().clone();
        assert!(target.matches_arn("arn:aws:iam::111122223333:role/Auditor"));
        assert!(target.matches_arn("arn:aws:iam::111122223333:role/audit/Auditor"));
        assert!(!target.matches_arn("arn:aws:iam::444455556666:role/Auditor"));
        assert!(!target.matches_arn("arn:aws:iam::111122223333:role/Auditor/other"));
    }

    #[test]
    fn a_root_pattern_targets_the_root_user_of_each_account() {
        let targets = targets_of(&["arn:aws:iam::*:root"], &Config::default());
        let root = PrincipalTarget::Arn("arn:aws:iam::111122223333:root".to_owned());
        assert_eq!(targets.by_account["111122223333"], BTreeSet::from([root]));
    }

    #[test]
    fn principals_without_iam_policies_are_reported() {
        let targets = targets_of(
            &["arn:aws:sts::111122223333:federated-user/f", "arn:aws:identitystore:::user/u", "nonsense"],
            &Config::default(),
        );
        assert!(targets.by_account.is_empty());
        assert_eq!(targets.unsupported.len(), 3);
    }
}
