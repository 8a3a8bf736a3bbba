//! The reference report: everything is counted one event at a time, as `docs/semantics.md` states.

use std::collections::{BTreeMap, BTreeSet};

use onlooker_core::{
    catalog::Catalog,
    classification::{ClassificationInput, Provenance, classify_record},
    config::{BusinessCalendar, Override, OverrideMatch, Watch},
    coverage::EventClassState,
    event::{Event, EventKind, Outcome},
    operation::{Capabilities, Mutates, OperationType},
    principal::{Principal, PrincipalKind},
    report::{PrincipalSummary, ReportMode, ReportTotals},
    score::Status,
    time::{Hour, Time},
};
use proptest::prelude::*;

use super::{
    events::{EvidenceScenario, any_scenario},
    reference_chains::ReferenceChains,
};

/// One event, classified.
struct ReferenceCall<'a> {
    event: &'a Event,
    watch: Option<&'a Watch>,
    /// The originator, if that is another principal.
    originator: Option<String>,
    is_attribution_certain: bool,
    /// Absent for an event that is not a call.
    operation_type: Option<OperationType>,
    capabilities: Capabilities,
    /// The override that decides about it, and how.
    override_use: Option<(usize, OverrideMatch)>,
}

impl<'a> ReferenceCall<'a> {
    fn of(scenario: &'a EvidenceScenario, chains: &ReferenceChains<'_>, event: &'a Event) -> Self {
        let call_key = &event.call_key;
        let call = ClassificationInput {
            service: &call_key.source,
            operation: &call_key.name,
            read_only: call_key.read_only,
        };
        let is_api_call = call_key.kind == EventKind::ApiCall;
        let classification = classify_record(Catalog::embedded(), &call, is_api_call);
        let caller_kind = event.actor.principal.kind;
        let is_call = match (classification.provenance, call_key.kind, caller_kind) {
            (Provenance::NonApiEvent, ..) => false,
            (_, EventKind::ApiCall, _) => true,
            (_, _, PrincipalKind::AwsService) => false,
            (Provenance::Catalog, ..) => true,
            _ if call_key.read_only == Some(false) => true,
            (_, _, PrincipalKind::Unknown) => false,
            _ => classification.operation_type != OperationType::ReadOnly,
        };
        let forwarded = call_key.invoked_by.is_some()
            && classification.operation_type == OperationType::Privileged
            && classification.mutates == Mutates::No
            && !classification
                .capabilities
                .intersects(Capabilities::ISSUE_CREDENTIALS | Capabilities::PRIVILEGE_ESCALATION);
        let (mut kind, mut capabilities) = (classification.operation_type, classification.capabilities);
        if forwarded {
            (kind, capabilities) = (OperationType::ReadOnly, Capabilities::empty());
        }
        let needs_override = is_call && kind != OperationType::ReadOnly;
        let override_for = |arn: &str| {
            let mut about: Vec<(usize, &Override)> = scenario.config.overrides.iter().enumerate().collect();
            about.retain(|(_, entry)| {
                let is_about = |service: &str, name: &str| {
                    entry.match_call(arn, service, name, &call_key.resources, event.time)
                        != OverrideMatch::NoMatch
                };
                let (service, operation) = (&classification.service, &classification.operation);
                let action = Catalog::embedded().action_alone(service, operation, call_key.request_features);
                needs_override
                    && (is_about(service, operation)
                        || action.is_some_and(|action| is_about(&action.service, &action.name)))
            });
            about.sort_by_key(|(n, entry)| (std::cmp::Reverse(entry.expires), *n));
            let (quarter, mut found) = (event.time.0 / 900 * 900, None);
            for (n, entry) in about {
                if quarter + 900 > entry.expires.0 {
                    return Some((n, OverrideMatch::Expired));
                }
                if entry.from.is_none_or(|from| from.0 <= quarter) {
                    return Some((n, OverrideMatch::Allowed));
                }
                found = Some((n, OverrideMatch::NotBegun));
            }
            found
        };
        let own = &*event.actor.principal.arn;
        let mut role_chain = chains.role_chain(event);
        if role_chain.is_none() && matches!(override_for(own), Some((_, OverrideMatch::Allowed))) {
            // The override applies to the caller's own promise only.
            role_chain = chains.any_role_chain(event).filter(|role_chain| &*role_chain.originator != own);
        }
        let originator = role_chain.as_ref().map(|role_chain| role_chain.originator.to_string());
        let arn = originator.as_deref().unwrap_or(own);
        let override_use = override_for(arn);
        let watch = scenario.config.watch_for_arn(arn);
        let is_certain = role_chain.is_none_or(|role_chain| role_chain.is_certain);
        Self {
            event,
            watch,
            originator,
            is_attribution_certain: is_certain,
            operation_type: is_call.then_some(kind),
            capabilities,
            override_use,
        }
    }

    /// Whether the caller itself is watched.
    fn is_direct(&self) -> bool {
        self.watch.is_some() && self.originator.is_none()
    }

    fn matches(&self, kind: OperationType, outcome: Outcome) -> bool {
        self.operation_type == Some(kind) && self.event.call_key.outcome == outcome
    }

    fn is_allowed(&self) -> bool {
        matches!(self.override_use, Some((_, OverrideMatch::Allowed)))
    }

    fn is_permitted(&self) -> bool {
        self.operation_type == Some(OperationType::ReadOnly) || self.is_allowed()
    }

    fn outcome(&self) -> Outcome {
        self.event.call_key.outcome
    }

    fn status(&self) -> Status {
        match (self.operation_type, self.outcome()) {
            _ if self.is_allowed() => Status::Compliant,
            (None | Some(OperationType::ReadOnly), _) | (Some(OperationType::Unknown), Outcome::Denied) => {
                Status::Compliant
            }
            (Some(OperationType::Unknown), _) => Status::InsufficientEvidence,
            (_, Outcome::Succeeded) if !self.is_attribution_certain => Status::InsufficientEvidence,
            (_, Outcome::Succeeded) => Status::NonCompliant,
            (_, Outcome::Failed) => Status::InsufficientEvidence,
            (_, Outcome::Denied) => Status::Compliant,
        }
    }
}

/// Accounts of the credentials that an event issued.
fn accounts_of_issued_credentials(event: &Event) -> Vec<&str> {
    let call_key = &event.call_key;
    let assumes = call_key.name.starts_with("AssumeRole");
    if call_key.outcome != Outcome::Succeeded || !(assumes || &*call_key.name == "CreateAccessKey") {
        return Vec::new();
    }
    let arns: Vec<&str> = match &call_key.issued_credentials_arn {
        Some(arn) => vec![arn],
        None if assumes => call_key.resources.iter().map(|arn| &**arn).collect(),
        None => Vec::new(),
    };
    arns.into_iter().filter_map(|arn| arn.split(':').nth(4)).collect()
}

/// The score in hundredths, rounded down.
fn score(permitted: u64, calls: u64) -> Option<f64> {
    (calls > 0).then(|| (permitted * 10_000 / calls) as f64 / 100.0)
}

/// The table of components in `docs/semantics.md`.
const COMPONENTS: [(&str, f64, f64); 11] = [
    ("critical_calls", 90.0, 99.0),
    ("writes", 75.0, 98.0),
    ("privileged_calls", 45.0, 90.0),
    ("failed_writes", 35.0, 70.0),
    ("unknown_operations", 35.0, 70.0),
    ("secret_reads", 25.0, 60.0),
    ("root_uses", 25.0, 60.0),
    ("denied_writes", 20.0, 50.0),
    ("evidence_gaps", 10.0, 40.0),
    ("data_reads", 5.0, 25.0),
    ("outside_business_hours", 5.0, 25.0),
];

fn count<'a>(calls: &[ReferenceCall<'a>], wanted: impl Fn(&ReferenceCall<'a>) -> bool) -> u64 {
    calls.iter().filter(|one| wanted(one)).count() as u64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_report_agrees_with_the_reference_counts(scenario in any_scenario()) {
        let result = scenario.result();
        let inside = |time: Time| match (scenario.period, result.coverage.period) {
            ((Some(from), Some(until)), _) => (from..until).contains(&time),
            _ => true,
        };
        let here: Vec<&Event> = scenario.events.iter().filter(|event| inside(event.time)).collect();
        let chains = ReferenceChains::of(here.clone(), &scenario.config);
        let all: Vec<ReferenceCall<'_>> = here.into_iter().map(|event| ReferenceCall::of(&scenario, &chains, event)).collect();
        let is_call = |one: &ReferenceCall<'_>| one.operation_type.is_some();
        let watched = |one: &ReferenceCall<'_>| one.operation_type.is_some() && one.watch.is_some();
        let kinds = |kind| count(&all, |one| one.operation_type == Some(kind));
        let outcomes = |outcome| count(&all, |one| is_call(one) && one.outcome() == outcome);
        let distinct = |key: &dyn Fn(&ReferenceCall<'_>) -> Option<String>| {
            all.iter().filter_map(key).collect::<BTreeSet<_>>().len() as u64
        };
        let who = |one: &ReferenceCall<'_>| format!("{:?}", one.event.actor.principal);
        let sensitive = Capabilities::READ_DATA | Capabilities::READ_SECRETS | Capabilities::ISSUE_CREDENTIALS;
        let pieces: BTreeSet<u128> = scenario.unreadable.iter().map(|(piece, _)| *piece).collect();
        let insights: BTreeSet<u128> = scenario.insights.iter().copied().collect();
        let totals = ReportTotals {
            events: all.len() as u64,
            operations: count(&all, is_call),
            watched_operations: count(&all, watched),
            read_only: kinds(OperationType::ReadOnly),
            mutating: kinds(OperationType::Mutating),
            privileged: kinds(OperationType::Privileged),
            unknown: kinds(OperationType::Unknown),
            succeeded: outcomes(Outcome::Succeeded),
            denied: outcomes(Outcome::Denied),
            failed: outcomes(Outcome::Failed),
            blocked: count(&all, |one| {
                let is_read = one.operation_type == Some(OperationType::ReadOnly);
                watched(one) && !is_read && one.outcome() == Outcome::Denied
            }),
            sensitive_reads: count(&all, |one| {
                one.matches(OperationType::ReadOnly, Outcome::Succeeded) && one.capabilities.intersects(sensitive)
            }),
            other_events: count(&all, |one| !is_call(one)),
            insight_events: insights.len() as u64,
            unreadable_evidence: pieces.len() as u64,
            conflicting_events: 0,
            principals: distinct(&|one| Some(who(one))),
            watched_principals: distinct(&|one| one.is_direct().then(|| who(one))),
            accounts: distinct(&|one| Some(one.event.actor.account.to_string())),
            regions: distinct(&|one| Some(one.event.actor.region.to_string())),
        };
        prop_assert_eq!(&result.totals, &totals);

        // A read through an assumed session does not improve the score.
        let scored = |one: &ReferenceCall<'_>| watched(one) && (one.originator.is_none() || !one.is_permitted());
        let permitted = count(&all, |one| scored(one) && one.is_permitted());
        let expected = score(permitted, count(&all, scored));
        prop_assert_eq!((result.compliance.permitted, result.compliance.score), (permitted, expected));
        prop_assert_eq!(result.summary.compliance_score, expected);

        // The coverage, hour by hour.
        let mut cells: BTreeSet<(&str, &str, u32)> =
            all.iter().map(|one| (&*one.event.actor.account, &*one.event.actor.region, one.event.time.hour().0)).collect();
        let start = Time(super::events::START).hour().0;
        let mut digests: Vec<_> = scenario.digests.iter().map(|(a, r, h)| (*a, *r, start + h)).collect();
        let times: Vec<u32> = match scenario.period {
            (Some(from), Some(until)) => {
                digests.retain(|(_, _, hour)| (from.hour().0..until.hour().0).contains(hour));
                (from.hour().0..until.hour().0).collect()
            }
            _ => {
                let seen: BTreeSet<u32> = cells.iter().chain(&digests).map(|(_, _, hour)| *hour).collect();
                seen.first().zip(seen.last()).map(|(a, b)| (*a..=*b).collect()).unwrap_or_default()
            }
        };
        cells.extend(digests);
        // Each account is expected in its regions and in the region of global services.
        let account_regions: BTreeSet<(&str, &str)> = cells
            .iter()
            .flat_map(|(account, region, _)| [(*account, *region), (*account, "us-east-1")])
            .collect();
        let missing_in = |wanted: &dyn Fn(&str) -> bool| {
            let places = account_regions.iter().filter(|(account, _)| wanted(account));
            let hours = places.flat_map(|(account, region)| times.iter().map(move |hour| (*account, *region, *hour)));
            hours.filter(|hour| !cells.contains(hour)).count() as u64
        };
        let missing = missing_in(&|_| true);
        prop_assert_eq!(result.coverage.missing_hours(), missing);
        prop_assert_eq!(result.coverage.expected_hours, (account_regions.len() * times.len()) as u64);
        let gap_hours: u64 =
            result.coverage.account_regions.iter().flat_map(|entry| &entry.gaps).map(|gap| u64::from(gap.hours())).sum();
        prop_assert_eq!(gap_hours, missing);
        let data_is_logged = scenario.config.coverage.logged.len() == 3;
        let class_gaps = u64::from(!data_is_logged);
        let gaps: Vec<_> = result.coverage.class_gaps().map(|class| (class.class.as_str(), class.state)).collect();
        prop_assert_eq!(gaps, if data_is_logged { vec![] } else { vec![("data", EventClassState::Gap)] });

        // The status.
        let observed = cells.iter().any(|(_, _, hour)| times.contains(hour));
        let sound = observed && class_gaps == 0 && pieces.is_empty();
        let status = |missing: u64, of: &dyn Fn(&ReferenceCall<'_>) -> bool| {
            let evidence = if sound && missing == 0 { Status::Compliant } else { Status::InsufficientEvidence };
            let worst = all.iter().filter(|one| of(one)).map(ReferenceCall::status).max();
            worst.map_or(Status::InsufficientEvidence, |worst| worst.max(evidence))
        };
        let seen: BTreeSet<&str> = all.iter().filter_map(|one| one.watch).map(|w| w.principal.as_str()).collect();
        let promised = (!scenario.config.watch.is_empty()).then(|| {
            let unseen = if seen.len() < scenario.config.watch.len() { Status::InsufficientEvidence } else { Status::Compliant };
            // A watched principal that made no call proves nothing for the others.
            let name = |one: &ReferenceCall<'_>| one.event.actor.principal.clone();
            let calling: BTreeSet<_> = all.iter().filter(|one| watched(one) && one.is_direct()).map(name).collect();
            let all_call = all.iter().filter(|one| one.is_direct()).all(|one| calling.contains(&name(one)));
            let silent = if all_call { Status::Compliant } else { Status::InsufficientEvidence };
            // Every watch entry has a pattern for any account, so every gap concerns one of them.
            status(missing, &watched).max(unseen).max(silent)
        });
        prop_assert_eq!(result.summary.overall_compliance, promised);
        prop_assert_eq!(result.mode == ReportMode::Discovery, promised.is_none());

        // The risk.
        let outside = |one: &ReferenceCall<'_>| {
            let general = scenario.config.business_hours.as_ref();
            let hours = one.watch.and_then(|watch| watch.business_hours.as_ref()).or(general);
            hours.is_some_and(|hours| !BusinessCalendar::new(hours).unwrap().contains(one.event.time))
        };
        let succeeded = |one: &ReferenceCall<'_>| one.outcome() == Outcome::Succeeded;
        let critical = Capabilities::ISSUE_CREDENTIALS | Capabilities::PRIVILEGE_ESCALATION | Capabilities::EXPOSE_RESOURCE;
        let privileged_or_write =
            |one: &ReferenceCall<'_>| !one.is_allowed() && matches!(one.operation_type, Some(OperationType::Privileged | OperationType::Mutating));
        let secret = |one: &ReferenceCall<'_>| one.capabilities.contains(Capabilities::READ_SECRETS);
        let broken = |one: &ReferenceCall<'_>| watched(one) && !one.is_allowed();
        let exposure = |name: &str| match name {
            "critical_calls" => count(&all, |one| {
                watched(one) && !one.is_permitted() && succeeded(one) && one.capabilities.intersects(critical)
            }),
            "writes" => count(&all, |one| broken(one) && one.matches(OperationType::Mutating, Outcome::Succeeded)),
            "privileged_calls" => count(&all, |one| {
                broken(one) && one.operation_type == Some(OperationType::Privileged) && one.outcome() != Outcome::Denied
            }),
            "failed_writes" => count(&all, |one| broken(one) && one.matches(OperationType::Mutating, Outcome::Failed)),
            "unknown_operations" => count(&all, |one| broken(one) && one.operation_type == Some(OperationType::Unknown)),
            "secret_reads" => count(&all, |one| watched(one) && succeeded(one) && secret(one)),
            "data_reads" => count(&all, |one| {
                watched(one) && succeeded(one) && !secret(one) && one.capabilities.contains(Capabilities::READ_DATA)
            }),
            "root_uses" => count(&all, |one| {
                let call_key = &one.event.call_key;
                let by_service = call_key.invoked_by.is_some() || call_key.kind == EventKind::ServiceEvent;
                one.event.actor.principal.kind == PrincipalKind::Root && !by_service
            }),
            "denied_writes" => {
                count(&all, |one| watched(one) && privileged_or_write(one) && one.outcome() == Outcome::Denied)
            }
            "evidence_gaps" => missing + class_gaps + pieces.len() as u64,
            "outside_business_hours" => count(&all, |one| watched(one) && outside(one)),
            other => panic!("{other}"),
        };
        if let Some(risk) = &result.risk {
            let mut safe = 1.0;
            for (name, first, limit) in COMPONENTS {
                let n = exposure(name);
                let points = if n == 0 { 0.0 } else { first + (limit - first) * ((n - 1) as f64 / (n as f64 + 8.0)) };
                let part = risk.components.iter().find(|part| part.name == name).unwrap();
                prop_assert_eq!(part.count, n, "{}", name);
                prop_assert!((part.points - points).abs() <= 0.1, "{} {} {}", name, part.points, points);
                safe *= 1.0 - part.points / 100.0;
            }
            prop_assert!((risk.score - 100.0 * (1.0 - safe)).abs() <= 0.1001);
        } else {
            prop_assert!(promised.is_none());
        }

        // Each principal and its hours.
        let mut groups: BTreeMap<&Principal, Vec<&ReferenceCall<'_>>> = BTreeMap::new();
        for one in &all {
            groups.entry(&one.event.actor.principal).or_default().push(one);
        }
        prop_assert_eq!(result.principals.len(), groups.len() + scenario.config.watch.len() - seen.len());
        for (principal, mine) in &groups {
            let same = |p: &&PrincipalSummary| {
                (&p.arn, p.kind, &p.account) == (&principal.arn, principal.kind, &principal.account)
            };
            let summary = result.principals.iter().find(same).unwrap();
            let calls: Vec<_> = mine.iter().filter(|one| is_call(one)).collect();
            let permitted = calls.iter().filter(|one| one.is_permitted()).count();
            prop_assert_eq!(summary.calls, calls.len() as u64);
            prop_assert_eq!(summary.other_events, (mine.len() - calls.len()) as u64);
            prop_assert_eq!(summary.compliance.score, score(permitted as u64, calls.len() as u64));
            let mut counts: BTreeMap<OperationType, BTreeMap<Outcome, u64>> = BTreeMap::new();
            let mut hours: BTreeMap<Hour, u64> = BTreeMap::new();
            for one in &calls {
                *counts.entry(one.operation_type.unwrap()).or_default().entry(one.outcome()).or_default() += 1;
                *hours.entry(one.event.time.hour()).or_default() += 1;
            }
            prop_assert_eq!(&summary.counts, &counts);
            prop_assert_eq!(&summary.hours, &hours.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(summary.first_seen, mine.iter().map(|one| one.event.time).min());
            prop_assert_eq!(summary.last_seen, mine.iter().map(|one| one.event.time).max());
            let allowed = mine.iter().filter(|one| one.is_allowed()).count();
            prop_assert_eq!(summary.allowed_by_override, allowed as u64);
            let here = |one: &ReferenceCall<'_>| {
                let began_here = one.originator.as_deref() == Some(&*principal.arn);
                one.operation_type.is_some() && (one.event.actor.principal == **principal || began_here)
            };
            // Hours that are missing concern a principal in its own account, in those that recorded it, and in those
            // of which it was issued credentials.
            let belongs = |one: &&ReferenceCall<'_>| {
                one.event.actor.principal == **principal || one.originator.as_deref() == Some(&*principal.arn)
            };
            let mut accounts: BTreeSet<&str> = [&*principal.account].into();
            for one in all.iter().filter(belongs) {
                accounts.insert(&one.event.actor.account);
                accounts.extend(accounts_of_issued_credentials(one.event));
            }
            let missing = missing_in(&|account| accounts.contains(account));
            prop_assert_eq!(summary.status, mine[0].is_direct().then(|| status(missing, &here)));
            let decided = summary.status.is_some();
            prop_assert_eq!(decided, !summary.status_reasons.is_empty(), "a status has a reason");
        }
        for (n, used) in result.overrides.iter().enumerate() {
            let uses = |how| count(&all, |one| one.override_use == Some((n, how)));
            prop_assert_eq!(used.allowed_calls, uses(OverrideMatch::Allowed));
            prop_assert_eq!(used.expired_calls, uses(OverrideMatch::Expired));
            prop_assert_eq!(used.early_calls, uses(OverrideMatch::NotBegun));
        }
        let told = result.summary.overrides.map(|overrides| (overrides.allowed_calls, overrides.calls));
        let of_interest = |one: &ReferenceCall<'_>| is_call(one) && (promised.is_none() || one.watch.is_some());
        let allowed = count(&all, |one| of_interest(one) && one.is_allowed());
        prop_assert_eq!(told, (allowed > 0).then(|| (allowed, count(&all, of_interest))));
        let unseen = scenario.config.watch.iter().filter(|watch| !seen.contains(&*watch.principal));
        prop_assert_eq!(
            result.summary.unseen_watches.iter().map(|pattern| &**pattern).collect::<BTreeSet<_>>(),
            unseen.map(|watch| &*watch.principal).collect()
        );
        let hourly: u64 = result.activity.iter().map(|hour| hour.reads + hour.writes + hour.other + hour.denied).sum();
        prop_assert_eq!(hourly, totals.operations);

        // Findings about calls count every call once.
        let found = |rule: &str| -> u64 {
            result.findings.iter().filter(|finding| finding.id == rule).map(|finding| finding.count).sum()
        };
        prop_assert_eq!(found("write-succeeded"), exposure("writes"));
        prop_assert_eq!(found("write-denied"), exposure("denied_writes"));
        prop_assert_eq!(found("root-use"), exposure("root_uses"));
        prop_assert_eq!(found("outside-business-hours"), exposure("outside_business_hours"));
        prop_assert_eq!(found("missing-hours"), missing);
        prop_assert_eq!(found("unreadable-evidence"), pieces.len() as u64);
        prop_assert_eq!(
            found("write-failed"),
            count(&all, |one| watched(one) && privileged_or_write(one) && one.outcome() == Outcome::Failed)
        );
    }
}
