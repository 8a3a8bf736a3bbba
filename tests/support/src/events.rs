//! Evidence for the stages: events of every kind, by hand and generated, and the report on them.

use std::sync::Arc;

use onlooker_core::{
    catalog::Catalog,
    config::{BusinessHours, Config, Override, Standard, Watch, Weekday},
    controls::ControlPack,
    event::{Actor, CallKey, DenyingPolicy, Event, EventClass, EventId, EventKind, Outcome},
    evidence_summary::{EvidenceSummary, ReportScope},
    finding::Finding,
    grants::PolicyHistory,
    jobs::evaluation::{EvaluationCriteria, evaluate, evaluate_within},
    log_integrity::IntegritySummary,
    operation::OperationType,
    principal::{Principal, PrincipalKind, Session},
    record::{DeliveryFact, DigestWindow, Fingerprint, RequestFeatures, UnreadableReason},
    report::{ReportResult, ReportRun},
    segment::{Segment, SegmentBuilder},
    time::{HOUR_SECONDS, Time},
};
use proptest::{prelude::*, sample::select};

pub const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];
pub const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];

/// Midnight of Tuesday, 6 October 2026, UTC.
pub const START: u32 = 1_791_244_800;

/// An operation, and its expected classification; `None` for an event that is not a call.
#[derive(Clone, Copy, Debug)]
pub struct OperationCase {
    pub source: &'static str,
    pub name: &'static str,
    pub class: &'static str,
    pub read_only: Option<bool>,
    pub event_kind: EventKind,
    pub operation_type: Option<OperationType>,
}

const fn call(
    source: &'static str,
    name: &'static str,
    class: &'static str,
    kind: OperationType,
) -> OperationCase {
    let read_only = Some(!matches!(kind, OperationType::Mutating));
    OperationCase {
        source,
        name,
        class,
        read_only,
        event_kind: EventKind::ApiCall,
        operation_type: Some(kind),
    }
}

pub const OPERATIONS: [OperationCase; 16] = [
    call("ec2.amazonaws.com", "DescribeInstances", "read", OperationType::ReadOnly),
    call("iam.amazonaws.com", "ListUsers", "read", OperationType::ReadOnly),
    call("s3.amazonaws.com", "GetObject", "AWS::S3::Object", OperationType::ReadOnly),
    call("secretsmanager.amazonaws.com", "GetSecretValue", "read", OperationType::ReadOnly),
    call("kms.amazonaws.com", "Decrypt", "read", OperationType::Privileged),
    call("sts.amazonaws.com", "AssumeRole", "read", OperationType::Privileged),
    call("ec2.amazonaws.com", "RunInstances", "write", OperationType::Mutating),
    call("s3.amazonaws.com", "PutBucketPolicy", "write", OperationType::Mutating),
    call("iam.amazonaws.com", "CreateAccessKey", "write", OperationType::Mutating),
    call("s3.amazonaws.com", "PutObject", "AWS::S3::Object", OperationType::Mutating),
    call("ec2.amazonaws.com", "CreateTags", "write", OperationType::Mutating),
    OperationCase {
        read_only: None,
        ..call("novel.amazonaws.com", "Frobnicate", "write", OperationType::Unknown)
    },
    OperationCase {
        read_only: None,
        ..call("novel.amazonaws.com", "FetchToken", "write", OperationType::Unknown)
    },
    not_a_call(EventKind::SignIn, "signin.amazonaws.com", "ConsoleLogin"),
    not_a_call(EventKind::ServiceEvent, "kms.amazonaws.com", "RotateKey"),
    not_a_call(EventKind::ConsoleAction, "console.amazonaws.com", "SwitchView"),
];

const fn not_a_call(event: EventKind, source: &'static str, name: &'static str) -> OperationCase {
    OperationCase {
        source,
        name,
        class: "write",
        read_only: Some(false),
        event_kind: event,
        operation_type: None,
    }
}

/// A principal by name: a role, or `root`, `unidentified`, `stranger` (an AWS account), `service:NAME`, `user:NAME`.
pub fn principal(name: &str, account: &str) -> Principal {
    let (arn, kind) = match name {
        "root" => (format!("arn:aws:iam::{account}:root"), PrincipalKind::Root),
        "unidentified" => ("unknown".to_owned(), PrincipalKind::Unknown),
        "stranger" => (format!("account:{}", ACCOUNTS[0]), PrincipalKind::AwsAccount),
        service if service.starts_with("service:") => (service.to_owned(), PrincipalKind::AwsService),
        user if user.starts_with("user:") => {
            let name = user.trim_start_matches("user:");
            (format!("arn:aws:iam::{account}:user/{name}"), PrincipalKind::IamUser)
        }
        role => (format!("arn:aws:iam::{account}:role/{role}"), PrincipalKind::Role),
    };
    let account = if kind == PrincipalKind::AwsAccount { ACCOUNTS[0] } else { account };
    Principal { arn: arn.into(), kind, account: account.into() }
}

/// A successful call by the auditor in the first account and region, in the first minute.
pub fn auditor_call(name: &str) -> Event {
    let operation = OPERATIONS.iter().find(|operation| operation.name == name).unwrap();
    Event {
        id: EventId(0),
        time: Time(START),
        actor: Actor {
            account: ACCOUNTS[0].into(),
            region: REGIONS[0].into(),
            principal: principal("Auditor", ACCOUNTS[0]),
            session: Session::default(),
        },
        call_key: CallKey {
            kind: operation.event_kind,
            source: operation.source.into(),
            name: operation.name.into(),
            class: match operation.class {
                "read" => EventClass::ManagementRead,
                "write" => EventClass::ManagementWrite,
                data => EventClass::Data(data.into()),
            },
            read_only: operation.read_only,
            outcome: Outcome::Succeeded,
            error_code: None,
            is_console_session: false,
            invoked_by: None,
            resources: [].into(),
            issued_credentials_arn: None,
            denied_by: None,
            denied_action: None,
            request_features: RequestFeatures::empty(),
            delivery_resources: Arc::new([]),
        },
    }
}

/// Changes to an event.
pub trait EventExt: Sized {
    fn by_principal(self, name: &str) -> Self;
    /// Another operation, with everything else unchanged.
    fn calling(self, source: &str, name: &str) -> Self;
    fn at_time(self, hour: u32, second: u32) -> Self;
    fn with_outcome(self, outcome: Outcome) -> Self;
    fn denied_by(self, policy: DenyingPolicy, action: Option<&str>) -> Self;
    fn in_account_region(self, account: &str, region: &str) -> Self;
    fn with_id(self, id: u128) -> Self;
    fn in_console(self) -> Self;
    fn invoked_by(self, service: &str) -> Self;
    fn with_resources(self, resources: &[&str]) -> Self;
    #[allow(clippy::wrong_self_convention, reason = "a builder method, named like the others")]
    fn in_session(self, name: &str) -> Self;
    fn with_source_identity(self, source_identity: &str) -> Self;
    fn issuing_credentials_of(self, arn: &str) -> Self;
    fn naming_only_the_role(self) -> Self;
}

impl EventExt for Event {
    fn calling(mut self, source: &str, name: &str) -> Self {
        self.call_key.source = source.into();
        self.call_key.name = name.into();
        self
    }

    fn by_principal(mut self, name: &str) -> Self {
        self.actor.principal = principal(name, &self.actor.account);
        self
    }

    fn at_time(mut self, hour: u32, second: u32) -> Self {
        self.time = Time(START + hour * HOUR_SECONDS + second);
        self
    }

    fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.call_key.outcome = outcome;
        (self.call_key.denied_by, self.call_key.denied_action) = (None, None);
        self.call_key.error_code = match outcome {
            Outcome::Succeeded => None,
            Outcome::Denied => Some("AccessDenied".into()),
            Outcome::Failed => Some("InternalFailure".into()),
        };
        self
    }

    fn denied_by(mut self, policy: DenyingPolicy, action: Option<&str>) -> Self {
        self = self.with_outcome(Outcome::Denied);
        (self.call_key.denied_by, self.call_key.denied_action) = (Some(policy), action.map(Arc::from));
        self
    }

    fn in_account_region(mut self, account: &str, region: &str) -> Self {
        let name = self.actor.principal.arn.rsplit([':', '/']).next().unwrap_or_default().to_owned();
        if self.actor.principal.kind != PrincipalKind::AwsService {
            self.actor.principal = principal(&name, account);
        }
        self.actor.account = account.into();
        self.actor.region = region.into();
        self
    }

    fn with_id(mut self, id: u128) -> Self {
        self.id = EventId(id);
        self
    }

    fn in_console(mut self) -> Self {
        self.call_key.is_console_session = true;
        self
    }

    fn invoked_by(mut self, service: &str) -> Self {
        self.call_key.invoked_by = Some(service.into());
        self
    }

    fn with_resources(mut self, resources: &[&str]) -> Self {
        self.call_key.resources = resources.iter().map(|arn| (*arn).into()).collect();
        self
    }

    fn in_session(mut self, name: &str) -> Self {
        self.actor.session.name = (!name.is_empty()).then(|| name.into());
        self
    }

    fn with_source_identity(mut self, source_identity: &str) -> Self {
        self.actor.session.source_identity = Some(source_identity.into());
        self
    }

    /// With the response that names the principal of the credentials, and the resource that CloudTrail adds for a
    /// role.
    fn issuing_credentials_of(mut self, arn: &str) -> Self {
        self.call_key.issued_credentials_arn = Some(arn.into());
        match arn.split_once(":assumed-role/") {
            Some((account, session)) => {
                let account = account.replace(":sts:", ":iam:");
                let role = session.split('/').next().unwrap();
                self.with_resources(&[&format!("{account}:role/{role}")])
            }
            None => self,
        }
    }

    fn naming_only_the_role(mut self) -> Self {
        self.call_key.issued_credentials_arn = None;
        self
    }
}

/// The input of a sweep.
#[derive(Clone, Debug, Default)]
pub struct EvidenceScenario {
    pub events: Vec<Event>,
    pub config: Config,
    pub period: (Option<Time>, Option<Time>),
    pub unreadable: Vec<(u128, UnreadableReason)>,
    pub insights: Vec<u128>,
    /// Account, region and hour after the start that a digest covers.
    pub digests: Vec<(&'static str, &'static str, u32)>,
    /// For each log file that the digests list: seconds after the start of its oldest and newest event.
    pub listed_log_spans: Vec<(u32, u32)>,
    /// What the forms of the evidence say about its delivery.
    pub delivery_facts: Vec<DeliveryFact>,
    /// Policies of principals.
    pub policies: PolicyHistory,
    /// What was verified of the log files.
    pub integrity: Option<IntegritySummary>,
}

impl EvidenceScenario {
    /// These events, numbered from one, with a promise about the auditor, in a trail known to log every event class.
    pub fn of(events: impl IntoIterator<Item = Event>) -> Self {
        let events = (1..).zip(events).map(|(id, event)| match event.id {
            EventId(0) => event.with_id(id),
            _ => event,
        });
        Self { events: events.collect(), config: promise_config(), ..Self::default() }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn segment_builder(&self) -> SegmentBuilder {
        let mut builder = SegmentBuilder::default();
        for event in &self.events {
            builder.push(event.clone());
        }
        for (piece, reason) in &self.unreadable {
            builder.push_unreadable(Fingerprint(*piece), *reason);
        }
        for insight in &self.insights {
            builder.push_insight(Fingerprint(*insight));
        }
        for fact in &self.delivery_facts {
            builder.push_delivery_fact(fact.clone());
        }
        for (account, region, hour) in &self.digests {
            let start = Time(START + hour * HOUR_SECONDS);
            let end = Time(start.0 + HOUR_SECONDS);
            builder.push_digest_window(DigestWindow {
                account: (*account).into(),
                region: (*region).into(),
                start,
                end,
                log_files: self
                    .listed_log_spans
                    .iter()
                    .map(|(a, b)| (Time(START + a), Time(START + b)))
                    .collect(),
            });
        }
        builder
    }

    pub fn result(&self) -> ReportResult {
        self.result_of_run(ReportRun::default())
    }

    /// The result of a run of which this is known beside the evidence.
    pub fn result_of_run(&self, run: ReportRun) -> ReportResult {
        let summary = EvidenceSummary::from_segment(
            self.segment_builder().finish(),
            ReportScope::between(self.period.0, self.period.1),
        );
        report_with(summary, &self.config, &self.policies, self.integrity.as_ref(), run)
    }

    /// The result with at most `most` entries in each list that grows with the evidence.
    pub fn result_within(&self, most: usize) -> ReportResult {
        let summary = EvidenceSummary::from_segment(
            self.segment_builder().finish(),
            ReportScope::between(self.period.0, self.period.1),
        );
        let pack = ControlPack::built_in(Standard::General).unwrap();
        let criteria = EvaluationCriteria {
            config: &self.config,
            catalog: Catalog::embedded(),
            pack: &pack,
            policies: &self.policies,
            integrity: self.integrity.as_ref(),
        };
        evaluate_within(summary, criteria, ReportRun::default(), most).unwrap().result
    }

    /// The findings of a rule.
    pub fn findings_of(&self, rule: &str) -> Vec<Finding> {
        self.result().findings.into_iter().filter(|finding| finding.id == rule).collect()
    }
}

/// The result of a sweep of this evidence.
pub fn result(segment: Segment, config: &Config, period: (Option<Time>, Option<Time>)) -> ReportResult {
    report_of(EvidenceSummary::from_segment(segment, ReportScope::between(period.0, period.1)), config)
}

/// The result of the report on an evidence summary.
pub fn report_of(summary: EvidenceSummary, config: &Config) -> ReportResult {
    report_with_policies(summary, config, PolicyHistory::empty())
}

/// The result of the report on an evidence summary and policies.
pub fn report_with_policies(
    summary: EvidenceSummary,
    config: &Config,
    policies: &PolicyHistory,
) -> ReportResult {
    report_with(summary, config, policies, None, ReportRun::default())
}

fn report_with(
    summary: EvidenceSummary,
    config: &Config,
    policies: &PolicyHistory,
    integrity: Option<&IntegritySummary>,
    run: ReportRun,
) -> ReportResult {
    let pack = ControlPack::built_in(Standard::General).unwrap();
    let criteria =
        EvaluationCriteria { config, catalog: Catalog::embedded(), pack: &pack, policies, integrity };
    evaluate(summary, criteria, run).unwrap().result
}

/// A promise that the auditor is read-only, in a trail that logs every event class.
pub fn promise_config() -> Config {
    let mut config = Config::default();
    config.watch.push(Watch::new("arn:aws:iam::*:role/Auditor").unwrap());
    config.coverage.logged = ["management-read", "management-write", "data"].map(str::to_owned).to_vec();
    config
}

/// Working hours in UTC, on weekdays.
pub fn hours(start: &str, end: &str) -> BusinessHours {
    let days = vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
    BusinessHours { time_zone: "UTC".to_owned(), days, start: start.to_owned(), end: end.to_owned() }
}

/// An override for the auditor that ends this many seconds after the start.
pub fn override_ending(id: &str, operation: &str, ends: u32) -> Override {
    Override {
        id: id.to_owned(),
        principal: "arn:aws:iam::*:role/Auditor".to_owned(),
        operation: operation.to_owned(),
        resource: None,
        owner: "security".to_owned(),
        reason: "a test".to_owned(),
        from: None,
        expires: Time(START + ends),
    }
}

/// Operation, principal, account, region, hour and second, outcome, variant and session.
type EventParts = (OperationCase, &'static str, &'static str, &'static str, (u32, u32), Outcome, (u8, u8));

/// Events of every kind by several principals, in four hours of two accounts and two regions, role chains included.
/// Event ids are distinct.
pub fn any_events(most: usize) -> impl Strategy<Value = Vec<Event>> {
    let times = (0..4_u32, select(&[0, 7, 899, 900, 1_800, 3_599][..]));
    (unchained_events(most * 3 / 4), chained_events(most / 4, times.boxed())).prop_map(|(plain, chained)| {
        (1..).zip(plain.into_iter().chain(chained)).map(|(id, event)| event.with_id(id)).collect()
    })
}

/// Operation, caller, target of the credentials, the sessions of both, source identity and accounts, outcome, hour
/// and second.
type ChainedEventParts = (
    &'static str,
    &'static str,
    &'static str,
    (&'static str, &'static str),
    (&'static str, usize, usize),
    Outcome,
    (u32, u32),
);

/// Calls of a few sessions, roles and users that assume each other and use the credentials, at these hours and
/// seconds. Names are the same in both accounts; some promises watch some of them.
pub fn chained_events(most: usize, times: BoxedStrategy<(u32, u32)>) -> impl Strategy<Value = Vec<Event>> {
    // Mostly the same few names, so that chains share sessions.
    let caller = prop_oneof![
        6 => select(&["Auditor", "Builder", "Deployer"][..]),
        1 => select(&["Inventory", "user:alice", "stranger", "service:codebuild"][..]),
    ];
    let target = prop_oneof![
        5 => select(&["Builder", "Deployer"][..]),
        1 => select(&["builder", "Inventory", "user:alice", ""][..]),
    ];
    let session = || prop_oneof![8 => Just("s"), 1 => Just("t")];
    let mine = prop_oneof![9 => session(), 1 => Just("")];
    let said = prop_oneof![8 => Just(""), 1 => Just("me"), 1 => Just("they")];
    let account = || prop_oneof![6 => Just(0_usize), 1 => Just(1)];
    let outcome = prop_oneof![8 => Just(Outcome::Succeeded), 1 => Just(Outcome::Denied)];
    let name = prop_oneof![
        4 => Just("AssumeRole"),
        1 => Just("CreateAccessKey"),
        2 => select(&["RunInstances", "DescribeInstances"][..]),
    ];
    let one = (name, caller, target, (mine, session()), (said, account(), account()), outcome, times);
    prop::collection::vec(one, 0..most).prop_map(|events| {
        let event = |parts: ChainedEventParts| {
            let (name, caller, target, (mine, theirs), (said, here, there), outcome, (hour, second)) = parts;
            let mut event = auditor_call(name)
                .in_account_region(ACCOUNTS[here], REGIONS[0])
                .by_principal(caller)
                .at_time(hour, second)
                .with_outcome(outcome);
            if !caller.contains(':') && caller != "stranger" {
                event = event.in_session(mine);
                event = if said.is_empty() { event } else { event.with_source_identity(said) };
            }
            let account = ACCOUNTS[there];
            match (name, target) {
                ("AssumeRole", "") => event
                    .issuing_credentials_of(&format!("arn:aws:sts::{account}:assumed-role/Builder/{theirs}"))
                    .naming_only_the_role(),
                ("AssumeRole", role) if !role.contains(':') => {
                    let event = event.issuing_credentials_of(&format!(
                        "arn:aws:sts::{account}:assumed-role/{role}/{theirs}"
                    ));
                    if caller.starts_with("service:") { event.naming_only_the_role() } else { event }
                }
                ("CreateAccessKey", _) => {
                    event.issuing_credentials_of(&format!("arn:aws:iam::{}:user/alice", ACCOUNTS[here]))
                }
                _ => event,
            }
        };
        (1..).zip(events).map(|(id, parts)| event(parts).with_id(id)).collect()
    })
}

fn unchained_events(most: usize) -> impl Strategy<Value = Vec<Event>> {
    let one = (
        select(&OPERATIONS[..]),
        select(&["Auditor", "Auditor", "Inventory", "Builder", "root", "service:backup"][..]),
        select(&ACCOUNTS[..]),
        select(&REGIONS[..]),
        (0..4_u32, select(&[0, 7, 899, 900, 1_800, 3_599][..])),
        select(&[Outcome::Succeeded, Outcome::Succeeded, Outcome::Denied, Outcome::Failed][..]),
        (0..4_u8, 0..4_u8),
    );
    prop::collection::vec(one, 0..most).prop_map(|events| {
        let event = |parts: EventParts| {
            let (operation, name, account, region, (hour, second), outcome, (how, session)) = parts;
            let mut event = auditor_call(operation.name)
                .in_account_region(account, region)
                .by_principal(name)
                .at_time(hour, second)
                .with_outcome(outcome);
            event.actor.session.name = (session < 2).then(|| format!("session-{session}").into());
            match how {
                0 => event.in_console(),
                1 => event.invoked_by("ssm.amazonaws.com"),
                2 if operation.read_only != Some(true) => event.with_resources(&["arn:aws:s3:::store/key"]),
                _ => event,
            }
        };
        (1..).zip(events).map(|(id, parts)| event(parts).with_id(id)).collect()
    })
}

/// Promises with overrides, exemptions and working hours.
pub fn any_config() -> impl Strategy<Value = Config> {
    let watches = (any::<bool>(), any::<bool>(), any::<bool>());
    let overrides = prop::collection::vec(
        (
            select(&["ec2:RunInstances", "ec2:*", "s3:Put*", "kms:Decrypt", "novel:*"][..]),
            prop::option::of(select(&["arn:aws:s3:::store/*", "arn:aws:s3:::other/*"][..])),
            select(&[0, 900, 1_000, 3_600, 8_100, 100_000][..]),
            select(&[None, None, Some(0), Some(900), Some(1_000), Some(3_600)][..]),
        ),
        0..4,
    );
    let own = prop::option::of(select(&[("01:00", "02:00"), ("23:00", "00:15")][..]));
    (watches, overrides, own, any::<bool>(), any::<bool>()).prop_map(
        |((auditor, inventory, exempt), overrides, own, general, classes)| {
            let mut config = promise_config();
            config.watch.clear();
            if auditor {
                let mut watch = Watch::new("arn:aws:iam::*:role/Auditor").unwrap();
                watch.business_hours = own.map(|(start, end)| hours(start, end));
                config.watch.push(watch);
            }
            if inventory {
                let mut watch = Watch::new("arn:aws:iam::*:role/Inv*").unwrap();
                watch.machine = true;
                config.watch.push(watch);
            }
            if exempt {
                config.exempt.push(format!("arn:aws:iam::{}:*", ACCOUNTS[1]));
            }
            for (n, (operation, resource, ends, begins)) in overrides.into_iter().enumerate() {
                let mut entry = override_ending(&format!("o{n}"), operation, ends);
                entry.from = begins.map(|begins| Time(START + begins));
                entry.resource = resource.map(str::to_owned);
                config.overrides.push(entry);
            }
            config.business_hours = general.then(|| hours("00:15", "03:00"));
            if classes {
                config.coverage.logged.pop();
            }
            config
        },
    )
}

/// Scenarios with events, promises, unreadable pieces, Insight events and digests.
pub fn any_scenario() -> impl Strategy<Value = EvidenceScenario> {
    let pieces = prop::collection::vec(
        (
            1..4_u128,
            select(
                &[UnreadableReason::BadJson, UnreadableReason::MissingField, UnreadableReason::TruncatedGzip]
                    [..],
            ),
        ),
        0..3,
    );
    let digests = prop::collection::vec((select(&ACCOUNTS[..]), select(&REGIONS[..]), 0..4_u32), 0..6);
    (any_events(40), any_config(), pieces, prop::collection::vec(1..4_u128, 0..3), digests, any::<bool>())
        .prop_map(|(events, config, unreadable, insights, digests, fixed)| {
            let period =
                if fixed { (Some(Time(START)), Some(Time(START + 3 * HOUR_SECONDS))) } else { (None, None) };
            EvidenceScenario {
                events,
                config,
                period,
                unreadable,
                insights,
                digests,
                ..EvidenceScenario::default()
            }
        })
}
