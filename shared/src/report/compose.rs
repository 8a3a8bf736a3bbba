//! From an assessment to the result of a report.
//!
//! Enters: an assessment, the catalog and a control pack. Leaves: [`ReportResult`]. Law: everything is in an order that
//! depends on the evidence alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    AuditEntry, Behavior, HourlyActivity, OperationSummary, OtherEvent, OverrideUsage, PrincipalSummary,
    ReportInputs, ReportMode, ReportResult, ReportTotals, executive,
    limitations::limitations,
    matrix::{self, direct_watch, matrices},
};
use crate::{
    assessment::{Assessment, ClassifiedCall, principal_kind_of},
    catalog::Catalog,
    classification::Provenance,
    config::{Override, Watch},
    controls::{ControlEvidence, ControlPack},
    event::{EventId, Outcome},
    finding::{self, Finding, Severity},
    operation::{Capabilities, OperationType},
    principal::{Principal, PrincipalKind},
    time::Hour,
};

/// Session names a principal's summary lists.
const MAX_SESSION_NAMES: usize = 10;

/// Calls the audit entries list.
const MAX_AUDIT_ENTRIES: usize = 1_000;

/// Makes the result. `configuration_sha256` identifies the configuration in force.
pub fn compose(
    assessment: &Assessment<'_>,
    catalog: &Catalog,
    pack: &ControlPack,
    configuration_sha256: String,
) -> ReportResult {
    let mut findings = finding::find(assessment);
    for finding in &mut findings {
        finding.controls = pack.controls_failed_by(&finding.id);
    }
    let recommendations = finding::recommend(&findings);
    let compliance = Assessment::compliance_of(assessment.scored_calls());
    let risk = assessment.risk_score();
    let totals = totals(assessment);
    let cases = matrix::watched_principals(assessment);
    let ground = ControlEvidence {
        watched_calls: totals.watched_operations,
        is_complete: assessment.is_complete(),
        observed_hours: assessment.coverage.observed_hours,
        inactive_rules: inactive_rules(assessment),
        watched_principals: cases.len() as u64,
        unread_policies: matrix::principals_without_policies(assessment, &cases).len() as u64,
        partial_policies: assessment.granted.values().filter(|could| !could.is_complete()).count() as u64,
    };
    let config = assessment.config;
    ReportResult {
        mode: assessment.mode,
        standard: config.standard,
        standard_title: pack.title.clone(),
        summary: executive::summary(
            assessment,
            &totals,
            compliance,
            risk.as_ref(),
            &findings,
            &recommendations,
        ),
        compliance,
        risk,
        coverage: assessment.coverage.clone(),
        activity: activity(assessment),
        principals: principals(assessment, &findings),
        operations: operations(assessment),
        other_events: other_events(assessment),
        controls: pack.evaluate(&findings, &ground),
        audit_entries: audit_entries(assessment, &findings),
        overrides: config
            .overrides
            .iter()
            .enumerate()
            .map(|(n, item)| override_use(assessment, n, item))
            .collect(),
        limitations: limitations(assessment),
        inputs: ReportInputs {
            onlooker_version: env!("CARGO_PKG_VERSION").to_owned(),
            catalog_version: catalog.version().to_owned(),
            catalog_sha256: catalog.hash().to_owned(),
            evidence_sha256: assessment.evidence_quality.sha256.clone(),
            configuration_sha256,
            watched: config.watch.iter().map(|watch| watch.principal.clone()).collect(),
            unreadable: assessment.evidence_quality.unreadable.clone(),
        },
        totals,
        findings,
        recommendations,
    }
}

/// Rules that cannot find anything with this configuration, and what they lack.
fn inactive_rules(assessment: &Assessment<'_>) -> BTreeMap<&'static str, &'static str> {
    let config = assessment.config;
    let mut idle = BTreeMap::new();
    if !config.watch.iter().any(|watch| watch.machine) {
        idle.insert("console-use-by-machine", "no promise says `machine = true`");
    }
    if config.business_hours.is_none() && config.watch.iter().all(|watch| watch.business_hours.is_none()) {
        idle.insert("outside-business-hours", "no `business_hours` are configured");
    }
    if assessment.mode == ReportMode::Discovery {
        idle.insert("event-class-not-logged", "nothing was promised");
    }
    idle
}

fn totals(assessment: &Assessment<'_>) -> ReportTotals {
    let mut totals = ReportTotals {
        insight_events: assessment.evidence_quality.insight_events,
        unreadable_evidence: assessment.evidence_quality.unreadable.values().sum(),
        conflicting_events: assessment.evidence_quality.conflicting_events,
        ..ReportTotals::default()
    };
    let (mut principals, mut watched) = (BTreeSet::new(), BTreeSet::new());
    let (mut accounts, mut regions) = (BTreeSet::new(), BTreeSet::new());
    for judged in &assessment.classified {
        totals.events += judged.count;
        principals.insert(judged.principal());
        accounts.insert(&judged.line.actor.account);
        regions.insert(&judged.line.actor.region);
        if direct_watch(judged).is_some_and(|watch| !watch.is_own_role()) {
            watched.insert(judged.principal());
        }
        if judged.is_call() {
            totals.add_call(judged);
        } else {
            totals.other_events += judged.count;
        }
    }
    totals.principals = principals.len() as u64;
    totals.watched_principals = watched.len() as u64;
    totals.accounts = accounts.len() as u64;
    totals.regions = regions.len() as u64;
    totals
}

impl ReportTotals {
    fn add_call(&mut self, judged: &ClassifiedCall<'_>) {
        self.operations += judged.count;
        *match judged.operation_type() {
            OperationType::ReadOnly => &mut self.read_only,
            OperationType::Mutating => &mut self.mutating,
            OperationType::Privileged => &mut self.privileged,
            OperationType::Unknown => &mut self.unknown,
        } += judged.count;
        *match judged.outcome() {
            Outcome::Succeeded => &mut self.succeeded,
            Outcome::Denied => &mut self.denied,
            Outcome::Failed => &mut self.failed,
        } += judged.count;
        if judged.watch.is_some() && !judged.is_own_role() {
            self.watched_operations += judged.count;
            if judged.outcome() == Outcome::Denied && !judged.is_permitted() {
                self.blocked += judged.count;
            }
        }
        if is_sensitive_read(judged) {
            self.sensitive_reads += judged.count;
        }
    }
}

fn is_sensitive_read(judged: &ClassifiedCall<'_>) -> bool {
    judged.is_permitted()
        && judged.outcome() == Outcome::Succeeded
        && judged.classification.capabilities.is_sensitive()
}

fn activity(assessment: &Assessment<'_>) -> Vec<HourlyActivity> {
    let mut hours: BTreeMap<Hour, HourlyActivity> = BTreeMap::new();
    for judged in assessment.calls() {
        for (slot, count) in judged.buckets() {
            let hour = slot.hour();
            let entry =
                hours.entry(hour).or_insert_with(|| HourlyActivity { hour, ..HourlyActivity::default() });
            let count = u64::from(*count);
            *match (judged.outcome(), judged.operation_type()) {
                (Outcome::Denied, _) => &mut entry.denied,
                (_, OperationType::ReadOnly) => &mut entry.reads,
                (_, OperationType::Mutating) => &mut entry.writes,
                (_, OperationType::Privileged | OperationType::Unknown) => &mut entry.other,
            } += count;
            if judged.watch.is_some() {
                entry.watched += count;
            }
        }
    }
    hours.into_values().collect()
}

fn principals(assessment: &Assessment<'_>, findings: &[Finding]) -> Vec<PrincipalSummary> {
    let mut groups: BTreeMap<&Principal, Vec<&ClassifiedCall<'_>>> = BTreeMap::new();
    let mut through: BTreeMap<&Arc<str>, Vec<&ClassifiedCall<'_>>> = BTreeMap::new();
    for judged in &assessment.classified {
        groups.entry(judged.principal()).or_default().push(judged);
        let elsewhere = judged.is_call() && *judged.attributed_to() != judged.principal().arn;
        if elsewhere {
            through.entry(judged.attributed_to()).or_default().push(judged);
        }
    }
    let mut about: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for finding in findings {
        if let Some(arn) = &finding.principal {
            about.entry(arn).or_default().push(finding.fingerprint.clone());
        }
    }
    let findings_about = |arn: &str| about.get(arn).cloned().unwrap_or_default();
    let mut matrices = matrices(assessment);
    let seen: BTreeSet<Arc<str>> = groups.keys().map(|principal| Arc::clone(&principal.arn)).collect();
    let mut principals: Vec<PrincipalSummary> = groups
        .into_iter()
        .map(|(principal, judged)| {
            let through = through.get(&principal.arn).map_or(&[][..], Vec::as_slice);
            let mut summary = PrincipalSummary::of(assessment, principal, &judged, through);
            summary.findings = findings_about(&principal.arn);
            summary.matrix = summary.watched_as.as_ref().and(matrices.get(&principal.arn)).cloned();
            summary
        })
        .collect();
    matrices.retain(|arn, _| !seen.contains(arn));
    let promises =
        assessment.unseen_watches().filter(|watch| !matrices.contains_key(watch.principal.as_str()));
    let promises: Vec<&Watch> = promises.collect();
    principals.extend(matrices.into_iter().map(|(arn, matrix)| {
        let watch = assessment.config.watch_for_arn(&arn);
        let account = arn.split(':').nth(4).unwrap_or_default().into();
        let kind = principal_kind_of(&arn);
        PrincipalSummary {
            findings: findings_about(&arn),
            matrix: Some(matrix),
            ..PrincipalSummary::not_seen(arn, kind, account, watch)
        }
    }));
    principals.extend(promises.into_iter().map(|watch| {
        let pattern: Arc<str> = watch.principal.as_str().into();
        PrincipalSummary {
            findings: findings_about(&pattern),
            ..PrincipalSummary::not_seen(pattern, PrincipalKind::Unknown, "".into(), Some(watch))
        }
    }));
    principals.sort_by(|a, b| {
        let key = |p: &PrincipalSummary| {
            (std::cmp::Reverse((p.status, p.behavior, p.calls)), Arc::clone(&p.arn), p.kind)
        };
        key(a).cmp(&key(b))
    });
    principals
}

impl PrincipalSummary {
    /// Of one that was not seen.
    fn not_seen(arn: Arc<str>, kind: PrincipalKind, account: Arc<str>, watch: Option<&Watch>) -> Self {
        Self {
            watched_as: watch.map(|watch| watch.principal.clone()),
            watched_because: watch.and_then(|watch| watch.reason.clone()),
            status: Some(crate::score::Status::InsufficientEvidence),
            ..Self::empty(arn, kind, account)
        }
    }

    fn empty(arn: Arc<str>, kind: PrincipalKind, account: Arc<str>) -> Self {
        Self {
            arn,
            kind,
            account,
            watched_as: None,
            watched_because: None,
            status: None,
            behavior: Behavior::NotSeen,
            compliance: crate::score::ComplianceScore::default(),
            counts: BTreeMap::new(),
            calls: 0,
            other_events: 0,
            allowed_by_override: 0,
            writes_through_roles: 0,
            capabilities: BTreeMap::new(),
            risk_level: None,
            first_seen: None,
            last_seen: None,
            accounts: BTreeSet::new(),
            regions: BTreeSet::new(),
            sessions: 0,
            session_names: Vec::new(),
            source_identities: BTreeSet::new(),
            on_behalf_of: BTreeSet::new(),
            services: BTreeMap::new(),
            hours: Vec::new(),
            findings: Vec::new(),
            matrix: None,
        }
    }

    /// Of one that was seen: by `all` its events, and for its status by the calls that began with it and were made
    /// `through` others.
    fn of(
        assessment: &Assessment<'_>,
        principal: &Principal,
        all: &[&ClassifiedCall<'_>],
        through: &[&ClassifiedCall<'_>],
    ) -> Self {
        let mut this =
            Self::empty(Arc::clone(&principal.arn), principal.kind, Arc::clone(&principal.account));
        this.behavior = Behavior::NoCalls;
        let calls = || all.iter().copied().filter(|judged| judged.is_call());
        let promise = || assessment.config.watch_for(principal);
        let watch = all.iter().find_map(|judged| direct_watch(judged)).or_else(promise);
        // What a watched principal did through another one that is watched too stands against the first.
        let calls = || calls().filter(|judged| watch.is_none() || judged.role_chain.is_none());
        this.compliance = Assessment::compliance_of(calls());
        this.watched_as = watch.map(|watch| watch.principal.clone());
        this.watched_because = watch.and_then(|watch| watch.reason.clone());
        this.status = watch.map(|_| assessment.status_of(calls().chain(through.iter().copied())));
        let mut sessions = BTreeSet::new();
        let mut hours: BTreeMap<Hour, u64> = BTreeMap::new();
        for judged in all {
            let actor = &judged.line.actor;
            this.accounts.insert(Arc::clone(&actor.account));
            this.regions.insert(Arc::clone(&actor.region));
            this.source_identities.extend(actor.session.source_identity.clone());
            this.on_behalf_of.extend(actor.session.on_behalf_of.clone());
            sessions.extend(actor.session.name.clone());
            let (first, last) = judged.span;
            this.first_seen = Some(this.first_seen.map_or(first, |seen| seen.min(first)));
            this.last_seen = this.last_seen.max(Some(last));
            if judged.is_call() {
                this.add_call(judged);
                for (slot, count) in judged.buckets() {
                    *hours.entry(slot.hour()).or_default() += u64::from(*count);
                }
            } else {
                this.other_events += judged.count;
            }
        }
        for judged in through.iter().filter(|_| watch.is_some()) {
            this.behavior = this.behavior.max(Behavior::of(judged));
            if judged.operation_type() == OperationType::Mutating && judged.outcome() == Outcome::Succeeded {
                this.writes_through_roles += judged.count;
            }
        }
        this.sessions = sessions.len() as u64;
        this.session_names = sessions.into_iter().take(MAX_SESSION_NAMES).collect();
        this.hours = hours.into_iter().collect();
        this
    }

    fn add_call(&mut self, judged: &ClassifiedCall<'_>) {
        self.calls += judged.count;
        self.behavior = self.behavior.max(Behavior::of(judged));
        *self.counts.entry(judged.operation_type()).or_default().entry(judged.outcome()).or_default() +=
            judged.count;
        *self.services.entry(Arc::clone(&judged.line.call_key.source)).or_default() += judged.count;
        self.risk_level = self.risk_level.max(Some(judged.classification.risk_level));
        if judged.allowed_by.is_some() {
            self.allowed_by_override += judged.count;
        }
        if judged.outcome() == Outcome::Succeeded {
            for capability in judged.classification.capabilities.names() {
                *self.capabilities.entry(capability.to_owned()).or_default() += judged.count;
            }
        }
    }
}

impl Behavior {
    fn of(judged: &ClassifiedCall<'_>) -> Self {
        let capabilities = judged.classification.capabilities;
        match (judged.operation_type(), judged.outcome()) {
            (OperationType::ReadOnly, Outcome::Succeeded)
                if capabilities.contains(Capabilities::READ_SECRETS) =>
            {
                Self::ReadSecrets
            }
            (OperationType::ReadOnly, Outcome::Succeeded)
                if capabilities.contains(Capabilities::READ_DATA) =>
            {
                Self::ReadData
            }
            (OperationType::ReadOnly, _) => Self::OnlyRead,
            (OperationType::Unknown, _) => Self::UnknownCalls,
            (OperationType::Mutating, Outcome::Succeeded) => Self::Wrote,
            (OperationType::Privileged, Outcome::Succeeded) => Self::UsedPrivilege,
            (OperationType::Mutating | OperationType::Privileged, _) => Self::Attempted,
        }
    }
}

fn operations(assessment: &Assessment<'_>) -> Vec<OperationSummary> {
    type OperationGroup<'b> = (&'b ClassifiedCall<'b>, BTreeMap<Outcome, u64>, BTreeSet<&'b Principal>);
    let mut groups: BTreeMap<(&str, &str, OperationType, _), OperationGroup<'_>> = BTreeMap::new();
    let telling = |judged: &&ClassifiedCall<'_>| {
        let verdict = &judged.classification;
        !judged.is_permitted()
            || verdict.capabilities.is_sensitive()
            || verdict.provenance != Provenance::Catalog
    };
    for judged in assessment.calls().filter(telling) {
        let act = &judged.line.call_key;
        let key = (&*act.source, &*act.name, judged.operation_type(), judged.classification.provenance);
        let (_, counts, principals) =
            groups.entry(key).or_insert_with(|| (judged, BTreeMap::new(), BTreeSet::new()));
        *counts.entry(judged.outcome()).or_default() += judged.count;
        principals.insert(judged.principal());
    }
    let mut operations: Vec<OperationSummary> = groups
        .into_values()
        .map(|(judged, counts, principals)| {
            let verdict = &judged.classification;
            OperationSummary {
                event_source: Arc::clone(&judged.line.call_key.source),
                service: verdict.service.clone(),
                operation: verdict.operation.clone(),
                operation_type: verdict.operation_type,
                mutates: verdict.mutates,
                access_level: verdict.access_level,
                capabilities: verdict.capabilities,
                risk_level: verdict.risk_level,
                provenance: verdict.provenance,
                source_conflict: verdict.source_conflict,
                reason: verdict.reason.clone(),
                counts,
                principals: principals.len() as u64,
            }
        })
        .collect();
    operations.sort_by(|a, b| {
        let key = |o: &OperationSummary| {
            (
                std::cmp::Reverse((o.operation_type, o.risk_level)),
                Arc::clone(&o.event_source),
                o.operation.clone(),
                o.provenance,
            )
        };
        key(a).cmp(&key(b))
    });
    operations
}

fn other_events(assessment: &Assessment<'_>) -> Vec<OtherEvent> {
    let mut counts: BTreeMap<_, u64> = BTreeMap::new();
    for judged in assessment.classified.iter().filter(|judged| !judged.is_call()) {
        let act = &judged.line.call_key;
        *counts.entry((act.kind, Arc::clone(&act.source), Arc::clone(&act.name))).or_default() +=
            judged.count;
    }
    counts
        .into_iter()
        .map(|((kind, event_source, event_name), count)| OtherEvent { kind, event_source, event_name, count })
        .collect()
}

/// The calls the findings name as samples, the gravest findings' first, in order of time.
fn audit_entries(assessment: &Assessment<'_>, findings: &[Finding]) -> Vec<AuditEntry> {
    let mut wanted: BTreeSet<EventId> = BTreeSet::new();
    let telling = findings.iter().filter(|finding| finding.severity > Severity::Info);
    for id in telling.flat_map(|finding| &finding.sample_event_ids).map(|id| EventId::parse(id)) {
        if wanted.len() < MAX_AUDIT_ENTRIES {
            wanted.insert(id);
        }
    }
    let mut entries = BTreeSet::new();
    for judged in &assessment.classified {
        for sample in judged.samples().iter().filter(|sample| wanted.contains(&sample.id())) {
            let (actor, act) = (judged.line.actor, judged.line.call_key);
            entries.insert(AuditEntry {
                timestamp: sample.time,
                event_id: sample.id().to_string(),
                account: Arc::clone(&actor.account),
                region: Arc::clone(&actor.region),
                user_identity: Arc::clone(&actor.principal.arn),
                session: actor.session.name.clone(),
                service: Arc::clone(&act.source),
                operation: Arc::clone(&act.name),
                operation_type: judged.operation_type(),
                outcome: act.outcome,
                error_code: act.error_code.clone(),
                resource_arns: act.resources.to_vec(),
            });
        }
    }
    entries.into_iter().collect()
}

fn override_use(assessment: &Assessment<'_>, position: usize, item: &Override) -> OverrideUsage {
    OverrideUsage {
        id: item.id.clone(),
        principal: item.principal.clone(),
        operation: item.operation.clone(),
        resource: item.resource.clone(),
        owner: item.owner.clone(),
        reason: item.reason.clone(),
        expires: item.expires,
        allowed_calls: assessment.allowed_calls.get(&position).copied().unwrap_or_default(),
        expired_calls: assessment.expired_calls.get(&position).copied().unwrap_or_default(),
    }
}
