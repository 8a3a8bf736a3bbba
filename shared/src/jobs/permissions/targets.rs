//! Patterns of principals to the accounts they are looked for in.
//!
//! Enters: ARNs and patterns, and the accounts we may look into. Leaves: targets by account. Laws: a pattern is looked for
//! in every account it can match; one whose principals have no policies in IAM is told, and not passed over.

use std::collections::{BTreeMap, BTreeSet};

use super::PermissionsRequest;
use crate::{
    config::Config,
    pattern::{has_wildcard, matches},
};

/// Principals that are looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PrincipalTarget {
    /// One of this ARN.
    Arn(String),
    /// A role of this name, whatever its path: a session does not tell it. The ARN is without a path.
    RoleAnyPath(String),
    /// All that match.
    Pattern(String),
}

impl PrincipalTarget {
    /// The ARN or pattern.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Arn(text) | Self::RoleAnyPath(text) | Self::Pattern(text) => text,
        }
    }

    /// The same in one account: there is one root user in it, and no list of principals names it.
    fn in_account(&self, account: &str) -> Self {
        match self {
            Self::Pattern(pattern) if pattern.ends_with(":root") => {
                let partition = pattern.split(':').nth(1).filter(|one| !has_wildcard(one)).unwrap_or("aws");
                Self::Arn(format!("arn:{partition}:iam::{account}:root"))
            }
            other => other.clone(),
        }
    }

    /// Whether a principal of this ARN is meant.
    pub(super) fn matches_arn(&self, arn: &str) -> bool {
        match self {
            Self::Arn(one) => one == arn,
            Self::RoleAnyPath(role) => is_role_arn(role, arn),
            Self::Pattern(pattern) => matches(pattern, arn),
        }
    }
}

/// Whether an ARN is that of a role, given without its path.
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

/// Everybody who is asked about.
pub(super) fn targets(question: &PermissionsRequest<'_>) -> Targets {
    let known = searchable_accounts(question.config, &question.caller.account);
    let patterns: Vec<&str> = match question.principals {
        [] => question.config.watch.iter().map(|watch| &*watch.principal).collect(),
        asked => asked.iter().map(String::as_str).collect(),
    };
    let mut whom = Targets::default();
    for pattern in patterns {
        match parse_target(pattern) {
            Ok((account, target)) if has_wildcard(account) => {
                for known in known.iter().filter(|known| matches(account, known)) {
                    whom.by_account.entry((*known).to_owned()).or_default().insert(target.in_account(known));
                }
            }
            Ok((account, target)) => {
                whom.by_account.entry(account.to_owned()).or_default().insert(target);
            }
            Err(why) => {
                whom.unsupported.insert(pattern.to_owned(), why);
            }
        }
    }
    whom
}

/// Accounts we may look into: our own, and where a role is named, those evidence is expected of.
fn searchable_accounts<'a>(config: &'a Config, own: &'a str) -> BTreeSet<&'a str> {
    let named = config.coverage.accounts.iter().filter(|_| config.lookup.role.is_some());
    named.map(String::as_str).chain([own]).collect()
}

/// The account of an ARN or pattern, and whom it means.
fn parse_target(pattern: &str) -> Result<(&str, PrincipalTarget), &'static str> {
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let [_, partition, _, _, account, resource] = *parts.as_slice() else {
        return Err("it is no ARN");
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
        "federated-user" => Err("a federated user has its user's policies, less those of its session"),
        "saml-provider" | "oidc-provider" => Err("an identity provider has no policies of its own"),
        "user" if account.is_empty() => {
            Err("a user of IAM Identity Center acts through `AWSReservedSSO_` roles: watch those")
        }
        _ if has_wildcard(pattern) => Ok((account, PrincipalTarget::Pattern(pattern.to_owned()))),
        "user" | "role" | "root" => Ok((account, PrincipalTarget::Arn(pattern.to_owned()))),
        _ => Err("it is no user, role or root"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Catalog, config::Watch, report::CallerIdentity};

    fn targets_of(asked: &[&str], config: &Config) -> Targets {
        let asked: Vec<String> = asked.iter().map(|one| (*one).to_owned()).collect();
        let caller =
            CallerIdentity { arn: String::new(), account: "111122223333".to_owned(), user_id: String::new() };
        targets(&PermissionsRequest {
            config,
            catalog: Catalog::embedded(),
            caller: &caller,
            principals: &asked,
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
        // One that is named is looked for where it must be, whether or not we may.
        let named = targets_of(&["arn:aws:iam::777788889999:role/A"], &Config::default());
        assert_eq!(named.by_account.into_keys().collect::<Vec<_>>(), ["777788889999"]);
    }

    #[test]
    fn a_session_matches_its_role_whatever_its_path() {
        let whom = targets_of(&["arn:aws:sts::111122223333:assumed-role/Auditor/me"], &Config::default());
        let target = whom.by_account["111122223333"].first().unwrap().clone();
        assert!(target.matches_arn("arn:aws:iam::111122223333:role/Auditor"));
        assert!(target.matches_arn("arn:aws:iam::111122223333:role/audit/Auditor"));
        assert!(!target.matches_arn("arn:aws:iam::444455556666:role/Auditor"));
        assert!(!target.matches_arn("arn:aws:iam::111122223333:role/Auditor/other"));
    }

    #[test]
    fn a_root_pattern_targets_the_root_user_of_each_account() {
        let whom = targets_of(&["arn:aws:iam::*:root"], &Config::default());
        let root = PrincipalTarget::Arn("arn:aws:iam::111122223333:root".to_owned());
        assert_eq!(whom.by_account["111122223333"], BTreeSet::from([root]));
    }

    #[test]
    fn principals_without_iam_policies_are_reported() {
        let whom = targets_of(
            &["arn:aws:sts::111122223333:federated-user/f", "arn:aws:identitystore:::user/u", "nonsense"],
            &Config::default(),
        );
        assert!(whom.by_account.is_empty());
        assert_eq!(whom.unsupported.len(), 3);
    }
}
