//! Evidence held against the promise: which calls were watched, what each is, and what it means.
//!
//! Enters: a tally, coverage, what could not be read, the configuration and a catalog. Leaves: an [`Assessment`] every
//! rule and the report read from. Laws: only API calls are judged and scored; a call allowed by an override is
//! judged read-only from the override on and only until it expires; the same operation has the same verdict
//! wherever it occurs; what a watched principal did through sessions it was given the credentials of counts as its own,
//! unless the principal of the session has a promise of its own.

mod granted;
mod watch_index;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use self::watch_index::WatchIndex;
pub use crate::role_chain::RoleChain;
use crate::{
    catalog::Catalog,
    classification::{Classification, ClassificationInput, Provenance, classify},
    config::{Config, Override, OverrideMatch, Watch},
    coverage::Coverage,
    event::{CallKey, EventKind, Outcome},
    operation::{Capabilities, Mutates, OperationType, RiskLevel},
    pattern::matches,
    principal::{Principal, PrincipalKind},
    report::ReportMode,
    role_chain::{self, RoleChains},
    score::{ComplianceScore, RiskFactors, RiskScore, Status, status_impact},
    segment::MissingLogFile,
    tally::{SampleEvent, Tally, TallyLine, TimeBucket},
    time::Time,
};

pub use granted::{PrincipalGrants, principal_kind_of};

/// What is known of the evidence itself, besides the tally.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceQuality {
    /// Pieces that could not be read, by reason.
    pub unreadable: BTreeMap<String, u64>,
    /// Events delivered with two contents under one identity.
    pub conflicting_events: u64,
    /// CloudTrail Insights records, counted aside.
    pub insight_events: u64,
    /// Log files digests list and the evidence does not show, of the period.
    pub missing_log_files: Vec<MissingLogFile>,
    /// SHA-256 of the evidence in canonical form, in hex.
    pub sha256: String,
}

/// A line of the tally, or a part of it that an override or a lineage divides off, with its verdict.
#[derive(Clone, Debug)]
pub struct ClassifiedCall<'a> {
    /// Actor and act.
    pub line: TallyLine<'a>,
    /// What the operation is, and why.
    pub classification: Arc<Classification>,
    /// The promise the principal falls under.
    pub watch: Option<&'a Watch>,
    /// The override that allows it.
    pub allowed_by: Option<&'a Override>,
    /// With whom it began, when its principal was assumed by a watched one.
    pub role_chain: Option<Arc<RoleChain>>,
    /// Whether it handed out credentials whose use nothing in the evidence can be known to be.
    pub is_untraceable: bool,
    /// Distinct events.
    pub count: u64,
    /// First and last time.
    pub span: (Time, Time),
    /// Samples and slots, when these are not all of the line's.
    subset: Option<Box<CallSubset>>,
}

/// The samples and slots of a part of a line.
#[derive(Clone, Debug)]
struct CallSubset {
    samples: Vec<SampleEvent>,
    buckets: Vec<(TimeBucket, u32)>,
}

impl ClassifiedCall<'_> {
    /// Earliest events.
    pub fn samples(&self) -> &[SampleEvent] {
        self.subset.as_ref().map_or(self.line.samples, |part| &part.samples)
    }

    /// Events per quarter hour.
    pub fn buckets(&self) -> &[(TimeBucket, u32)] {
        self.subset.as_ref().map_or(self.line.buckets, |part| &part.buckets)
    }

    /// The same calls, only those in slots for which `keep` holds; `None` when there are none.
    pub(crate) fn subset(&self, keep: impl Fn(TimeBucket) -> bool) -> Option<Self> {
        let slots: Vec<(TimeBucket, u32)> =
            self.buckets().iter().filter(|(slot, _)| keep(*slot)).copied().collect();
        let (first, last) = (slots.first()?.0.start(), slots.last()?.0.end());
        let samples =
            self.samples().iter().filter(|sample| keep(TimeBucket::of(sample.time))).copied().collect();
        Some(Self {
            count: slots.iter().map(|(_, count)| u64::from(*count)).sum(),
            span: (self.span.0.max(first), self.span.1.min(last)),
            subset: Some(Box::new(CallSubset { samples, buckets: slots })),
            ..self.clone()
        })
    }

    /// Whether it is an operation: an API call, and not one of the events AWS logs in the shape of one. What the catalog
    /// knows as an operation, and what a named principal did that says `readOnly=false`, is one whatever the record
    /// calls it, unless an AWS service did it by itself.
    pub fn is_call(&self) -> bool {
        let known = self.classification.provenance == Provenance::Catalog
            && self.principal().kind != PrincipalKind::AwsService;
        let writes = self.line.call_key.read_only == Some(false)
            && !matches!(self.principal().kind, PrincipalKind::AwsService | PrincipalKind::Unknown);
        self.classification.is_scored() && (self.line.call_key.kind == EventKind::ApiCall || known || writes)
    }

    /// Operation type.
    pub fn operation_type(&self) -> OperationType {
        self.classification.operation_type
    }

    /// Outcome.
    pub fn outcome(&self) -> Outcome {
        self.line.call_key.outcome
    }

    /// What it means for the status of the principal that answers for it: where somebody else may have made it, it proves
    /// nothing against that one, and nothing for it. Credentials that were handed out and cannot be followed prove nothing
    /// either, whoever allows that they are.
    pub fn status_impact(&self) -> Status {
        let effect = status_impact(self.operation_type(), self.outcome());
        let effect = if self.is_untraceable { effect.max(Status::InsufficientEvidence) } else { effect };
        let is_certain = self.role_chain.as_ref().is_none_or(|lineage| lineage.is_certain);
        if is_certain { effect } else { effect.min(Status::InsufficientEvidence) }
    }

    /// Whether a read-only principal may make it.
    pub fn is_permitted(&self) -> bool {
        self.operation_type() == OperationType::ReadOnly
    }

    /// Whether it is a call of one of Onlooker's own roles.
    pub fn is_own_role(&self) -> bool {
        self.watch.is_some_and(Watch::is_own_role)
    }

    /// ARN of the principal that answers for it: the one it began with, or else its own.
    pub fn attributed_to(&self) -> &Arc<str> {
        self.role_chain.as_ref().map_or(&self.principal().arn, |lineage| &lineage.originator)
    }

    /// The principal.
    pub fn principal(&self) -> &Principal {
        &self.line.actor.principal
    }

    /// `service:Operation`, as the catalog names it.
    pub fn operation(&self) -> String {
        format!("{}:{}", self.classification.service, self.classification.operation)
    }
}

/// Everything a rule may look at.
#[derive(Clone, Debug)]
pub struct Assessment<'a> {
    /// Proof or discovery.
    pub mode: ReportMode,
    /// The configuration in force.
    pub config: &'a Config,
    /// Judged lines, in the tally's order.
    pub classified: Vec<ClassifiedCall<'a>>,
    /// The map of evidence.
    pub coverage: &'a Coverage,
    /// What is known of the evidence itself.
    pub evidence_quality: &'a EvidenceQuality,
    /// Calls each override would have allowed had it not expired, by position in the configuration.
    pub expired_calls: BTreeMap<usize, u64>,
    /// Calls each override allowed, by position in the configuration.
    pub allowed_calls: BTreeMap<usize, u64>,
    /// What watched principals could do, by ARN, as far as their policies were read.
    pub granted: BTreeMap<Arc<str>, PrincipalGrants>,
}

impl<'a> Assessment<'a> {
    /// Judges every line.
    pub fn classify(
        tally: &'a Tally,
        coverage: &'a Coverage,
        evidence: &'a EvidenceQuality,
        catalog: &Catalog,
        config: &'a Config,
    ) -> Self {
        let mut verdicts: HashMap<(&str, &str, Option<bool>), Arc<Classification>> = HashMap::new();
        let mut promises = WatchIndex::new(config);
        let lineages = promises.role_chains(tally);
        let mut this = Self {
            // Onlooker's own roles are watched, and promise nothing of anybody else.
            mode: if config.watch.iter().all(Watch::is_own_role) {
                ReportMode::Discovery
            } else {
                ReportMode::Proof
            },
            config,
            classified: Vec::with_capacity(tally.len()),
            coverage,
            evidence_quality: evidence,
            expired_calls: BTreeMap::new(),
            allowed_calls: BTreeMap::new(),
            granted: BTreeMap::new(),
        };
        for line in tally.lines() {
            let act = line.call_key;
            let verdict = verdicts.entry((&act.source, &act.name, act.read_only)).or_insert_with(|| {
                let call = ClassificationInput {
                    service: &act.source,
                    operation: &act.name,
                    read_only: act.read_only,
                };
                Arc::new(classify(catalog, &call))
            });
            let verdict = if is_forwarded_key_use(act, verdict) {
                Arc::new(as_forwarded(act, verdict))
            } else {
                Arc::clone(verdict)
            };
            let watch = promises.watch_of(line.actor);
            let whole = ClassifiedCall {
                line,
                classification: verdict,
                watch,
                allowed_by: None,
                role_chain: None,
                is_untraceable: this.is_untraceable(act, watch),
                count: line.count,
                span: (line.first, line.last),
                subset: None,
            };
            let behind = |part: ClassifiedCall<'a>| this.split_by_originator(part, &lineages, &promises);
            for part in if whole.watch.is_none() { behind(whole) } else { vec![whole] } {
                this.apply_overrides(part, &lineages, &promises);
            }
        }
        this
    }

    /// Whether credentials were handed out that nobody can follow, against a promise of the user.
    fn is_untraceable(&self, act: &CallKey, watch: Option<&Watch>) -> bool {
        watch.is_some_and(|watch| !watch.is_own_role())
            && role_chain::is_untraceable(act, self.config.lookup.watched_only)
    }

    /// Calls by the watched principal they began with; the same calls where that is their own one or nobody.
    fn split_by_originator(
        &self,
        whole: ClassifiedCall<'a>,
        lineages: &RoleChains,
        promises: &WatchIndex<'a>,
    ) -> Vec<ClassifiedCall<'a>> {
        let parts = lineages.of_line(&whole.line);
        if parts.is_empty() {
            return vec![whole];
        }
        let own = &whole.principal().arn;
        let part = |(lineage, slots): (Option<Arc<RoleChain>>, Vec<TimeBucket>)| {
            let part = whole.subset(|slot| slots.binary_search(&slot).is_ok())?;
            let Some(lineage) = lineage.filter(|lineage| lineage.originator != *own) else {
                return Some(part);
            };
            let watch = promises.watch_of_originator(&lineage.originator);
            let is_unfollowed = self.is_untraceable(whole.line.call_key, watch);
            Some(ClassifiedCall { watch, role_chain: Some(lineage), is_untraceable: is_unfollowed, ..part })
        };
        parts.into_iter().filter_map(part).collect()
    }

    fn apply_overrides(
        &mut self,
        whole: ClassifiedCall<'a>,
        lineages: &RoleChains,
        promises: &WatchIndex<'a>,
    ) {
        if !whole.is_call() || whole.is_permitted() {
            self.classified.push(whole);
            return;
        }
        let (config, line, verdict) = (self.config, whole.line, Arc::clone(&whole.classification));
        // An exception is one to a promise, so it must be about whoever gave that promise.
        let answerable = Arc::clone(whole.attributed_to());
        let matching = config.overrides.iter().enumerate().filter(|(_, candidate)| {
            candidate.match_call(
                &answerable,
                &verdict.service,
                &verdict.operation,
                &line.call_key.resources,
                line.first,
            ) != OverrideMatch::NoMatch
        });
        // The override that lasts longest allows the most; of equal ones the first.
        let Some((position, allowing)) =
            matching.max_by_key(|(n, candidate)| (candidate.expires, std::cmp::Reverse(*n)))
        else {
            self.classified.push(whole);
            return;
        };
        let (before, after) = split_at_time(whole, allowing.expires);
        // An exception to the promise of one principal excuses nobody who acts through it.
        let before = before.into_iter().flat_map(|before| match before.role_chain {
            None => self.split_by_originator(before, lineages, promises),
            Some(_) => vec![before],
        });
        for mut allowed in before.collect::<Vec<_>>() {
            if allowed.role_chain.as_ref().is_some_and(|lineage| lineage.originator != answerable) {
                self.apply_overrides(allowed, lineages, promises);
                continue;
            }
            *self.allowed_calls.entry(position).or_default() += allowed.count;
            let reason = format!("{} ({}): {}", allowing.id, allowing.owner, allowing.reason);
            allowed.classification =
                Arc::new(Classification::overridden(Classification::clone(&verdict), &reason));
            allowed.allowed_by = Some(allowing);
            self.classified.push(allowed);
        }
        if let Some(expired) = after {
            *self.expired_calls.entry(position).or_default() += expired.count;
            self.classified.push(expired);
        }
    }

    /// Judged API calls.
    pub fn calls(&self) -> impl Iterator<Item = &ClassifiedCall<'a>> {
        self.classified.iter().filter(|judged| judged.is_call())
    }

    /// Judged API calls of watched principals.
    pub fn watched_calls(&self) -> impl Iterator<Item = &ClassifiedCall<'a>> {
        self.calls().filter(|judged| judged.watch.is_some())
    }

    /// Those of them that speak for the promises of the user: of Onlooker's own roles what they should not have done alone.
    pub fn promised_calls(&self) -> impl Iterator<Item = &ClassifiedCall<'a>> {
        self.watched_calls().filter(|judged| !judged.is_own_role() || !judged.is_permitted())
    }

    /// Promises that match no principal in the evidence. Onlooker's own roles may be idle.
    pub fn unseen_watches(&self) -> impl Iterator<Item = &'a Watch> {
        let watched = self.classified.iter().filter(|judged| judged.watch.is_some());
        let seen: BTreeSet<&str> =
            watched.flat_map(|judged| [&**judged.attributed_to(), &*judged.principal().arn]).collect();
        let is_seen = move |watch: &Watch| seen.iter().any(|arn| matches(&watch.principal, arn));
        self.config.watch.iter().filter(move |watch| !watch.is_own_role() && !is_seen(watch))
    }

    /// Calls the score is over: those of watched principals, but for reads through a session that was assumed. Whoever was
    /// given credentials of a busy session would look better for it.
    pub fn scored_calls(&self) -> impl Iterator<Item = &ClassifiedCall<'a>> {
        self.promised_calls().filter(|judged| judged.role_chain.is_none() || !judged.is_permitted())
    }

    /// Score over these calls.
    pub fn compliance_of<'b>(calls: impl Iterator<Item = &'b ClassifiedCall<'a>>) -> ComplianceScore
    where
        'a: 'b,
    {
        let (permitted, calls) = calls.fold((0, 0), |(permitted, calls), judged| {
            (permitted + if judged.is_permitted() { judged.count } else { 0 }, calls + judged.count)
        });
        ComplianceScore::of(permitted, calls)
    }

    /// Whether nothing is known to be missing from the evidence.
    pub fn is_complete(&self) -> bool {
        self.coverage.is_complete()
            && self.evidence_quality.unreadable.is_empty()
            && self.evidence_quality.missing_log_files.is_empty()
            && self.evidence_quality.conflicting_events == 0
    }

    /// Status of a set of watched calls: the worst effect, never better than the evidence.
    pub fn status_of<'b>(&self, calls: impl Iterator<Item = &'b ClassifiedCall<'a>>) -> Status
    where
        'a: 'b,
    {
        let worst = calls.map(ClassifiedCall::status_impact).max();
        let evidence = if self.is_complete() { Status::Compliant } else { Status::InsufficientEvidence };
        worst.map_or(Status::InsufficientEvidence, |worst| worst.max(evidence))
    }

    /// Overall status; `None` in a discovery. A promise for which nobody was seen is not proven.
    pub fn overall_status(&self) -> Option<Status> {
        if self.mode == ReportMode::Discovery {
            return None;
        }
        let mut status = self.status_of(self.watched_calls());
        let own = |judged: &&ClassifiedCall<'_>| {
            judged.watch.is_some() && !judged.is_own_role() && judged.role_chain.is_none()
        };
        let callers: BTreeSet<&Principal> = self.calls().filter(own).map(ClassifiedCall::principal).collect();
        let silent = self.classified.iter().filter(own).any(|judged| !callers.contains(judged.principal()));
        if silent || self.unseen_watches().next().is_some() || self.unidentified_calls().next().is_some() {
            status = status.max(Status::InsufficientEvidence);
        }
        Some(status)
    }

    /// Calls that are not permitted, were not refused, and that nobody can be named for: any watched principal may have
    /// made them.
    pub fn unidentified_calls(&self) -> impl Iterator<Item = &ClassifiedCall<'a>> {
        self.calls().filter(|judged| {
            judged.principal().kind == PrincipalKind::Unknown
                && judged.watch.is_none()
                && !judged.is_permitted()
                && judged.outcome() != Outcome::Denied
        })
    }

    /// Risk of the watched principals; `None` in a discovery.
    pub fn risk_score(&self) -> Option<RiskScore> {
        if self.mode == ReportMode::Discovery {
            return None;
        }
        let mut exposure = RiskFactors {
            evidence_gaps: self.coverage.missing_hours()
                + self.coverage.class_gaps().count() as u64
                + self.evidence_quality.unreadable.values().sum::<u64>()
                + self.evidence_quality.missing_log_files.len() as u64
                + self.evidence_quality.conflicting_events,
            ..RiskFactors::default()
        };
        for judged in self.promised_calls() {
            exposure.add(
                judged.operation_type(),
                judged.classification.capabilities,
                judged.outcome(),
                judged.count,
            );
        }
        exposure.root_uses = self
            .classified
            .iter()
            .filter(|j| j.principal().kind == PrincipalKind::Root)
            .map(|j| j.count)
            .sum();
        exposure.outside_business_hours = crate::finding::outside_business_hours::count_calls_outside(self);
        Some(RiskScore::of(&exposure))
    }
}

/// Whether a service made this call in the principal's name to carry out another call of it: the use of a KMS key, such
/// as the `kms:Decrypt` within `secretsmanager:GetSecretValue`. The other call is judged; this one adds nothing.
fn is_forwarded_key_use(act: &CallKey, verdict: &Classification) -> bool {
    const KEY_USES: [&str; 5] =
        ["Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "Encrypt", "DescribeKey"];
    let by_service = |name: &str| name.ends_with(".amazonaws.com") || name.ends_with(".amazonaws.com.cn");
    act.invoked_by.as_deref().is_some_and(by_service)
        && verdict.operation_type == OperationType::Privileged
        && verdict.mutates == Mutates::No
        && verdict.service == "kms"
        && KEY_USES.contains(&verdict.operation.as_str())
}

fn as_forwarded(act: &CallKey, verdict: &Classification) -> Classification {
    let service = act.invoked_by.as_deref().unwrap_or_default();
    Classification {
        operation_type: OperationType::ReadOnly,
        provenance: Provenance::Forwarded,
        risk_level: RiskLevel::Low,
        capabilities: Capabilities::empty(),
        reason: format!(
            "{service} made it in the principal's name to carry out another call, which is judged"
        ),
        ..verdict.clone()
    }
}

/// Divides calls at a time: those surely before it, and the rest.
fn split_at_time<'a>(
    judged: ClassifiedCall<'a>,
    at: Time,
) -> (Option<ClassifiedCall<'a>>, Option<ClassifiedCall<'a>>) {
    let ends_before = |slot: TimeBucket| slot.end() < at;
    if judged.buckets().iter().all(|(slot, _)| ends_before(*slot)) {
        return (Some(judged), None);
    }
    (judged.subset(ends_before), judged.subset(|slot| !ends_before(slot)))
}
