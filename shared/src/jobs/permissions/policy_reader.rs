//! The policies of everybody who is asked about.
//!
//! Enters: targets by account. Leaves: [`PolicyReadResult`]: a snapshot of each principal, who is not there, and what failed. Laws:
//! everybody asked about is in one of the lists; a failure is nobody's absence; what an organization does not let us see
//! is not seen, and nothing more.
//!
//! An account is read as a whole (`iam:GetAccountAuthorizationDetails`). Where that is refused, principals that are named
//! in full are read one by one; a pattern cannot be.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    IamPorts, PermissionsRequest,
    retry::with_retries,
    targets::{PrincipalTarget, targets},
};
use crate::{
    grants::{Policy, PolicyOrigin, PolicySnapshot},
    permissions::details,
    ports::{OrganizationPolicyType, PortError, PortErrorKind},
};

/// What was read.
#[derive(Debug, Default)]
pub struct PolicyReadResult {
    /// Policies of principals, in order of their ARNs.
    pub snapshots: BTreeMap<String, PolicySnapshot>,
    /// Those named in full that do not exist.
    pub missing: Vec<MissingPrincipal>,
    /// Those that could not be read.
    pub failed: Vec<PrincipalFailure>,
    /// Those nobody could judge.
    pub unsupported: Vec<UnsupportedPrincipal>,
    /// Patterns that match nobody.
    pub unmatched: BTreeSet<String>,
}

/// A principal that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingPrincipal {
    /// The ARN it was asked by.
    pub arn: String,
    /// The account that has no such principal.
    pub account: String,
}

/// A principal, or a pattern, whose policies could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalFailure {
    /// Its ARN, or the pattern.
    pub principal: String,
    /// Which kind of failure it was.
    pub kind: PortErrorKind,
    /// Why, with the IAM action it takes.
    pub cause: String,
}

impl PrincipalFailure {
    pub(super) fn new(principal: impl Into<String>, error: &PortError) -> Self {
        Self { principal: principal.into(), kind: error.kind, cause: error.to_string() }
    }
}

/// A pattern of principals that have no policies in IAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsupportedPrincipal {
    /// The pattern.
    pub principal: String,
    /// Why.
    pub reason: &'static str,
}

/// Reads the policies of everybody who is asked about.
pub fn read_policies(desk: &IamPorts<'_>, question: &PermissionsRequest<'_>) -> PolicyReadResult {
    let whom = targets(question);
    let mut look = PolicyReadResult::default();
    let unjudged = whom.unsupported.into_iter();
    look.unsupported.extend(unjudged.map(|(principal, why)| UnsupportedPrincipal { principal, reason: why }));
    let mut unmatched: BTreeMap<String, bool> = BTreeMap::new();
    for (account, targets) in &whom.by_account {
        let mut at = AccountReader { ports: desk, request: question, account, targets, result: &mut look };
        let found = at.read();
        for target in targets.iter().filter(|target| matches!(target, PrincipalTarget::Pattern(_))) {
            let is_matched =
                found.as_ref().is_none_or(|found| found.iter().any(|arn| target.matches_arn(arn)));
            *unmatched.entry(target.as_str().to_owned()).or_default() |= is_matched;
        }
    }
    look.unmatched =
        unmatched.into_iter().filter(|(_, is_matched)| !is_matched).map(|(text, _)| text).collect();
    look
}

/// An account that is looked into.
struct AccountReader<'l> {
    ports: &'l IamPorts<'l>,
    request: &'l PermissionsRequest<'l>,
    account: &'l str,
    targets: &'l BTreeSet<PrincipalTarget>,
    result: &'l mut PolicyReadResult,
}

impl AccountReader<'_> {
    /// Reads it. Gives the ARNs that were found; nothing where it could not be read as a whole.
    fn read(&mut self) -> Option<Vec<String>> {
        let bounds = match self.control_policies() {
            Ok(bounds) => bounds,
            Err(error) => {
                self.fail_all(&error);
                return None;
            }
        };
        match self.read_account() {
            Ok(found) => Some(self.select_targets(found, &bounds)),
            Err(error) if error.kind == PortErrorKind::AccessDenied => {
                self.read_one_by_one(&error, &bounds);
                None
            }
            Err(error) => {
                self.fail_all(&error);
                None
            }
        }
    }

    fn fail_all(&mut self, error: &PortError) {
        for target in self.targets {
            self.result.failed.push(PrincipalFailure::new(target.as_str(), error));
        }
    }

    /// Everybody in the account.
    fn read_account(&self) -> Result<Vec<PolicySnapshot>, PortError> {
        let IamPorts { iam: authorizations, clock, .. } = *self.ports;
        let mut text = String::new();
        let mut page = None;
        loop {
            let found = with_retries(clock, || {
                authorizations.account_authorization_details(self.account, page.as_deref())
            })?;
            text.push_str(&found.text);
            text.push('\n');
            page = found.next_marker;
            if page.is_none() {
                return self.snapshots(&text);
            }
        }
    }

    /// What AWS's own words say; that they cannot be understood is a failure like any other.
    fn snapshots(&self, text: &str) -> Result<Vec<PolicySnapshot>, PortError> {
        details::parse(text).map_err(|cause| PortError {
            operation: "understand the policies of account",
            name: self.account.to_owned(),
            kind: PortErrorKind::Other,
            cause: Box::new(cause),
        })
    }

    /// Those who are asked about; who is named in full and is not among them does not exist.
    fn select_targets(&mut self, found: Vec<PolicySnapshot>, bounds: &ControlPolicies) -> Vec<String> {
        let arns: Vec<String> = found.iter().map(|snapshot| snapshot.principal.to_string()).collect();
        for target in self.targets {
            match target {
                PrincipalTarget::Pattern(_) => {}
                one if one.as_str().ends_with(":root") => {
                    let root = root_snapshot(one.as_str(), self.account);
                    self.add(root, bounds);
                }
                one if arns.iter().any(|arn| one.matches_arn(arn)) => {}
                one => self.add_missing(one),
            }
        }
        for snapshot in found {
            let arn = &*snapshot.principal;
            let mut meant = self.targets.iter().filter(|target| target.matches_arn(arn));
            let is_exempt = || self.request.config.watch_for_arn(arn).is_none();
            // Asked about by name is asked about, exempt or not.
            if meant.any(|_| !self.request.principals.is_empty() || !is_exempt()) {
                self.add(snapshot, bounds);
            }
        }
        arns
    }

    fn read_one_by_one(&mut self, denied: &PortError, bounds: &ControlPolicies) {
        let IamPorts { iam: authorizations, clock, .. } = *self.ports;
        for target in self.targets {
            let arn = match target {
                PrincipalTarget::Pattern(pattern) => {
                    self.result.failed.push(PrincipalFailure::new(pattern, denied));
                    continue;
                }
                one if one.as_str().ends_with(":root") => {
                    let root = root_snapshot(one.as_str(), self.account);
                    self.add(root, bounds);
                    continue;
                }
                PrincipalTarget::Arn(arn) | PrincipalTarget::RoleAnyPath(arn) => arn,
            };
            let found = with_retries(clock, || authorizations.principal_details(arn));
            let found = found.and_then(|text| text.map(|text| self.snapshots(&text)).transpose());
            match found {
                Ok(None) => self.add_missing(target),
                Ok(Some(found)) => {
                    match found.into_iter().find(|snapshot| target.matches_arn(&snapshot.principal)) {
                        Some(snapshot) => self.add(snapshot, bounds),
                        // A role of this name and another path is another role.
                        None => self.add_missing(target),
                    }
                }
                Err(error) => self.result.failed.push(PrincipalFailure::new(arn, &error)),
            }
        }
    }

    fn add_missing(&mut self, target: &PrincipalTarget) {
        let (arn, account) = (target.as_str().to_owned(), self.account.to_owned());
        self.result.missing.push(MissingPrincipal { arn, account });
    }

    fn add(&mut self, snapshot: PolicySnapshot, bounds: &ControlPolicies) {
        // Service-linked roles are out of reach of an organization's policies:
        // https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html (2026-11).
        let is_linked = snapshot.principal.contains(":role/aws-service-role/");
        let control =
            |levels: &Option<Vec<Vec<Policy>>>| if is_linked { Some(Vec::new()) } else { levels.clone() };
        let snapshot = PolicySnapshot {
            account: self.account.into(),
            service_control_policies: control(&bounds.service),
            resource_control_policies: control(&bounds.resource),
            ..snapshot
        };
        self.result.snapshots.insert(snapshot.principal.to_string(), snapshot.canonical());
    }

    /// Policies of the organization above the account, as far as we may see them.
    fn control_policies(&self) -> Result<ControlPolicies, PortError> {
        let IamPorts { organizations: organization, clock, .. } = *self.ports;
        let read =
            |control| match with_retries(clock, || organization.control_policies(self.account, control)) {
                Ok(levels) => Ok(Some(levels)),
                Err(error) if error.kind == PortErrorKind::AccessDenied => Ok(None),
                // Not the same as none: the snapshot would change its hash whenever somebody is busy.
                Err(error) => Err(error),
            };
        Ok(ControlPolicies {
            service: read(OrganizationPolicyType::ServiceControl)?,
            resource: read(OrganizationPolicyType::ResourceControl)?,
        })
    }
}

/// Policies of an organization above an account; absent where we may not see them.
struct ControlPolicies {
    service: Option<Vec<Vec<Policy>>>,
    resource: Option<Vec<Vec<Policy>>>,
}

/// The root user, who has no policies and may do everything the organization leaves.
fn root_snapshot(arn: &str, account: &str) -> PolicySnapshot {
    let everything = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Root","Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    PolicySnapshot {
        principal: arn.into(),
        account: account.into(),
        identity_policies: vec![Policy {
            name: "root user".into(),
            origin: PolicyOrigin::Given,
            text: everything.into(),
        }],
        is_boundary_known: true,
        ..PolicySnapshot::default()
    }
}
