//! Reads the policies of the requested principals.
//!
//! Enters: targets by account. Leaves: [`PolicyReadResult`]: a snapshot of each principal, the missing principals,
//! and the failures. Laws: every requested principal is in one of the lists; a failed call never makes a principal
//! missing; policies of an organization that Onlooker may not read are marked as unknown, and the rest is still read.
//!
//! An account is read as a whole (`iam:GetAccountAuthorizationDetails`). If AWS denies that call, principals with a
//! full ARN are read one by one; a pattern then fails.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    IamPorts, PermissionsRequest,
    targets::{PrincipalTarget, targets},
};
use crate::{
    grants::{Policy, PolicyOrigin, PolicySnapshot},
    jobs::retry::with_retries,
    permissions::details,
    ports::{OrganizationPolicyType, PortError, PortErrorKind},
};

/// The policies that were read.
#[derive(Debug, Default)]
pub struct PolicyReadResult {
    /// Policies of principals, in order of their ARNs.
    pub snapshots: BTreeMap<String, PolicySnapshot>,
    /// Principals with a full ARN that do not exist.
    pub missing: Vec<MissingPrincipal>,
    /// Principals and patterns that could not be read.
    pub failed: Vec<PrincipalFailure>,
    /// Principals that are not supported.
    pub unsupported: Vec<UnsupportedPrincipal>,
    /// Patterns that do not match a principal.
    pub unmatched: BTreeSet<String>,
}

/// A principal that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingPrincipal {
    /// ARN of the requested principal.
    pub arn: String,
    /// The account in which the principal does not exist.
    pub account: String,
}

/// A principal or pattern that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalFailure {
    /// ARN of the principal, or the ARN pattern.
    pub principal: String,
    /// Kind of the failure.
    pub kind: PortErrorKind,
    /// The cause, with the IAM action that is needed.
    pub cause: String,
}

impl PrincipalFailure {
    pub(super) fn new(principal: impl Into<String>, error: &PortError) -> Self {
        Self { principal: principal.into(), kind: error.kind, cause: error.to_string() }
    }
}

/// A pattern of principals that have no policies in IAM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnsupportedPrincipal {
    /// ARN pattern of the principals.
    pub principal: String,
    /// Why the policies of the principals cannot be read.
    pub reason: &'static str,
}

/// Reads the policies of all requested principals.
pub fn read_policies(ports: &IamPorts<'_>, request: &PermissionsRequest<'_>) -> PolicyReadResult {
    let all_targets = targets(request);
    let mut result = PolicyReadResult::default();
    let unsupported = all_targets.unsupported.into_iter();
    result
        .unsupported
        .extend(unsupported.map(|(principal, reason)| UnsupportedPrincipal { principal, reason }));
    let mut unmatched: BTreeMap<String, bool> = BTreeMap::new();
    for (account, targets) in &all_targets.by_account {
        let mut reader = AccountReader { ports, request, account, targets, result: &mut result };
        let found = reader.read();
        for target in targets.iter().filter(|target| matches!(target, PrincipalTarget::Pattern(_))) {
            let is_matched =
                found.as_ref().is_none_or(|found| found.iter().any(|arn| target.matches_arn(arn)));
            *unmatched.entry(target.as_str().to_owned()).or_default() |= is_matched;
        }
    }
    result.unmatched =
        unmatched.into_iter().filter(|(_, is_matched)| !is_matched).map(|(text, _)| text).collect();
    result
}

/// Reads the policies of one account.
struct AccountReader<'l> {
    ports: &'l IamPorts<'l>,
    request: &'l PermissionsRequest<'l>,
    account: &'l str,
    targets: &'l BTreeSet<PrincipalTarget>,
    result: &'l mut PolicyReadResult,
}

impl AccountReader<'_> {
    /// Reads the account. Returns the ARNs that were found; `None` when it could not be read as a whole.
    fn read(&mut self) -> Option<Vec<String>> {
        let control_policies = match self.control_policies() {
            Ok(control_policies) => control_policies,
            Err(error) => {
                self.fail_all(&error);
                return None;
            }
        };
        match self.read_account() {
            Ok(found) => Some(self.select_targets(found, &control_policies)),
            Err(error) if error.kind == PortErrorKind::AccessDenied => {
                self.read_one_by_one(&error, &control_policies);
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

    /// All principals of the account.
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

    /// Parses the authorization details of AWS; a parse error is a failure of the account.
    fn snapshots(&self, text: &str) -> Result<Vec<PolicySnapshot>, PortError> {
        details::parse(text).map_err(|cause| PortError {
            operation: "parse the policies of account",
            name: self.account.to_owned(),
            kind: PortErrorKind::Other,
            cause: Box::new(cause),
        })
    }

    /// Selects the requested principals; one with a full ARN that was not found is missing.
    fn select_targets(
        &mut self,
        found: Vec<PolicySnapshot>,
        control_policies: &ControlPolicies,
    ) -> Vec<String> {
        let arns: Vec<String> = found.iter().map(|snapshot| snapshot.principal.to_string()).collect();
        for target in self.targets {
            match target {
                PrincipalTarget::Pattern(_) => {}
                one if one.as_str().ends_with(":root") => {
                    let root = root_snapshot(one.as_str(), self.account);
                    self.add(root, control_policies);
                }
                one if arns.iter().any(|arn| one.matches_arn(arn)) => {}
                one => self.add_missing(one),
            }
        }
        for snapshot in found {
            let arn = &*snapshot.principal;
            let mut matching = self.targets.iter().filter(|target| target.matches_arn(arn));
            let is_exempt = || self.request.config.watch_for_arn(arn).is_none();
            // An explicitly requested principal is included, even if it is exempt from the watches.
            if matching.any(|_| !self.request.principals.is_empty() || !is_exempt()) {
                self.add(snapshot, control_policies);
            }
        }
        arns
    }

    fn read_one_by_one(&mut self, denied: &PortError, control_policies: &ControlPolicies) {
        let IamPorts { iam: authorizations, clock, .. } = *self.ports;
        for target in self.targets {
            let arn = match target {
                PrincipalTarget::Pattern(pattern) => {
                    self.result.failed.push(PrincipalFailure::new(pattern, denied));
                    continue;
                }
                one if one.as_str().ends_with(":root") => {
                    let root = root_snapshot(one.as_str(), self.account);
                    self.add(root, control_policies);
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
                        Some(snapshot) => self.add(snapshot, control_policies),
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

    fn add(&mut self, snapshot: PolicySnapshot, control_policies: &ControlPolicies) {
        // The policies of an organization do not affect service-linked roles:
        // https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html (2026-11).
        let is_linked = snapshot.principal.contains(":role/aws-service-role/");
        let control =
            |levels: &Option<Vec<Vec<Policy>>>| if is_linked { Some(Vec::new()) } else { levels.clone() };
        let snapshot = PolicySnapshot {
            account: self.account.into(),
            service_control_policies: control(&control_policies.service),
            resource_control_policies: control(&control_policies.resource),
            ..snapshot
        };
        self.result.snapshots.insert(snapshot.principal.to_string(), snapshot.canonical());
    }

    /// Policies of the organization for the account, as far as Onlooker may read them.
    fn control_policies(&self) -> Result<ControlPolicies, PortError> {
        let IamPorts { organizations: organization, clock, .. } = *self.ports;
        let read =
            |control| match with_retries(clock, || organization.control_policies(self.account, control)) {
                Ok(levels) => Ok(Some(levels)),
                Err(error) if error.kind == PortErrorKind::AccessDenied => Ok(None),
                // A failure is not the same as no policies: throttling would change the hash of the snapshot.
                Err(error) => Err(error),
            };
        Ok(ControlPolicies {
            service: read(OrganizationPolicyType::ServiceControl)?,
            resource: read(OrganizationPolicyType::ResourceControl)?,
        })
    }
}

/// Policies of an organization for an account; absent where Onlooker may not read them.
struct ControlPolicies {
    service: Option<Vec<Vec<Policy>>>,
    resource: Option<Vec<Vec<Policy>>>,
}

/// The root user, which has no policies and may do everything that the organization allows.
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
