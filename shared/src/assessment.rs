//! The evidence compared with the promises: which calls were watched, what each call is, and what it means.
//!
//! Enters: a tally, coverage, the quality of the evidence, the configuration and a catalog. Leaves: an
//! [`Assessment`], which every rule and the report read. Laws: only API calls are scored, each once; an override permits a call
//! from its start until it expires, and does not change what the call is; the same operation has the same classification
//! wherever it occurs; a call that a watched principal made through a session with credentials issued to it counts as
//! its own call, unless the principal of the session is watched itself.

mod business_hours;
mod caller_records;
mod evidence_gaps;
mod granted;
mod key_uses;
mod network_events;
mod report_mode;
mod watch_index;

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use self::{
    caller_records::CallerRecords,
    evidence_gaps::{EarlierCredentials, account_in},
    key_uses::KeyUseCauses,
    network_events::FirstRecords,
    watch_index::WatchIndex,
};
pub use crate::role_chain::RoleChain;
use crate::{
    aws_error::AwsErrorKind,
    catalog::Catalog,
    classification::{
        Classification, ClassificationInput, Provenance, classify_record, is_unauthenticated_by_design,
    },
    config::{Config, Override, OverrideMatch, Watch},
    coverage::{Coverage, event_class_name},
    event::{CallKey, EventClass, EventKind, Outcome},
    evidence_summary::EvidenceQuality,
    operation::{Mutates, OperationType},
    origin::{CallOrigins, OriginGroup},
    principal::{Principal, PrincipalKind},
    role_chain::{self, RoleChains},
    score::{ComplianceScore, EvidenceCompleteness, RiskFactors, RiskScore, Status, status_impact},
    tally::{SampleEvent, Tally, TallyLine, TimeBucket},
    time::Time,
};

pub use self::{
    evidence_gaps::{EvidenceAccounts, EvidenceGaps, PrincipalAccounts},
    granted::{PrincipalGrants, principal_kind_of},
    key_uses::{forwarding_services, is_key_use_action},
    report_mode::ReportMode,
};

/// Sources, and operations if not all, of which CloudTrail records no identity although the caller has one outside IAM,
/// and whether only events that the service recorded about itself count. Amazon QuickSight User Guide, "Understanding
/// Amazon QuickSight log file contents": users that QuickSight provisioned are `Unknown`. AWS IoT Core Developer Guide,
/// "Register a client certificate when the client connects to AWS IoT just-in-time registration": the device does not
/// sign with IAM credentials. Read 2026-11.
const OUTSIDE_IAM: [(&str, Option<&str>, bool); 2] =
    [("quicksight.amazonaws.com", None, true), ("iot.amazonaws.com", Some("RegisterCertificate"), false)];

/// A line of the tally with its classification, or the part of a line that an override or a role chain separates.
#[derive(Clone, Debug)]
pub struct ClassifiedCall<'a> {
    /// The line of the tally: actor, call key, and counts by quarter hour.
    pub line: TallyLine<'a>,
    /// What the operation is, and why.
    pub classification: Arc<Classification>,
    /// The watch that applies to the call.
    pub watch: Option<&'a Watch>,
    /// The override that allows the call.
    pub allowed_by: Option<&'a Override>,
    /// The role chain, when the call began with a watched principal that assumed the role.
    pub role_chain: Option<Arc<RoleChain>>,
    /// Whether the call issued credentials that cannot be traced in the evidence.
    pub is_untraceable: bool,
    /// Whether the events are network activity events of calls that the evidence has as other events too.
    pub is_second_record: bool,
    /// Number of distinct events of the call.
    pub count: u64,
    /// The services, separated by `, `, that made the call as part of another call of the principal.
    pub forwarded_by: Option<Arc<str>>,
    /// Time of the first and of the last event.
    pub span: (Time, Time),
    /// Where calls came from, as far as the evidence keeps it.
    pub origins: &'a CallOrigins,
    /// Samples and time buckets of a part of the line; `None` for the whole line.
    subset: Option<Box<CallSubset>>,
}

/// The samples and time buckets of a part of a line.
#[derive(Clone, Debug)]
struct CallSubset {
    samples: Vec<SampleEvent>,
    buckets: Vec<(TimeBucket, u32)>,
}

impl ClassifiedCall<'_> {
    /// Whether these are all calls of the line, and not those of some time buckets.
    const fn is_whole(&self) -> bool {
        self.subset.is_none()
    }

    /// What the calls have in common, by which the evidence keeps their origins; `None` if it keeps none. Of a part of the calls
    /// it does not know them.
    pub(crate) fn origin_group(&self) -> Option<OriginGroup> {
        let group = || OriginGroup::of(self.line.actor, self.line.call_key);
        let is_kept = |group: &OriginGroup| self.origins.of_group(group).next().is_some();
        self.is_whole().then(group).filter(is_kept)
    }

    /// The earliest events of the call, at most [`MAX_SAMPLES`](crate::tally::MAX_SAMPLES).
    pub fn samples(&self) -> &[SampleEvent] {
        self.subset.as_ref().map_or(self.line.samples, |part| &part.samples)
    }

    /// The number of events in each quarter hour with any, in order of time.
    pub fn buckets(&self) -> &[(TimeBucket, u32)] {
        self.subset.as_ref().map_or(self.line.buckets, |part| &part.buckets)
    }

    /// The calls in the time buckets for which `keep` holds; `None` when there are none.
    pub(crate) fn subset(&self, keep: impl Fn(TimeBucket) -> bool) -> Option<Self> {
        let buckets: Vec<(TimeBucket, u32)> =
            self.buckets().iter().filter(|(bucket, _)| keep(*bucket)).copied().collect();
        let (first, last) = (buckets.first()?.0.start(), buckets.last()?.0.end());
        let samples =
            self.samples().iter().filter(|sample| keep(TimeBucket::of(sample.time))).copied().collect();
        Some(Self {
            count: buckets.iter().map(|(_, count)| u64::from(*count)).sum(),
            span: (self.span.0.max(first), self.span.1.min(last)),
            subset: Some(Box::new(CallSubset { samples, buckets })),
            ..self.clone()
        })
    }

    /// Whether the event is an API call, and not another event that AWS logs in the same form. The `eventType` is a
    /// label: an operation of the catalog, a record with `readOnly=false` and an unknown operation of an identified
    /// principal count as API calls whatever label they have, unless an AWS service made them on its own.
    pub fn is_call(&self) -> bool {
        let is_judged = || {
            matches!(self.classification.provenance, Provenance::Catalog | Provenance::Override)
                || self.line.call_key.read_only == Some(false)
                || !self.is_read_only() && self.principal().kind != PrincipalKind::Unknown
        };
        !self.is_second_record
            && self.classification.is_scored()
            && (self.line.call_key.kind == EventKind::ApiCall
                || self.principal().kind != PrincipalKind::AwsService && is_judged())
    }

    /// Whether the root user made it itself. Not so, as in control 3.3 of the CIS AWS Foundations Benchmark, if an AWS
    /// service made it (`invokedBy`) or wrote the record about itself (`AwsServiceEvent`).
    pub fn is_root_use(&self) -> bool {
        let call_key = self.line.call_key;
        self.principal().kind == PrincipalKind::Root
            && call_key.invoked_by.is_none()
            && call_key.kind != EventKind::ServiceEvent
            && !self.is_second_record
    }

    /// Whether the record's `readOnly` flag contradicts what the catalog says about the operation.
    pub fn contradicts_catalog(&self) -> bool {
        let by_catalog = match self.classification.mutates {
            Mutates::Yes => Some(false),
            Mutates::No => Some(true),
            Mutates::Unknown => None,
        };
        let stated = matches!(
            self.classification.provenance,
            Provenance::Catalog | Provenance::Override | Provenance::Forwarded
        );
        stated
            && self
                .line
                .call_key
                .read_only
                .is_some_and(|flag| by_catalog.is_some_and(|by_catalog| by_catalog != flag))
    }

    /// Whether the record has no identity because AWS accepts the operation without one.
    fn is_unauthenticated(&self) -> bool {
        let (actor, call_key) = (self.line.actor, self.line.call_key);
        is_unauthenticated_by_design(&call_key.source, &call_key.name)
            && &*actor.principal.arn == "unknown"
            && actor.session.unique_id.is_none()
    }

    /// Whether the caller cannot be an IAM identity although the record does not identify it: a user of a directory or of
    /// another service, or a device.
    fn is_outside_iam(&self) -> bool {
        let (actor, call_key) = (self.line.actor, self.line.call_key);
        let (principal, is_event) = (&actor.principal, call_key.kind == EventKind::ServiceEvent);
        let is_listed = OUTSIDE_IAM.iter().any(|(source, operation, of_event)| {
            *source == &*call_key.source
                && operation.is_none_or(|operation| operation == &*call_key.name)
                && (is_event || !of_event)
        });
        actor.session.unique_id.is_none()
            && (principal.arn.starts_with("directory:") || is_listed && &*principal.arn == "unknown")
    }

    /// Operation type of the called operation.
    pub fn operation_type(&self) -> OperationType {
        self.classification.operation_type
    }

    /// Outcome of the call.
    pub fn outcome(&self) -> Outcome {
        self.line.call_key.outcome
    }

    /// Kind of the error of the call, by its code; `None` if the call succeeded.
    pub fn error_kind(&self) -> Option<AwsErrorKind> {
        let call_key = self.line.call_key;
        let service = call_key.source.split('.').next().unwrap_or_default();
        let code = call_key.error_code.as_deref()?;
        Some(AwsErrorKind::of_response(service, Some(code), None))
    }

    /// Effect of the call on the status of the principal to which it is attributed. A call that is permitted breaks no
    /// promise. A call that another principal may have made gives at worst `INSUFFICIENT_EVIDENCE`. A call that issued untraceable credentials gives at best
    /// `INSUFFICIENT_EVIDENCE`, even when an override allows it.
    pub fn status_impact(&self) -> Status {
        let impact = match self.is_permitted() || self.line.call_key.is_unprocessed() {
            true => Status::Compliant,
            false => status_impact(self.operation_type(), self.outcome()),
        };
        let impact = if self.is_untraceable { impact.max(Status::InsufficientEvidence) } else { impact };
        let is_certain = self.role_chain.as_ref().is_none_or(|role_chain| role_chain.is_certain);
        if is_certain { impact } else { impact.min(Status::InsufficientEvidence) }
    }

    /// Whether the called operation is read-only, whatever overrides allow.
    pub fn is_read_only(&self) -> bool {
        self.classification.is_read_only()
    }

    /// Whether a read-only principal may make it: it is read-only, or an override allows it.
    pub fn is_permitted(&self) -> bool {
        self.classification.is_permitted()
    }

    /// Whether the call was made by one of Onlooker's own roles.
    pub fn is_own_role(&self) -> bool {
        self.watch.is_some_and(Watch::is_own_role)
    }

    /// ARN of the principal to which the call is attributed: the originator of the role chain, or else the caller.
    pub fn attributed_to(&self) -> &Arc<str> {
        self.role_chain.as_ref().map_or(&self.principal().arn, |role_chain| &role_chain.originator)
    }

    /// The principal that made the call.
    pub fn principal(&self) -> &Principal {
        &self.line.actor.principal
    }

    /// `service:Operation`, as the catalog names it.
    pub fn operation(&self) -> String {
        format!("{}:{}", self.classification.service, self.classification.operation)
    }

    /// The IAM action that AWS denied, if the message of the record names another one than the operation.
    pub fn other_denied_action(&self) -> Option<&Arc<str>> {
        let action = self.line.call_key.denied_action.as_ref()?;
        (!action.eq_ignore_ascii_case(&self.operation())).then_some(action)
    }
}

/// Everything that a rule may use.
#[derive(Clone, Debug)]
pub struct Assessment<'a> {
    /// Whether the report is a proof or a discovery.
    pub mode: ReportMode,
    /// The configuration in force.
    pub config: &'a Config,
    /// Classified calls, in the order of the tally.
    pub classified: Vec<ClassifiedCall<'a>>,
    /// Coverage of the evidence.
    pub coverage: &'a Coverage,
    /// Quality of the evidence.
    pub evidence_quality: &'a EvidenceQuality,
    /// Number of calls that each override would have allowed if it had not expired, by position in the
    /// configuration.
    pub expired_calls: BTreeMap<usize, u64>,
    /// Number of calls that each override would have allowed if it had begun before them, by position in the
    /// configuration.
    pub early_calls: BTreeMap<usize, u64>,
    /// Number of calls that each override allowed, by position in the configuration.
    pub allowed_calls: BTreeMap<usize, u64>,
    /// Credentials that watched principals were issued before the period and that may be used in it.
    earlier_credentials: Vec<EarlierCredentials>,
    /// Records of callers that other accounts recorded by their unique id.
    caller_records: CallerRecords<'a>,
    /// Permissions of the watched principals with policies that were read, by ARN.
    pub granted: BTreeMap<Arc<str>, PrincipalGrants>,
    /// Files that the caller excluded from the evidence.
    pub excluded_files: ExcludedFiles,
    /// Accounts that are expected and that were not looked up in the event history, because no role for it is set.
    pub accounts_not_looked_up: BTreeSet<String>,
    /// The time before which evidence was removed at the end of its retention, if the period begins before it.
    pub evidence_removed_before: Option<Time>,
    /// Spans, from and until, in which log files may be missing from the index of the evidence, because it was restored.
    pub index_restored: Vec<(Time, Time)>,
}

/// Files that the caller excluded from the evidence, so that what they contain is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExcludedFiles {
    /// Globs that excluded them.
    pub globs: Vec<String>,
    /// Number of the files.
    pub files: u64,
}

impl<'a> Assessment<'a> {
    /// Classifies every line of the tally. `lead_in` has the calls before the period that have effects in it.
    pub fn classify(
        tally: &'a Tally,
        lead_in: &'a Tally,
        coverage: &'a Coverage,
        evidence: &'a EvidenceQuality,
        catalog: &Catalog,
        config: &'a Config,
    ) -> Self {
        let mut classifications: HashMap<(&str, &str, Option<bool>, bool), Arc<Classification>> =
            HashMap::new();
        let key_uses = KeyUseCauses::of(tally);
        let mut first_records = FirstRecords::of(tally);
        let mut watch_index = WatchIndex::of(config, [lead_in, tally]);
        let role_chains = watch_index.role_chains(tally, lead_in);
        let mut this = Self {
            mode: ReportMode::of(config),
            config,
            classified: Vec::with_capacity(tally.len()),
            coverage,
            evidence_quality: evidence,
            expired_calls: BTreeMap::new(),
            early_calls: BTreeMap::new(),
            allowed_calls: BTreeMap::new(),
            earlier_credentials: EarlierCredentials::all(lead_in, coverage, |actor| {
                watch_index.watch_of(actor)
            }),
            caller_records: CallerRecords::of(tally, lead_in, |actor| watch_index.watch_of(actor).is_some()),
            granted: BTreeMap::new(),
            excluded_files: ExcludedFiles::default(),
            accounts_not_looked_up: BTreeSet::new(),
            evidence_removed_before: None,
            index_restored: Vec::new(),
        };
        // A few thousand call keys have most of the lines, and each of them is one value in the tally.
        let mut known: hashbrown::HashMap<*const CallKey, Arc<Classification>> = hashbrown::HashMap::new();
        for line in tally.lines() {
            let call_key = line.call_key;
            let of_key = || {
                let classification = classifications
                    .entry((
                        &call_key.source,
                        &call_key.name,
                        call_key.read_only,
                        call_key.kind == EventKind::ApiCall,
                    ))
                    .or_insert_with(|| {
                        let call = ClassificationInput {
                            service: &call_key.source,
                            operation: &call_key.name,
                            read_only: call_key.read_only,
                        };
                        Arc::new(classify_record(catalog, &call, call_key.kind == EventKind::ApiCall))
                    });
                Arc::clone(classification)
            };
            let classification = Arc::clone(known.entry(std::ptr::from_ref(call_key)).or_insert_with(of_key));
            let watch = watch_index.watch_of(line.actor);
            let whole = ClassifiedCall {
                line,
                classification,
                watch,
                allowed_by: None,
                role_chain: None,
                is_untraceable: this.is_untraceable(call_key, watch),
                is_second_record: false,
                count: line.count,
                forwarded_by: None,
                span: (line.first, line.last),
                origins: &evidence.origins,
                subset: None,
            };
            for whole in first_records.split(whole).into_iter().flat_map(|whole| key_uses.split(whole)) {
                let parts = match whole.watch {
                    None => this.split_by_originator(whole, &role_chains, &watch_index),
                    Some(_) => vec![whole],
                };
                for part in parts {
                    this.apply_overrides(part, catalog, &role_chains, &watch_index);
                }
            }
        }
        this
    }

    /// Parts of names that may be account ids: of all accounts, principals and resources in the evidence.
    pub(crate) fn known_accounts(&self) -> BTreeSet<String> {
        let mut known: BTreeSet<String> =
            self.coverage.account_regions.iter().map(|place| place.account.to_string()).collect();
        let mut last = None;
        for call in &self.classified {
            let (actor, key) = (call.line.actor, call.line.call_key);
            if !last.replace(actor).is_some_and(|before| std::ptr::eq(before, actor)) {
                known.insert(actor.account.to_string());
                known.extend(actor.principal.arn.split(':').map(str::to_owned));
            }
            known.extend(key.resources.iter().flat_map(|arn| arn.split(':')).map(str::to_owned));
        }
        known.extend(self.granted.keys().flat_map(|arn| arn.split(':')).map(str::to_owned));
        known.retain(|text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()));
        known
    }

    /// Whether a call issued untraceable credentials, contrary to a promise of the user.
    fn is_untraceable(&self, call_key: &CallKey, watch: Option<&Watch>) -> bool {
        watch.is_some_and(|watch| !watch.is_own_role())
            && (role_chain::is_untraceable(call_key, self.config.lookup.watched_only)
                || role_chain::issues_into_unseen_account(call_key, |account| self.is_observed(account)))
    }

    /// Whether there is evidence of an account.
    fn is_observed(&self, account: &str) -> bool {
        let places = &self.coverage.account_regions;
        places.iter().any(|place| &*place.account == account && place.observed_hours > 0)
    }

    /// The calls, split by originator; unsplit when they began with the caller itself or with no watched principal.
    fn split_by_originator(
        &self,
        whole: ClassifiedCall<'a>,
        role_chains: &RoleChains,
        watch_index: &WatchIndex<'a>,
    ) -> Vec<ClassifiedCall<'a>> {
        let parts = role_chains.of_line(&whole.line);
        if parts.is_empty() {
            return vec![whole];
        }
        let own = &whole.principal().arn;
        let part = |(role_chain, buckets): (Option<Arc<RoleChain>>, Vec<TimeBucket>)| {
            let part = whole.subset(|bucket| buckets.binary_search(&bucket).is_ok())?;
            let Some(role_chain) = role_chain.filter(|role_chain| role_chain.originator != *own) else {
                return Some(part);
            };
            let watch = watch_index.watch_of_originator(&role_chain.originator);
            let is_untraceable = self.is_untraceable(whole.line.call_key, watch);
            Some(ClassifiedCall { watch, role_chain: Some(role_chain), is_untraceable, ..part })
        };
        parts.into_iter().filter_map(part).collect()
    }

    fn apply_overrides(
        &mut self,
        whole: ClassifiedCall<'a>,
        catalog: &Catalog,
        role_chains: &RoleChains,
        watch_index: &WatchIndex<'a>,
    ) {
        if !whole.is_call() || whole.is_permitted() {
            self.classified.push(whole);
            return;
        }
        let (config, line, classification) = (self.config, whole.line, Arc::clone(&whole.classification));
        // An override is an exception to a promise, so it must match the principal that the call is attributed to.
        let attributed_to = Arc::clone(whole.attributed_to());
        // An override for an IAM action allows the calls that need this action and no other.
        let action = LazyCell::new(|| {
            let (service, operation) = (&classification.service, &classification.operation);
            catalog.action_alone(service, operation, line.call_key.request_features)
        });
        let matching = config.overrides.iter().enumerate().filter(|(_, candidate)| {
            let is_about = |service: &str, name: &str| {
                candidate.match_call(&attributed_to, service, name, &line.call_key.resources, line.first)
                    != OverrideMatch::NoMatch
            };
            is_about(&classification.service, &classification.operation)
                || action.as_ref().is_some_and(|action| is_about(&action.service, &action.name))
        });
        // The override that expires last decides first; of equal ones the first. It leaves the others what is before
        // its start.
        let mut matching: Vec<(usize, &Override)> = matching.collect();
        matching.sort_by_key(|(n, candidate)| (candidate.expires, std::cmp::Reverse(*n)));
        let (mut rest, mut last) = (Some(whole), None);
        while let Some((position, allowing)) = matching.pop()
            && let Some(call) = rest.take()
        {
            // Of a quarter hour that contains the start or the end it is not certain when its calls were made.
            let (before_end, expired) = split_by_bucket(call, |bucket| bucket.end() < allowing.expires);
            if let Some(expired) = expired {
                *self.expired_calls.entry(position).or_default() += expired.count;
                self.classified.push(expired);
            }
            let Some(before_end) = before_end else { continue };
            let (within, early) = split_by_bucket(before_end, |bucket| allowing.has_begun(bucket.start()));
            (rest, last) = (early, Some(position));
            // An override for one principal does not allow the calls of others that use its credentials.
            let within = within.into_iter().flat_map(|within| match within.role_chain {
                None => self.split_by_originator(within, role_chains, watch_index),
                Some(_) => vec![within],
            });
            for mut allowed in within.collect::<Vec<_>>() {
                if allowed.role_chain.as_ref().is_some_and(|chain| chain.originator != attributed_to) {
                    self.apply_overrides(allowed, catalog, role_chains, watch_index);
                    continue;
                }
                *self.allowed_calls.entry(position).or_default() += allowed.count;
                let reason = format!("{} ({}): {}", allowing.id, allowing.owner, allowing.reason);
                allowed.classification =
                    Arc::new(Classification::allowed(Classification::clone(&classification), &reason));
                allowed.allowed_by = Some(allowing);
                self.classified.push(allowed);
            }
        }
        if let Some(rest) = rest {
            if let Some(position) = last {
                *self.early_calls.entry(position).or_default() += rest.count;
            }
            self.classified.push(rest);
        }
    }

    /// All classified API calls of the evidence.
    pub fn calls(&self) -> impl Iterator<Item = &ClassifiedCall<'a>> {
        self.classified.iter().filter(|call| call.is_call())
    }

    /// Classified API calls of watched principals.
    pub fn watched_calls(&self) -> impl Iterator<Item = &ClassifiedCall<'a>> {
        self.calls().filter(|call| call.watch.is_some())
    }

    /// The watched calls that count for the promises of the user. Of Onlooker's own roles only calls that are not
    /// permitted count.
    pub fn promised_calls(&self) -> impl Iterator<Item = &ClassifiedCall<'a>> {
        self.watched_calls().filter(|call| !call.is_own_role() || !call.is_permitted())
    }

    /// Watches that match no principal in the evidence. Onlooker's own roles may be idle.
    pub fn unseen_watches(&self) -> impl Iterator<Item = &'a Watch> {
        let watched = self.classified.iter().filter(|call| call.watch.is_some());
        let seen: BTreeSet<&str> =
            watched.flat_map(|call| [&**call.attributed_to(), &*call.principal().arn]).collect();
        let is_seen = move |watch: &Watch| seen.iter().any(|arn| watch.names(arn));
        self.config.watch.iter().filter(move |watch| !watch.is_own_role() && !is_seen(watch))
    }

    /// All calls, those of one actor together as far as they follow one another.
    pub fn calls_by_actor(&self) -> impl Iterator<Item = &[ClassifiedCall<'a>]> {
        self.classified.chunk_by(|one, next| std::ptr::eq(one.line.actor, next.line.actor))
    }

    /// Why an override is wide; empty if it is not. An override without a start is measured from the end of the period.
    /// Those for the purposes of Onlooker's own roles last as long as a deployment.
    pub fn wide_reasons(&self, entry: &Override) -> Vec<String> {
        let mut own = self.config.watch.iter().filter(|watch| watch.is_own_role());
        match own.any(|watch| watch.principal == entry.principal) {
            true => Vec::new(),
            false => entry.wide_reasons(self.coverage.period.map(|period| period.until.start())),
        }
    }

    /// The calls in the compliance score: those of watched principals without the reads that they made through an
    /// assumed session. Otherwise the credentials of a busy session would raise the score of a principal.
    pub fn scored_calls(&self) -> impl Iterator<Item = &ClassifiedCall<'a>> {
        self.promised_calls().filter(|call| call.role_chain.is_none() || !call.is_permitted())
    }

    /// Compliance score of these calls.
    pub fn compliance_of<'b>(calls: impl Iterator<Item = &'b ClassifiedCall<'a>>) -> ComplianceScore
    where
        'a: 'b,
    {
        let (permitted, calls) = calls.fold((0, 0), |(permitted, calls), call| {
            (permitted + if call.is_permitted() { call.count } else { 0 }, calls + call.count)
        });
        ComplianceScore::of(permitted, calls)
    }

    /// Whether no evidence is known to be missing.
    pub fn is_complete(&self) -> bool {
        self.all_gaps().is_empty()
    }

    /// Status of a set of watched calls: the worst of their statuses, and never better than the evidence that concerns
    /// them allows.
    pub fn status_of<'b>(
        &self,
        calls: impl Iterator<Item = &'b ClassifiedCall<'a>>,
        gaps: &EvidenceGaps<'_>,
    ) -> Status
    where
        'a: 'b,
    {
        let worst = calls.map(ClassifiedCall::status_impact).max();
        let evidence = if gaps.is_empty() { Status::Compliant } else { Status::InsufficientEvidence };
        worst.map_or(Status::InsufficientEvidence, |worst| worst.max(evidence))
    }

    /// Overall status; `None` in a discovery. A watch that matches no principal in the evidence is not proven.
    pub fn overall_status(&self) -> Option<Status> {
        if self.mode == ReportMode::Discovery {
            return None;
        }
        let gaps = self.gaps_in(&self.promised_accounts());
        let status = self.status_of(self.watched_calls(), &gaps);
        Some(if self.has_unproven_watches() { status.max(Status::InsufficientEvidence) } else { status })
    }

    /// Whether the evidence can show every call of the promises, whatever the calls are; `None` if more than hours is missing or
    /// something is uncertain, and in a discovery.
    pub fn evidence_completeness(&self) -> Option<EvidenceCompleteness> {
        let gaps = self.gaps_in(&self.promised_accounts());
        let but_hours = EvidenceGaps { places: Vec::new(), ..gaps.clone() };
        let is_uncertain = self.mode == ReportMode::Discovery
            || self.watched_calls().next().is_none()
            || self.watched_calls().any(|call| call.status_impact() == Status::InsufficientEvidence)
            || self.has_unproven_watches()
            || !but_hours.is_empty();
        match (is_uncertain, gaps.places.is_empty()) {
            (true, _) => None,
            (false, true) => Some(EvidenceCompleteness::Complete),
            (false, false) => Some(EvidenceCompleteness::HoursMissing),
        }
    }

    /// Whether a watch is not proven, whatever the calls of the others are.
    fn has_unproven_watches(&self) -> bool {
        self.silent_principals() > 0
            || self.unseen_watches().next().is_some()
            || self.unidentified_calls().next().is_some()
    }

    /// Number of watched principals that were seen and made no API call. Onlooker's own roles may be idle.
    pub fn silent_principals(&self) -> u64 {
        let own = |call: &&ClassifiedCall<'_>| {
            call.watch.is_some() && !call.is_own_role() && call.role_chain.is_none()
        };
        let callers: BTreeSet<&Principal> = self.calls().filter(own).map(ClassifiedCall::principal).collect();
        let seen: BTreeSet<&Principal> =
            self.classified.iter().filter(own).map(ClassifiedCall::principal).collect();
        seen.difference(&callers).count() as u64
    }

    /// Calls of unidentified principals that are not permitted and were not denied. Any watched principal may have
    /// made them.
    pub fn unidentified_calls(&self) -> impl Iterator<Item = &ClassifiedCall<'a>> {
        self.calls().filter(|call| {
            call.watch.is_none()
                && !call.is_permitted()
                && call.outcome() != Outcome::Denied
                && !call.line.call_key.is_unprocessed()
                && match call.principal().kind {
                    PrincipalKind::Unknown => !call.is_unauthenticated() && !call.is_outside_iam(),
                    PrincipalKind::AwsAccount => self.may_be_watched(call),
                    _ => false,
                }
        })
    }

    /// Whether a caller of which the record names only the account may be a watched principal, and its own account does
    /// not show that. The record of another account has the unique id of the caller. If other records name a watched
    /// principal under it, or none of an account with principals that a promise may be about, the own account has to
    /// show the call. Without a unique id the account has to have evidence.
    fn may_be_watched(&self, call: &ClassifiedCall<'_>) -> bool {
        let (account, accounts) = (&call.principal().account, &self.config.coverage.accounts);
        let unique_id = call.line.actor.session.unique_id.as_deref();
        match unique_id.and_then(|id| self.caller_records.is_watched(id)) {
            Some(true) => return !self.caller_records.show(call),
            Some(false) => return false,
            None => {}
        }
        let is_promised = accounts.is_empty() || accounts.iter().any(|expected| **expected == **account);
        let may_match = |watch: &Watch| {
            !watch.is_own_role()
                && match account_in(&watch.principal) {
                    Some(one) => one == &**account,
                    None => is_promised,
                }
        };
        let is_shown = *account != call.line.actor.account
            && self.is_observed(account)
            && (unique_id.is_none() || !self.must_caller_record(call));
        !is_shown && self.config.watch.iter().any(may_match)
    }

    /// Whether the account of the caller must have recorded the call too, so that a unique id that no record names shows that the
    /// evidence lacks its record: it logs management events, and all of them were kept.
    fn must_caller_record(&self, call: &ClassifiedCall<'_>) -> bool {
        let call_key = call.line.call_key;
        let class = event_class_name(call_key);
        let is_management =
            matches!(call_key.class, EventClass::ManagementRead | EventClass::ManagementWrite);
        is_management
            && !self.config.lookup.watched_only
            && self.coverage.event_classes.iter().any(|row| row.class == class && row.state.is_logged())
    }

    /// Risk of the watched principals; `None` in a discovery.
    pub fn risk_score(&self) -> Option<RiskScore> {
        if self.mode == ReportMode::Discovery {
            return None;
        }
        let mut factors = RiskFactors {
            evidence_gaps: self.coverage.missing_hours()
                + self.coverage.class_gaps().count() as u64
                + self.evidence_quality.unreadable.values().sum::<u64>()
                + self.evidence_quality.missing_log_files.len() as u64
                + self.evidence_quality.conflicting_events
                + self.coverage.outside.len() as u64,
            ..RiskFactors::default()
        };
        for call in self.promised_calls() {
            // What an override allows is as little a risk as a read.
            let operation_type =
                if call.is_permitted() { OperationType::ReadOnly } else { call.operation_type() };
            factors.add(operation_type, call.classification.capabilities, call.outcome(), call.count);
        }
        factors.root_uses =
            self.classified.iter().filter(|call| call.is_root_use()).map(|call| call.count).sum();
        factors.outside_business_hours =
            self.calls_outside_business_hours().iter().map(|part| part.count).sum();
        Some(RiskScore::of(&factors))
    }
}

/// Whether two records may be of one call by their resources: one of them names none, or they share one.
fn may_be_same(some: &[Arc<str>], others: &[Arc<str>]) -> bool {
    let is_open = |resources: &[Arc<str>]| resources.is_empty() || resources.iter().any(|one| &**one == "?");
    is_open(some) || is_open(others) || some.iter().any(|one| others.contains(one))
}

/// Splits calls by their quarter hours: the calls for which `keep` holds, and the rest.
fn split_by_bucket<'a>(
    call: ClassifiedCall<'a>,
    keep: impl Fn(TimeBucket) -> bool,
) -> (Option<ClassifiedCall<'a>>, Option<ClassifiedCall<'a>>) {
    if call.buckets().iter().all(|(bucket, _)| keep(*bucket)) {
        return (Some(call), None);
    }
    (call.subset(&keep), call.subset(|bucket| !keep(bucket)))
}
