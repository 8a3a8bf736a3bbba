//! Composes the result of a report from an assessment.
//!
//! Enters: an assessment, the catalog and a control pack. Leaves: [`ReportResult`]. Law: the order of every list
//! depends only on the evidence.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    AuditEntry, Behavior, HourlyActivity, OperationSummary, OtherEvent, OverrideUsage, PrincipalSummary,
    ReportInputs, ReportResult, ReportTotals, executive,
    limitations::limitations,
    omitted::ListLimit,
    status_reasons::{AccountGaps, all_gap_reasons, not_seen, reasons_of, unconcerned_gaps},
};
use crate::{
    access_matrix::{self, AccessMatrix, WatchedPrincipal, direct_watch},
    assessment::{Assessment, ClassifiedCall, PrincipalAccounts, principal_kind_of},
    catalog::Catalog,
    classification::{Classification, Provenance},
    config::{Override, Watch},
    controls::{ControlEvidence, ControlPack, RecordKeeping},
    event::{EventId, Outcome},
    finding::{self, Finding, Severity, count_noun},
    operation::{Capabilities, OperationType},
    principal::{Principal, PrincipalKind},
    time::Hour,
};

/// Session names that the summary of a principal lists.
const MAX_SESSION_NAMES: usize = 10;

/// Composes the result. `record_keeping` is what the maintenance of the deployment did; `configuration_sha256` identifies the
/// configuration in force. Each list that grows with the evidence has at most `most` entries.
pub fn compose(
    assessment: &Assessment<'_>,
    catalog: &Catalog,
    pack: &ControlPack,
    record_keeping: RecordKeeping,
    configuration_sha256: String,
    most: usize,
) -> ReportResult {
    let mut limit = ListLimit::new(most);
    let mut findings = finding::find(assessment, most);
    for finding in &mut findings.listed {
        finding.controls = pack.controls_failed_by(&finding.id);
    }
    let recommendations = finding::recommend(&findings);
    let compliance = Assessment::compliance_of(assessment.scored_calls());
    let risk = assessment.risk_score();
    let totals = totals(assessment);
    let cases = access_matrix::watched_principals(assessment);
    let ground = ControlEvidence {
        watched_calls: totals.watched_operations,
        allowed_calls: executive::override_summary(assessment).map_or(0, |overrides| overrides.allowed_calls),
        is_complete: assessment.is_complete(),
        gaps: all_gap_reasons(assessment),
        observed_hours: assessment.coverage.observed_hours,
        excluded_files: assessment.excluded_files.files,
        inactive_rules: finding::inactive_rules(assessment),
        watched_principals: cases.len() as u64,
        unread_policies: access_matrix::principals_without_policies(assessment, &cases).len() as u64,
        partial_policies: assessment.granted.values().filter(|granted| !granted.is_complete()).count() as u64,
        log_integrity: assessment
            .coverage
            .log_integrity
            .as_ref()
            .filter(|integrity| !integrity.verification.is_empty())
            .map(|integrity| integrity.hours),
        record_keeping,
    };
    let config = assessment.config;
    let (mut audit_entries, mut audit_entries_omitted) = audit_entries(assessment, &findings.listed);
    let mut other_events = other_events(assessment);
    limit.cut("other_events", &mut other_events);
    let mut coverage = assessment.coverage.clone();
    limit.cut_coverage(&mut coverage);
    let principals = principals(assessment, cases, &findings.listed, &mut limit);
    let operations = operations(assessment, &mut limit);
    let mut controls = pack.evaluate(&findings, &ground);
    limit.cut_controls(&mut controls);
    let mut limitations = limitations(assessment);
    let (omitted, lines) = limit.omitted(&principals, &findings);
    limitations.extend(lines);
    if !config.report.include_cloudtrail_events {
        audit_entries_omitted += audit_entries.len() as u64;
        audit_entries.clear();
        other_events.clear();
        limitations.push(format!(
            "Events are left out (`report.include_cloudtrail_events`): {} and {}.",
            match audit_entries_omitted {
                1 => "1 audit entry".to_owned(),
                entries => format!("{entries} audit entries"),
            },
            count_noun(totals.other_events, "other event"),
        ));
    } else if audit_entries_omitted > 0 {
        let listed = audit_entries.len() as u64;
        limitations.push(format!(
            "{listed} of {} audit entries are listed, those of the most severe findings (`audit.max_audit_entries`).",
            listed + audit_entries_omitted
        ));
    }
    if !config.report.generate_executive_summary {
        limitations.push(
            "The key findings and the top actions are left out (`report.generate_executive_summary`)."
                .to_owned(),
        );
    }
    if !config.report.include_performance_metrics {
        limitations.push(
            "How fast the run was and what memory it took is left out (`report.include_performance_metrics`)."
                .to_owned(),
        );
    }
    let mut summary = executive::summary(
        assessment,
        &totals,
        compliance,
        risk.as_ref(),
        &findings.listed,
        &recommendations,
    );
    if !omitted.is_empty() {
        summary.statement.push_str(" Some lists of the report are not complete: the limitations say which.");
    }
    ReportResult {
        mode: assessment.mode,
        standard: config.standard,
        standard_title: pack.title.clone(),
        period: assessment.coverage.period,
        summary,
        compliance,
        risk,
        coverage,
        activity: activity(assessment),
        principals,
        operations,
        other_events,
        controls,
        audit_entries,
        audit_entries_omitted,
        overrides: config
            .overrides
            .iter()
            .enumerate()
            .map(|(n, item)| override_use(assessment, n, item))
            .collect(),
        omitted,
        limitations,
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
        findings: findings.listed,
        recommendations,
    }
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
    for calls in assessment.calls_by_actor() {
        let Some(first) = calls.first() else { continue };
        principals.insert(first.principal());
        accounts.insert(&first.line.actor.account);
        regions.insert(&first.line.actor.region);
        if calls.iter().any(|call| direct_watch(call).is_some_and(|watch| !watch.is_own_role())) {
            watched.insert(first.principal());
        }
        for call in calls {
            totals.events += call.count;
            if call.is_call() {
                totals.add_call(call);
            } else {
                totals.other_events += call.count;
            }
        }
    }
    totals.principals = principals.len() as u64;
    totals.watched_principals = watched.len() as u64;
    totals.accounts = accounts.len() as u64;
    totals.regions = regions.len() as u64;
    totals
}

impl ReportTotals {
    fn add_call(&mut self, call: &ClassifiedCall<'_>) {
        self.operations += call.count;
        *match call.operation_type() {
            OperationType::ReadOnly => &mut self.read_only,
            OperationType::Mutating => &mut self.mutating,
            OperationType::Privileged => &mut self.privileged,
            OperationType::Unknown => &mut self.unknown,
        } += call.count;
        *match call.outcome() {
            Outcome::Succeeded => &mut self.succeeded,
            Outcome::Denied => &mut self.denied,
            Outcome::Failed => &mut self.failed,
        } += call.count;
        if call.watch.is_some() && !call.is_own_role() {
            self.watched_operations += call.count;
            if call.outcome() == Outcome::Denied && !call.is_read_only() {
                self.blocked += call.count;
            }
        }
        if is_sensitive_read(call) {
            self.sensitive_reads += call.count;
        }
    }
}

fn is_sensitive_read(call: &ClassifiedCall<'_>) -> bool {
    call.is_read_only()
        && call.outcome() == Outcome::Succeeded
        && call.classification.capabilities.is_sensitive()
}

fn activity(assessment: &Assessment<'_>) -> Vec<HourlyActivity> {
    let mut hours: BTreeMap<Hour, HourlyActivity> = BTreeMap::new();
    for call in assessment.calls() {
        for (bucket, count) in call.buckets() {
            let hour = bucket.hour();
            let entry =
                hours.entry(hour).or_insert_with(|| HourlyActivity { hour, ..HourlyActivity::default() });
            let count = u64::from(*count);
            *match (call.outcome(), call.operation_type()) {
                (Outcome::Denied, _) => &mut entry.denied,
                (_, OperationType::ReadOnly) => &mut entry.reads,
                (_, OperationType::Mutating) => &mut entry.writes,
                (_, OperationType::Privileged | OperationType::Unknown) => &mut entry.other,
            } += count;
            if call.watch.is_some() {
                entry.watched += count;
            }
        }
    }
    hours.into_values().collect()
}

/// What is the same for every principal.
struct PromiseEvidence<'a> {
    accounts: PrincipalAccounts,
    gaps: AccountGaps<'a>,
}

/// The principals that were seen, and the watch entries that none of them matches: the first of them in the order of the
/// list. The others are dropped as it grows, so that their summaries are not all in memory.
fn principals(
    assessment: &Assessment<'_>,
    cases: BTreeMap<Arc<str>, WatchedPrincipal<'_, '_>>,
    findings: &[Finding],
    limit: &mut ListLimit,
) -> Vec<PrincipalSummary> {
    let mut groups: BTreeMap<&Principal, Vec<&ClassifiedCall<'_>>> = BTreeMap::new();
    let mut through: BTreeMap<&Arc<str>, Vec<&ClassifiedCall<'_>>> = BTreeMap::new();
    for calls in assessment.calls_by_actor() {
        let Some(first) = calls.first() else { continue };
        groups.entry(first.principal()).or_default().extend(calls);
        for call in calls.iter().filter(|call| call.is_call() && call.role_chain.is_some()) {
            if *call.attributed_to() != call.principal().arn {
                through.entry(call.attributed_to()).or_default().push(call);
            }
        }
    }
    let mut about: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for finding in findings {
        if let Some(arn) = &finding.principal {
            about.entry(arn).or_default().push(finding.fingerprint.clone());
        }
    }
    let findings_about = |arn: &str| about.get(arn).cloned().unwrap_or_default();
    let seen: BTreeSet<&str> = groups.keys().map(|principal| &*principal.arn).collect();
    let evidence =
        PromiseEvidence { accounts: PrincipalAccounts::of(assessment), gaps: AccountGaps::of(assessment) };
    let acting = groups.iter().map(|(principal, calls)| {
        let through = through.get(&principal.arn).map_or(&[][..], Vec::as_slice);
        PrincipalSummary::of(assessment, &evidence, principal, calls, through)
    });
    let granted = cases.keys().filter(|arn| !seen.contains(&***arn)).map(|arn| {
        let watch = assessment.config.watch_for_arn(arn);
        let account = arn.split(':').nth(4).unwrap_or_default().into();
        PrincipalSummary::not_seen(Arc::clone(arn), principal_kind_of(arn), account, watch)
    });
    let is_granted =
        |watch: &&Watch| cases.contains_key(&*watch.principal) && !seen.contains(&*watch.principal);
    let promises = assessment.unseen_watches().filter(|watch| !is_granted(watch)).map(|watch| {
        let pattern = watch.principal.as_str().into();
        PrincipalSummary::not_seen(pattern, PrincipalKind::Unknown, "".into(), Some(watch))
    });
    let mut kept: Vec<PrincipalSummary> = Vec::new();
    for summary in acting.chain(granted).chain(promises) {
        kept.push(summary);
        if kept.len() >= limit.most().saturating_mul(2) {
            kept.sort_by(PrincipalSummary::order);
            limit.cut_principals(&mut kept);
        }
    }
    kept.sort_by(PrincipalSummary::order);
    limit.cut_principals(&mut kept);
    for summary in &mut kept {
        summary.findings = findings_about(&summary.arn);
        let is_assessed = summary.watched_as.is_some() || !seen.contains(&*summary.arn);
        let case = cases.get(&summary.arn).filter(|_| is_assessed);
        summary.matrix = case.map(|case| AccessMatrix::of(assessment, case));
        limit.cut_principal(summary);
    }
    kept
}

impl PrincipalSummary {
    /// The order of the list: the worst status first, then the worst behavior, then most calls.
    fn order(&self, other: &Self) -> Ordering {
        let worst = |one: &Self| (one.status, one.behavior, one.calls);
        worst(other).cmp(&worst(self)).then_with(|| (&self.arn, self.kind).cmp(&(&other.arn, other.kind)))
    }

    /// Of a principal that was not seen.
    fn not_seen(arn: Arc<str>, kind: PrincipalKind, account: Arc<str>, watch: Option<&Watch>) -> Self {
        Self {
            watched_as: watch.map(|watch| watch.principal.clone()),
            watched_because: watch.and_then(|watch| watch.reason.clone()),
            status: Some(crate::score::Status::InsufficientEvidence),
            status_reasons: not_seen(),
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
            status_reasons: Vec::new(),
            evidence_accounts: None,
            unconcerned_gaps: None,
            behavior: Behavior::NotSeen,
            compliance: crate::score::ComplianceScore::default(),
            counts: BTreeMap::new(),
            calls: 0,
            other_events: 0,
            allowed_by_override: 0,
            allowed_non_reads: 0,
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

    /// The summary of a principal that was seen. `all` are the principal's events; `through` are the calls that were
    /// made through roles and are attributed to the principal, which affect its status too.
    fn of(
        assessment: &Assessment<'_>,
        evidence: &PromiseEvidence<'_>,
        principal: &Principal,
        all: &[&ClassifiedCall<'_>],
        through: &[&ClassifiedCall<'_>],
    ) -> Self {
        let mut this =
            Self::empty(Arc::clone(&principal.arn), principal.kind, Arc::clone(&principal.account));
        this.behavior = Behavior::NoCalls;
        let promise = || assessment.config.watch_for(principal);
        let watch = all.iter().find_map(|call| direct_watch(call)).or_else(promise);
        // A call through another watched principal counts against the originator, not against that principal.
        let is_own = |call: &&ClassifiedCall<'_>| watch.is_none() || call.role_chain.is_none();
        let calls: Vec<_> = all.iter().copied().filter(|call| call.is_call()).filter(is_own).collect();
        this.compliance = Assessment::compliance_of(calls.iter().copied());
        this.watched_as = watch.map(|watch| watch.principal.clone());
        this.watched_because = watch.and_then(|watch| watch.reason.clone());
        if let Some(watch) = watch {
            let accounts = evidence.accounts.of_principal(principal, watch.is_own_role());
            let gaps = assessment.gaps_in(&accounts);
            let calls = || calls.iter().chain(through).copied();
            let status = assessment.status_of(calls(), &gaps);
            this.status = Some(status);
            this.status_reasons = reasons_of(status, calls(), &gaps);
            this.unconcerned_gaps = unconcerned_gaps(&evidence.gaps, &accounts, "it");
            this.evidence_accounts = (!accounts.is_every).then_some(accounts.accounts);
        }
        let mut sessions = BTreeSet::new();
        let mut hours: BTreeMap<Hour, u64> = BTreeMap::new();
        let mut last_actor = None;
        for call in all {
            let actor = call.line.actor;
            // Most calls have the actor of the call before.
            if !last_actor.replace(actor).is_some_and(|last| std::ptr::eq(last, actor)) {
                this.accounts.insert(Arc::clone(&actor.account));
                this.regions.insert(Arc::clone(&actor.region));
                this.source_identities.extend(actor.session.source_identity.clone());
                this.on_behalf_of.extend(actor.session.on_behalf_of.clone());
                sessions.extend(actor.session.name.clone());
            }
            let (first, last) = call.span;
            this.first_seen = Some(this.first_seen.map_or(first, |seen| seen.min(first)));
            this.last_seen = this.last_seen.max(Some(last));
            if call.is_call() {
                this.add_call(call);
                for (bucket, count) in call.buckets() {
                    *hours.entry(bucket.hour()).or_default() += u64::from(*count);
                }
            } else {
                this.other_events += call.count;
            }
        }
        for call in through.iter().filter(|_| watch.is_some()) {
            this.behavior = this.behavior.max(Behavior::of(call));
            if call.operation_type() == OperationType::Mutating && call.outcome() == Outcome::Succeeded {
                this.writes_through_roles += call.count;
            }
        }
        this.sessions = sessions.len() as u64;
        this.session_names = sessions.into_iter().take(MAX_SESSION_NAMES).collect();
        this.hours = hours.into_iter().collect();
        this
    }

    fn add_call(&mut self, call: &ClassifiedCall<'_>) {
        self.calls += call.count;
        self.behavior = self.behavior.max(Behavior::of(call));
        *self.counts.entry(call.operation_type()).or_default().entry(call.outcome()).or_default() +=
            call.count;
        *self.services.entry(Arc::clone(&call.line.call_key.source)).or_default() += call.count;
        self.risk_level = self.risk_level.max(Some(call.classification.risk_level));
        if call.allowed_by.is_some() {
            self.allowed_by_override += call.count;
        }
        if call.outcome() == Outcome::Succeeded {
            self.allowed_non_reads += if call.allowed_by.is_some() { call.count } else { 0 };
            for capability in call.classification.capabilities.names() {
                *self.capabilities.entry(capability.to_owned()).or_default() += call.count;
            }
        }
    }
}

impl Behavior {
    fn of(call: &ClassifiedCall<'_>) -> Self {
        let capabilities = call.classification.capabilities;
        match (call.operation_type(), call.outcome()) {
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

fn operations(assessment: &Assessment<'_>, limit: &mut ListLimit) -> Vec<OperationSummary> {
    type OperationGroup<'b> = (&'b ClassifiedCall<'b>, BTreeMap<Outcome, u64>, BTreeSet<&'b Principal>);
    let mut groups: BTreeMap<(&str, &str, OperationType, _), OperationGroup<'_>> = BTreeMap::new();
    let relevant = |call: &&ClassifiedCall<'_>| {
        let classification = &call.classification;
        !call.is_read_only()
            || classification.capabilities.is_sensitive()
            || classification.provenance != Provenance::Catalog
    };
    for call in assessment.calls().filter(relevant) {
        let call_key = &call.line.call_key;
        let key = (&*call_key.source, &*call_key.name, call.operation_type(), call.classification.provenance);
        let (_, counts, principals) =
            groups.entry(key).or_insert_with(|| (call, BTreeMap::new(), BTreeSet::new()));
        *counts.entry(call.outcome()).or_default() += call.count;
        principals.insert(call.principal());
    }
    let mut groups: Vec<OperationGroup<'_>> = groups.into_values().collect();
    groups.sort_by(|(a, ..), (b, ..)| {
        let (one, other) = (&a.classification, &b.classification);
        let risk = |of: &Classification| (of.operation_type, of.risk_level);
        let by_source = || a.line.call_key.source.cmp(&b.line.call_key.source);
        let by_name = || (&one.operation, one.provenance).cmp(&(&other.operation, other.provenance));
        risk(other).cmp(&risk(one)).then_with(by_source).then_with(by_name)
    });
    limit.cut("operations", &mut groups);
    groups
        .into_iter()
        .map(|(call, counts, principals)| {
            let classification = &call.classification;
            OperationSummary {
                event_source: Arc::clone(&call.line.call_key.source),
                service: classification.service.clone(),
                operation: classification.operation.clone(),
                operation_type: classification.operation_type,
                mutates: classification.mutates,
                access_level: classification.access_level,
                capabilities: classification.capabilities,
                risk_level: classification.risk_level,
                provenance: classification.provenance,
                source_conflict: classification.source_conflict,
                reason: classification.reason.clone(),
                counts,
                principals: principals.len() as u64,
            }
        })
        .collect()
}

fn other_events(assessment: &Assessment<'_>) -> Vec<OtherEvent> {
    let mut counts: BTreeMap<_, u64> = BTreeMap::new();
    for call in assessment.classified.iter().filter(|call| !call.is_call()) {
        let call_key = &call.line.call_key;
        *counts
            .entry((call_key.kind, Arc::clone(&call_key.source), Arc::clone(&call_key.name)))
            .or_default() += call.count;
    }
    counts
        .into_iter()
        .map(|((kind, event_source, event_name), count)| OtherEvent { kind, event_source, event_name, count })
        .collect()
}

/// The sample calls of the findings, in order of time, and the number of those that are left out; where there are too many, those
/// of the most severe findings stay.
fn audit_entries(assessment: &Assessment<'_>, findings: &[Finding]) -> (Vec<AuditEntry>, u64) {
    let most = assessment.config.audit.max_audit_entries as usize;
    let (mut wanted, mut omitted): (BTreeSet<EventId>, BTreeSet<EventId>) = Default::default();
    let relevant = findings.iter().filter(|finding| finding.severity > Severity::Info);
    for id in relevant.flat_map(|finding| &finding.sample_event_ids).map(|id| EventId::parse(id)) {
        if wanted.len() < most {
            wanted.insert(id);
        } else if !wanted.contains(&id) {
            omitted.insert(id);
        }
    }
    let mut entries = BTreeSet::new();
    for call in &assessment.classified {
        for sample in call.samples().iter().filter(|sample| wanted.contains(&sample.id())) {
            let (actor, call_key) = (call.line.actor, call.line.call_key);
            entries.insert(AuditEntry {
                timestamp: sample.time,
                event_id: sample.id().to_string(),
                account: Arc::clone(&actor.account),
                region: Arc::clone(&actor.region),
                user_identity: Arc::clone(&actor.principal.arn),
                session: actor.session.name.clone(),
                source_identity: actor.session.source_identity.clone(),
                is_console_session: call_key.is_console_session,
                invoked_by: call_key.invoked_by.clone(),
                service: Arc::clone(&call_key.source),
                operation: Arc::clone(&call_key.name),
                operation_type: call.operation_type(),
                outcome: call_key.outcome,
                error_code: call_key.error_code.clone(),
                denied_by: call_key.denied_by,
                denied_action: call.other_denied_action().cloned(),
                resource_arns: call_key.resources.to_vec(),
            });
        }
    }
    (entries.into_iter().collect(), omitted.len() as u64)
}

fn override_use(assessment: &Assessment<'_>, position: usize, item: &Override) -> OverrideUsage {
    OverrideUsage {
        id: item.id.clone(),
        principal: item.principal.clone(),
        operation: item.operation.clone(),
        resource: item.resource.clone(),
        owner: item.owner.clone(),
        reason: item.reason.clone(),
        from: item.from,
        expires: item.expires,
        wide: assessment.wide_reasons(item),
        allowed_calls: assessment.allowed_calls.get(&position).copied().unwrap_or_default(),
        expired_calls: assessment.expired_calls.get(&position).copied().unwrap_or_default(),
        early_calls: assessment.early_calls.get(&position).copied().unwrap_or_default(),
    }
}
