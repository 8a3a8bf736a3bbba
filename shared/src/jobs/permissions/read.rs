//! The policies of everybody who is asked about.
//!
//! Enters: targets by account. Leaves: [`Look`]: a snapshot of each principal, who is not there, and what failed. Laws:
//! everybody asked about is in one of the lists; a failure is nobody's absence; what an organization does not let us see
//! is not seen, and nothing more.
//!
//! An account is read as a whole (`iam:GetAccountAuthorizationDetails`). Where that is refused, principals that are named
//! in full are read one by one; a pattern cannot be.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Desk, Question,
    patience::patiently,
    whom::{Target, whom},
};
use crate::{
    grants::{Origin, Policy, Snapshot},
    permissions::details,
    ports::{Control, FailureKind, PortError},
};

/// What was read.
#[derive(Debug, Default)]
pub struct Look {
    /// Policies of principals, in order of their ARNs.
    pub snapshots: BTreeMap<String, Snapshot>,
    /// Those named in full that do not exist.
    pub absent: Vec<Absent>,
    /// Those that could not be read.
    pub failed: Vec<Failed>,
    /// Those nobody could judge.
    pub unjudged: Vec<Unjudged>,
    /// Patterns that match nobody.
    pub unmatched: BTreeSet<String>,
}

/// A principal that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// The ARN it was asked by.
    pub arn: String,
    /// The account that has no such principal.
    pub account: String,
}

/// A principal, or a pattern, whose policies could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its ARN, or the pattern.
    pub principal: String,
    /// Which kind of failure it was.
    pub kind: FailureKind,
    /// Why, with the IAM action it takes.
    pub cause: String,
}

impl Failed {
    pub(super) fn new(principal: impl Into<String>, error: &PortError) -> Self {
        Self { principal: principal.into(), kind: error.kind, cause: error.to_string() }
    }
}

/// A pattern of principals that have no policies in IAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unjudged {
    /// The pattern.
    pub principal: String,
    /// Why.
    pub why: &'static str,
}

/// Reads the policies of everybody who is asked about.
pub fn look(desk: &Desk<'_>, question: &Question<'_>) -> Look {
    let whom = whom(question);
    let mut look = Look::default();
    let unjudged = whom.unjudged.into_iter();
    look.unjudged.extend(unjudged.map(|(principal, why)| Unjudged { principal, why }));
    let mut unmatched: BTreeMap<String, bool> = BTreeMap::new();
    for (account, targets) in &whom.targets {
        let mut at = Account { desk, question, account, targets, look: &mut look };
        let found = at.read();
        for target in targets.iter().filter(|target| matches!(target, Target::All(_))) {
            let is_matched = found.as_ref().is_none_or(|found| found.iter().any(|arn| target.is(arn)));
            *unmatched.entry(target.text().to_owned()).or_default() |= is_matched;
        }
    }
    look.unmatched =
        unmatched.into_iter().filter(|(_, is_matched)| !is_matched).map(|(text, _)| text).collect();
    look
}

/// An account that is looked into.
struct Account<'l> {
    desk: &'l Desk<'l>,
    question: &'l Question<'l>,
    account: &'l str,
    targets: &'l BTreeSet<Target>,
    look: &'l mut Look,
}

impl Account<'_> {
    /// Reads it. Gives the ARNs that were found; nothing where it could not be read as a whole.
    fn read(&mut self) -> Option<Vec<String>> {
        let bounds = match self.bounds() {
            Ok(bounds) => bounds,
            Err(error) => {
                self.fail_all(&error);
                return None;
            }
        };
        match self.whole() {
            Ok(found) => Some(self.choose(found, &bounds)),
            Err(error) if error.kind == FailureKind::Denied => {
                self.one_by_one(&error, &bounds);
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
            self.look.failed.push(Failed::new(target.text(), error));
        }
    }

    /// Everybody in the account.
    fn whole(&self) -> Result<Vec<Snapshot>, PortError> {
        let Desk { authorizations, clock, .. } = *self.desk;
        let mut text = String::new();
        let mut page = None;
        loop {
            let found = patiently(clock, || authorizations.details(self.account, page.as_deref()))?;
            text.push_str(&found.text);
            text.push('\n');
            page = found.next;
            if page.is_none() {
                return self.snapshots(&text);
            }
        }
    }

    /// What AWS's own words say; that they cannot be understood is a failure like any other.
    fn snapshots(&self, text: &str) -> Result<Vec<Snapshot>, PortError> {
        details::read(text).map_err(|cause| PortError {
            operation: "understand the policies of account",
            name: self.account.to_owned(),
            kind: FailureKind::Other,
            cause: Box::new(cause),
        })
    }

    /// Those who are asked about; who is named in full and is not among them does not exist.
    fn choose(&mut self, found: Vec<Snapshot>, bounds: &Bounds) -> Vec<String> {
        let arns: Vec<String> = found.iter().map(|snapshot| snapshot.principal.to_string()).collect();
        for target in self.targets {
            match target {
                Target::All(_) => {}
                one if one.text().ends_with(":root") => {
                    let root = root(one.text(), self.account);
                    self.add(root, bounds);
                }
                one if arns.iter().any(|arn| one.is(arn)) => {}
                one => self.absent(one),
            }
        }
        for snapshot in found {
            let arn = &*snapshot.principal;
            let mut meant = self.targets.iter().filter(|target| target.is(arn));
            let is_exempt = || self.question.config.watched_arn(arn).is_none();
            // Asked about by name is asked about, exempt or not.
            if meant.any(|_| !self.question.asked.is_empty() || !is_exempt()) {
                self.add(snapshot, bounds);
            }
        }
        arns
    }

    fn one_by_one(&mut self, denied: &PortError, bounds: &Bounds) {
        let Desk { authorizations, clock, .. } = *self.desk;
        for target in self.targets {
            let arn = match target {
                Target::All(pattern) => {
                    self.look.failed.push(Failed::new(pattern, denied));
                    continue;
                }
                one if one.text().ends_with(":root") => {
                    let root = root(one.text(), self.account);
                    self.add(root, bounds);
                    continue;
                }
                Target::One(arn) | Target::Role(arn) => arn,
            };
            let found = patiently(clock, || authorizations.principal(arn));
            let found = found.and_then(|text| text.map(|text| self.snapshots(&text)).transpose());
            match found {
                Ok(None) => self.absent(target),
                Ok(Some(found)) => match found.into_iter().find(|snapshot| target.is(&snapshot.principal)) {
                    Some(snapshot) => self.add(snapshot, bounds),
                    // A role of this name and another path is another role.
                    None => self.absent(target),
                },
                Err(error) => self.look.failed.push(Failed::new(arn, &error)),
            }
        }
    }

    fn absent(&mut self, target: &Target) {
        let (arn, account) = (target.text().to_owned(), self.account.to_owned());
        self.look.absent.push(Absent { arn, account });
    }

    fn add(&mut self, snapshot: Snapshot, bounds: &Bounds) {
        // Service-linked roles are out of reach of an organization's policies:
        // https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html (2026-11).
        let is_linked = snapshot.principal.contains(":role/aws-service-role/");
        let control =
            |levels: &Option<Vec<Vec<Policy>>>| if is_linked { Some(Vec::new()) } else { levels.clone() };
        let snapshot = Snapshot {
            account: self.account.into(),
            service_control: control(&bounds.service),
            resource_control: control(&bounds.resource),
            ..snapshot
        };
        self.look.snapshots.insert(snapshot.principal.to_string(), snapshot.canonical());
    }

    /// Policies of the organization above the account, as far as we may see them.
    fn bounds(&self) -> Result<Bounds, PortError> {
        let Desk { organization, clock, .. } = *self.desk;
        let read = |control| match patiently(clock, || organization.above(self.account, control)) {
            Ok(levels) => Ok(Some(levels)),
            Err(error) if error.kind == FailureKind::Denied => Ok(None),
            // Not the same as none: the snapshot would change its hash whenever somebody is busy.
            Err(error) => Err(error),
        };
        Ok(Bounds { service: read(Control::Service)?, resource: read(Control::Resource)? })
    }
}

/// Policies of an organization above an account; absent where we may not see them.
struct Bounds {
    service: Option<Vec<Vec<Policy>>>,
    resource: Option<Vec<Vec<Policy>>>,
}

/// The root user, who has no policies and may do everything the organization leaves.
fn root(arn: &str, account: &str) -> Snapshot {
    let everything = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Root","Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    Snapshot {
        principal: arn.into(),
        account: account.into(),
        identity: vec![Policy { name: "root user".into(), origin: Origin::Given, text: everything.into() }],
        boundary_read: true,
        ..Snapshot::default()
    }
}
