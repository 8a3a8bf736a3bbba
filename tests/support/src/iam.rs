//! IAM, an organization and probes for jobs, in memory and with faults on demand.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Mutex,
};

use onlooker_core::{
    grants::{Policy, PolicyOrigin, PolicySnapshot},
    ports::{
        AuthorizationDetailsPage, IamApi, OrganizationPolicyType, OrganizationsApi, PortError, PortErrorKind,
        Prober, SimulationResult,
    },
};
use serde_json::{Value, json};

use crate::environment::FaultyPort;

/// IAM of some accounts.
#[derive(Default)]
pub struct FakeIam {
    /// Roles by ARN, as `get-account-authorization-details` prints them.
    pub roles: Mutex<BTreeMap<String, Value>>,
    /// Actions with a decision of the simulator that differs from the policies.
    pub simulator_conflicts: Mutex<BTreeMap<String, String>>,
    /// Levels of service control policies; `None`: reading them is denied.
    pub service_control_levels: Mutex<Option<Vec<Vec<String>>>>,
    /// Errors of probes; one that is not listed succeeds, and `x:Unknown` has no probe.
    pub probe_results: Mutex<BTreeMap<String, PortErrorKind>>,
    /// Accounts for which reading the authorization details is denied.
    pub denied_accounts: Mutex<BTreeSet<String>>,
}

/// A policy that allows these actions on everything.
pub fn allow(actions: &[&str]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] })
}

/// A policy that denies these actions on everything.
pub fn deny(actions: &[&str]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": actions, "Resource": "*" }] })
}

impl FakeIam {
    /// Gives a role these inline policies, in place of those it had.
    pub fn set_role(&self, arn: &str, inline: &[Value]) {
        let account = arn.split(':').nth(4).unwrap();
        let name = arn.rsplit('/').next().unwrap();
        let policies: Vec<Value> = inline
            .iter()
            .enumerate()
            .map(|(n, document)| json!({ "PolicyName": format!("p{n}"), "PolicyDocument": document }))
            .collect();
        let role = json!({
            "Path": "/", "RoleName": name, "RoleId": "AROA", "Arn": arn, "CreateDate": "2026-01-01T00:00:00Z",
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow", "Action": "sts:AssumeRole",
                    "Principal": { "AWS": format!("arn:aws:iam::{account}:root") }
                }]
            },
            "RolePolicyList": policies, "AttachedManagedPolicies": [], "InstanceProfileList": [], "Tags": []
        });
        self.roles.lock().unwrap().insert(arn.to_owned(), role);
    }

    fn page(roles: &[Value]) -> String {
        json!({ "UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles, "Policies": [] })
            .to_string()
    }
}

fn port_error(operation: &'static str, name: &str, kind: PortErrorKind) -> PortError {
    let cause = Box::new(io::Error::other("injected fault"));
    PortError { operation, name: name.to_owned(), kind, cause }
}

impl IamApi for FaultyPort<FakeIam> {
    fn account_authorization_details(
        &self,
        account: &str,
        page: Option<&str>,
    ) -> Result<AuthorizationDetailsPage, PortError> {
        let about = format!("{account} {}", page.unwrap_or_default());
        self.injector.call(("iam", "details"), about, || {
            if self.port.denied_accounts.lock().unwrap().contains(account) {
                let operation = "read the policies (iam:GetAccountAuthorizationDetails) of";
                return Err(port_error(operation, account, PortErrorKind::AccessDenied));
            }
            let roles = self.port.roles.lock().unwrap();
            let prefix = format!("arn:aws:iam::{account}:");
            let roles: Vec<Value> = roles
                .iter()
                .filter(|(arn, _)| arn.starts_with(&prefix))
                .map(|(_, role)| role.clone())
                .collect();
            // One role a page, so that every read has several pages.
            let at: usize = page.map_or(0, |page| page.parse().unwrap());
            let text = FakeIam::page(roles.get(at..roles.len().min(at + 1)).unwrap_or_default());
            Ok(AuthorizationDetailsPage {
                text,
                next_marker: (at + 1 < roles.len()).then(|| (at + 1).to_string()),
            })
        })
    }

    fn principal_details(&self, arn: &str) -> Result<Option<String>, PortError> {
        self.injector.call(("iam", "principal"), arn.to_owned(), || {
            let role = self.port.roles.lock().unwrap().get(arn).cloned();
            Ok(role.map(|role| FakeIam::page(&[role])))
        })
    }

    fn simulate(
        &self,
        snapshot: &PolicySnapshot,
        actions: &[&str],
    ) -> Result<Vec<SimulationResult>, PortError> {
        let about = format!("{} {}", snapshot.principal, actions.len());
        self.injector.call(("iam", "simulate"), about, || {
            // It knows only actions that are written out, which these tests use.
            let is_named = |action: &str| {
                let policies = &snapshot.identity_policies;
                policies.iter().any(|policy| policy.text.contains(&format!("\"{action}\"")))
            };
            let conflicts = self.port.simulator_conflicts.lock().unwrap();
            let answer = |action: &&str| {
                let word = if is_named(action) { "allowed" } else { "implicitDeny" };
                let word = conflicts.get(*action).map_or(word, String::as_str);
                SimulationResult { action: (*action).to_owned(), decision: word.to_owned() }
            };
            Ok(actions.iter().map(answer).collect())
        })
    }
}

impl OrganizationsApi for FaultyPort<FakeIam> {
    fn control_policies(
        &self,
        account: &str,
        control: OrganizationPolicyType,
    ) -> Result<Vec<Vec<Policy>>, PortError> {
        self.injector.call(("organization", "control_policies"), format!("{account} {control:?}"), || {
            let controls = self.port.service_control_levels.lock().unwrap();
            let Some(levels) = &*controls else {
                return Err(port_error("list the control policies", account, PortErrorKind::AccessDenied));
            };
            if control == OrganizationPolicyType::ResourceControl {
                return Ok(Vec::new());
            }
            let policy = |text: &String| Policy {
                name: "scp".into(),
                origin: PolicyOrigin::Given,
                text: text.as_str().into(),
            };
            Ok(levels.iter().map(|level| level.iter().map(policy).collect()).collect())
        })
    }
}

impl Prober for FaultyPort<FakeIam> {
    fn probe(&self, service: &str, operation: &str) -> Option<Result<(), PortError>> {
        let name = format!("{service}:{operation}");
        if name == "x:Unknown" {
            return None;
        }
        Some(self.injector.call(("reads", "probe"), name.clone(), || {
            match self.port.probe_results.lock().unwrap().get(&name) {
                Some(kind) => Err(port_error("probe", &name, *kind)),
                None => Ok(()),
            }
        }))
    }
}
