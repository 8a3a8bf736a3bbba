//! Evidence held against the promise: which calls were watched, what each is, and what it means.
//!
//! Enters: a tally, coverage, what could not be read, the configuration and a catalog. Leaves: an [`Assessment`] every
//! rule and the report read from. Laws: only API calls are judged and scored; a call allowed by an override is
//! judged read-only from the override on and only until it expires; the same operation has the same verdict
//! wherever it occurs; what a watched principal did through sessions it was given the credentials of counts as its own,
//! unless the principal of the session has a promise of its own.

mod could;
mod promises;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use self::promises::Promises;
pub use crate::lineage::Lineage;
use crate::{
    catalog::Catalog,
    config::{Applies, Config, Override, Watch},
    coverage::Coverage,
    event::{Act, EventKind, Outcome},
    lineage::{self, Lineages},
    operation::{Capabilities, Mutates, OperationType, RiskLevel},
    pattern::matches,
    principal::{Principal, PrincipalKind},
    report::Mode,
    score::{Compliance, Exposure, Risk, Status, effect},
    segment::MissingLog,
    tally::{Line, Sample, Slot, Tally},
    time::Time,
    verdict::{Call, Provenance, Verdict, classify},
};

pub use could::{Could, kind_of};

/// What is known of the evidence itself, besides the tally.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Pieces that could not be read, by reason.
    pub unreadable: BTreeMap<String, u64>,
    /// Events delivered with two contents under one identity.
    pub conflicting: u64,
    /// CloudTrail Insights records, counted aside.
    pub insights: u64,
    /// Log files digests list and the evidence does not show, of the period.
    pub missing_logs: Vec<MissingLog>,
    /// SHA-256 of the evidence in canonical form, in hex.
    pub sha256: String,
}

/// A line of the tally, or a part of it that an override or a lineage divides off, with its verdict.
#[derive(Clone, Debug)]
pub struct Judged<'a> {
    /// Actor and act.
    pub line: Line<'a>,
    /// What the operation is, and why.
    pub verdict: Arc<Verdict>,
    /// The promise the principal falls under.
    pub watch: Option<&'a Watch>,
    /// The override that allows it.
    pub allowed_by: Option<&'a Override>,
    /// With whom it began, when its principal was assumed by a watched one.
    pub lineage: Option<Arc<Lineage>>,
    /// Whether it handed out credentials whose use nothing in the evidence can be known to be.
    pub is_unfollowed: bool,
    /// Distinct events.
    pub count: u64,
    /// First and last time.
    pub span: (Time, Time),
    /// Samples and slots, when these are not all of the line's.
    part: Option<Box<Part>>,
}

/// The samples and slots of a part of a line.
#[derive(Clone, Debug)]
struct Part {
    samples: Vec<Sample>,
    slots: Vec<(Slot, u32)>,
}

impl Judged<'_> {
    /// Earliest events.
    pub fn samples(&self) -> &[Sample] {
        self.part.as_ref().map_or(self.line.samples, |part| &part.samples)
    }

    /// Events per quarter hour.
    pub fn slots(&self) -> &[(Slot, u32)] {
        self.part.as_ref().map_or(self.line.slots, |part| &part.slots)
    }

    /// The same calls, only those in slots for which `keep` holds; `None` when there are none.
    pub(crate) fn part(&self, keep: impl Fn(Slot) -> bool) -> Option<Self> {
        let slots: Vec<(Slot, u32)> = self.slots().iter().filter(|(slot, _)| keep(*slot)).copied().collect();
        let (first, last) = (slots.first()?.0.start(), slots.last()?.0.end());
        let samples = self.samples().iter().filter(|sample| keep(Slot::of(sample.time))).copied().collect();
        Some(Self {
            count: slots.iter().map(|(_, count)| u64::from(*count)).sum(),
            span: (self.span.0.max(first), self.span.1.min(last)),
            part: Some(Box::new(Part { samples, slots })),
            ..self.clone()
        })
    }

    /// Whether it is an operation: an API call, and not one of the events AWS logs in the shape of one. What the catalog
    /// knows as an operation, and what a named principal did that says `readOnly=false`, is one whatever the record
    /// calls it, unless an AWS service did it by itself.
    pub fn is_call(&self) -> bool {
        let known = self.verdict.provenance == Provenance::Catalog
            && self.principal().kind != PrincipalKind::AwsService;
        let writes = self.line.act.read_only == Some(false)
            && !matches!(self.principal().kind, PrincipalKind::AwsService | PrincipalKind::Unknown);
        self.verdict.is_scored() && (self.line.act.kind == EventKind::ApiCall || known || writes)
    }

    /// Operation type.
    pub fn operation_type(&self) -> OperationType {
        self.verdict.operation_type
    }

    /// Outcome.
    pub fn outcome(&self) -> Outcome {
        self.line.act.outcome
    }

    /// What it means for the status of the principal that answers for it: where somebody else may have made it, it proves
    /// nothing against that one, and nothing for it. Credentials that were handed out and cannot be followed prove nothing
    /// either, whoever allows that they are.
    pub fn effect(&self) -> Status {
        let effect = effect(self.operation_type(), self.outcome());
        let effect = if self.is_unfollowed { effect.max(Status::InsufficientEvidence) } else { effect };
        let is_certain = self.lineage.as_ref().is_none_or(|lineage| lineage.is_certain);
        if is_certain { effect } else { effect.min(Status::InsufficientEvidence) }
    }

    /// Whether a read-only principal may make it.
    pub fn is_permitted(&self) -> bool {
        self.operation_type() == OperationType::ReadOnly
    }

    /// Whether it is a call of one of Onlooker's own roles.
    pub fn is_own(&self) -> bool {
        self.watch.is_some_and(Watch::is_own)
    }

    /// ARN of the principal that answers for it: the one it began with, or else its own.
    pub fn answerable(&self) -> &Arc<str> {
        self.lineage.as_ref().map_or(&self.principal().arn, |lineage| &lineage.began_with)
    }

    /// The principal.
    pub fn principal(&self) -> &Principal {
        &self.line.actor.principal
    }

    /// `service:Operation`, as the catalog names it.
    pub fn operation(&self) -> String {
        format!("{}:{}", self.verdict.service, self.verdict.operation)
    }
}

/// Everything a rule may look at.
#[derive(Clone, Debug)]
pub struct Assessment<'a> {
    /// Proof or discovery.
    pub mode: Mode,
    /// The configuration in force.
    pub config: &'a Config,
    /// Judged lines, in the tally's order.
    pub judged: Vec<Judged<'a>>,
    /// The map of evidence.
    pub coverage: &'a Coverage,
    /// What is known of the evidence itself.
    pub evidence: &'a Evidence,
    /// Calls each override would have allowed had it not expired, by position in the configuration.
    pub expired: BTreeMap<usize, u64>,
    /// Calls each override allowed, by position in the configuration.
    pub allowed: BTreeMap<usize, u64>,
    /// What watched principals could do, by ARN, as far as their policies were read.
    pub could: BTreeMap<Arc<str>, Could>,
}

impl<'a> Assessment<'a> {
    /// Judges every line.
    pub fn of(
        tally: &'a Tally,
        coverage: &'a Coverage,
        evidence: &'a Evidence,
        catalog: &Catalog,
        config: &'a Config,
    ) -> Self {
        let mut verdicts: HashMap<(&str, &str, Option<bool>), Arc<Verdict>> = HashMap::new();
        let mut promises = Promises::of_config(config);
        let lineages = promises.lineages(tally);
        let mut this = Self {
            // Onlooker's own roles are watched, and promise nothing of anybody else.
            mode: if config.watch.iter().all(Watch::is_own) { Mode::Discovery } else { Mode::Proof },
            config,
            judged: Vec::with_capacity(tally.len()),
            coverage,
            evidence,
            expired: BTreeMap::new(),
            allowed: BTreeMap::new(),
            could: BTreeMap::new(),
        };
        for line in tally.lines() {
            let act = line.act;
            let verdict = verdicts.entry((&act.source, &act.name, act.read_only)).or_insert_with(|| {
                let call = Call { service: &act.source, operation: &act.name, read_only: act.read_only };
                Arc::new(classify(catalog, &call))
            });
            let verdict = if is_forwarded(act, verdict) {
                Arc::new(forwarded(act, verdict))
            } else {
                Arc::clone(verdict)
            };
            let watch = promises.about(line.actor);
            let whole = Judged {
                line,
                verdict,
                watch,
                allowed_by: None,
                lineage: None,
                is_unfollowed: this.is_unfollowed(act, watch),
                count: line.count,
                span: (line.first, line.last),
                part: None,
            };
            let behind = |part: Judged<'a>| this.behind(part, &lineages, &promises);
            for part in if whole.watch.is_none() { behind(whole) } else { vec![whole] } {
                this.judge(part, &lineages, &promises);
            }
        }
        this
    }

    /// Whether credentials were handed out that nobody can follow, against a promise of the user.
    fn is_unfollowed(&self, act: &Act, watch: Option<&Watch>) -> bool {
        watch.is_some_and(|watch| !watch.is_own()) && lineage::is_lost(act, self.config.lookup.watched_only)
    }

    /// Calls by the watched principal they began with; the same calls where that is their own one or nobody.
    fn behind(&self, whole: Judged<'a>, lineages: &Lineages, promises: &Promises<'a>) -> Vec<Judged<'a>> {
        let parts = lineages.of_line(&whole.line);
        if parts.is_empty() {
            return vec![whole];
        }
        let own = &whole.principal().arn;
        let part = |(lineage, slots): (Option<Arc<Lineage>>, Vec<Slot>)| {
            let part = whole.part(|slot| slots.binary_search(&slot).is_ok())?;
            let Some(lineage) = lineage.filter(|lineage| lineage.began_with != *own) else {
                return Some(part);
            };
            let watch = promises.behind(&lineage.began_with);
            let is_unfollowed = self.is_unfollowed(whole.line.act, watch);
            Some(Judged { watch, lineage: Some(lineage), is_unfollowed, ..part })
        };
        parts.into_iter().filter_map(part).collect()
    }

    fn judge(&mut self, whole: Judged<'a>, lineages: &Lineages, promises: &Promises<'a>) {
        if !whole.is_call() || whole.is_permitted() {
            self.judged.push(whole);
            return;
        }
        let (config, line, verdict) = (self.config, whole.line, Arc::clone(&whole.verdict));
        // An exception is one to a promise, so it must be about whoever gave that promise.
        let answerable = Arc::clone(whole.answerable());
        let matching = config.overrides.iter().enumerate().filter(|(_, candidate)| {
            candidate.applies(
                &answerable,
                &verdict.service,
                &verdict.operation,
                &line.act.resources,
                line.first,
            ) != Applies::No
        });
        // The override that lasts longest allows the most; of equal ones the first.
        let Some((position, allowing)) =
            matching.max_by_key(|(n, candidate)| (candidate.expires, std::cmp::Reverse(*n)))
        else {
            self.judged.push(whole);
            return;
        };
        let (before, after) = divide(whole, allowing.expires);
        // An exception to the promise of one principal excuses nobody who acts through it.
        let before = before.into_iter().flat_map(|before| match before.lineage {
            None => self.behind(before, lineages, promises),
            Some(_) => vec![before],
        });
        for mut allowed in before.collect::<Vec<_>>() {
            if allowed.lineage.as_ref().is_some_and(|lineage| lineage.began_with != answerable) {
                self.judge(allowed, lineages, promises);
                continue;
            }
            *self.allowed.entry(position).or_default() += allowed.count;
            let reason = format!("{} ({}): {}", allowing.id, allowing.owner, allowing.reason);
            allowed.verdict = Arc::new(Verdict::overridden(Verdict::clone(&verdict), &reason));
            allowed.allowed_by = Some(allowing);
            self.judged.push(allowed);
        }
        if let Some(expired) = after {
            *self.expired.entry(position).or_default() += expired.count;
            self.judged.push(expired);
        }
    }

    /// Judged API calls.
    pub fn calls(&self) -> impl Iterator<Item = &Judged<'a>> {
        self.judged.iter().filter(|judged| judged.is_call())
    }

    /// Judged API calls of watched principals.
    pub fn watched_calls(&self) -> impl Iterator<Item = &Judged<'a>> {
        self.calls().filter(|judged| judged.watch.is_some())
    }

    /// Those of them that speak for the promises of the user: of Onlooker's own roles what they should not have done alone.
    pub fn promised_calls(&self) -> impl Iterator<Item = &Judged<'a>> {
        self.watched_calls().filter(|judged| !judged.is_own() || !judged.is_permitted())
    }

    /// Promises that match no principal in the evidence. Onlooker's own roles may be idle.
    pub fn unseen(&self) -> impl Iterator<Item = &'a Watch> {
        let watched = self.judged.iter().filter(|judged| judged.watch.is_some());
        let seen: BTreeSet<&str> =
            watched.flat_map(|judged| [&**judged.answerable(), &*judged.principal().arn]).collect();
        let is_seen = move |watch: &Watch| seen.iter().any(|arn| matches(&watch.principal, arn));
        self.config.watch.iter().filter(move |watch| !watch.is_own() && !is_seen(watch))
    }

    /// Calls the score is over: those of watched principals, but for reads through a session that was assumed. Whoever was
    /// given credentials of a busy session would look better for it.
    pub fn scored_calls(&self) -> impl Iterator<Item = &Judged<'a>> {
        self.promised_calls().filter(|judged| judged.lineage.is_none() || !judged.is_permitted())
    }

    /// Score over these calls.
    pub fn compliance<'b>(calls: impl Iterator<Item = &'b Judged<'a>>) -> Compliance
    where
        'a: 'b,
    {
        let (permitted, calls) = calls.fold((0, 0), |(permitted, calls), judged| {
            (permitted + if judged.is_permitted() { judged.count } else { 0 }, calls + judged.count)
        });
        Compliance::of(permitted, calls)
    }

    /// Whether nothing is known to be missing from the evidence.
    pub fn is_complete(&self) -> bool {
        self.coverage.is_complete()
            && self.evidence.unreadable.is_empty()
            && self.evidence.missing_logs.is_empty()
            && self.evidence.conflicting == 0
    }

    /// Status of a set of watched calls: the worst effect, never better than the evidence.
    pub fn status<'b>(&self, calls: impl Iterator<Item = &'b Judged<'a>>) -> Status
    where
        'a: 'b,
    {
        let worst = calls.map(Judged::effect).max();
        let evidence = if self.is_complete() { Status::Compliant } else { Status::InsufficientEvidence };
        worst.map_or(Status::InsufficientEvidence, |worst| worst.max(evidence))
    }

    /// Overall status; `None` in a discovery. A promise for which nobody was seen is not proven.
    pub fn overall(&self) -> Option<Status> {
        if self.mode == Mode::Discovery {
            return None;
        }
        let mut status = self.status(self.watched_calls());
        let own =
            |judged: &&Judged<'_>| judged.watch.is_some() && !judged.is_own() && judged.lineage.is_none();
        let callers: BTreeSet<&Principal> = self.calls().filter(own).map(Judged::principal).collect();
        let silent = self.judged.iter().filter(own).any(|judged| !callers.contains(judged.principal()));
        if silent || self.unseen().next().is_some() || self.unidentified().next().is_some() {
            status = status.max(Status::InsufficientEvidence);
        }
        Some(status)
    }

    /// Calls that are not permitted, were not refused, and that nobody can be named for: any watched principal may have
    /// made them.
    pub fn unidentified(&self) -> impl Iterator<Item = &Judged<'a>> {
        self.calls().filter(|judged| {
            judged.principal().kind == PrincipalKind::Unknown
                && judged.watch.is_none()
                && !judged.is_permitted()
                && judged.outcome() != Outcome::Denied
        })
    }

    /// Risk of the watched principals; `None` in a discovery.
    pub fn risk(&self) -> Option<Risk> {
        if self.mode == Mode::Discovery {
            return None;
        }
        let mut exposure = Exposure {
            holes: self.coverage.missing_hours()
                + self.coverage.class_gaps().count() as u64
                + self.evidence.unreadable.values().sum::<u64>()
                + self.evidence.missing_logs.len() as u64
                + self.evidence.conflicting,
            ..Exposure::default()
        };
        for judged in self.promised_calls() {
            exposure.add(
                judged.operation_type(),
                judged.verdict.capabilities,
                judged.outcome(),
                judged.count,
            );
        }
        exposure.root =
            self.judged.iter().filter(|j| j.principal().kind == PrincipalKind::Root).map(|j| j.count).sum();
        exposure.outside_hours = crate::finding::outside_business_hours::count(self);
        Some(Risk::of(&exposure))
    }
}

/// Whether a service made this call in the principal's name to carry out another call of it: the use of a KMS key, such
/// as the `kms:Decrypt` within `secretsmanager:GetSecretValue`. The other call is judged; this one adds nothing.
fn is_forwarded(act: &Act, verdict: &Verdict) -> bool {
    const KEY_USES: [&str; 5] =
        ["Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "Encrypt", "DescribeKey"];
    let by_service = |name: &str| name.ends_with(".amazonaws.com") || name.ends_with(".amazonaws.com.cn");
    act.invoked_by.as_deref().is_some_and(by_service)
        && verdict.operation_type == OperationType::Privileged
        && verdict.mutates == Mutates::No
        && verdict.service == "kms"
        && KEY_USES.contains(&verdict.operation.as_str())
}

fn forwarded(act: &Act, verdict: &Verdict) -> Verdict {
    let service = act.invoked_by.as_deref().unwrap_or_default();
    Verdict {
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
fn divide<'a>(judged: Judged<'a>, at: Time) -> (Option<Judged<'a>>, Option<Judged<'a>>) {
    let ends_before = |slot: Slot| slot.end() < at;
    if judged.slots().iter().all(|(slot, _)| ends_before(*slot)) {
        return (Some(judged), None);
    }
    (judged.part(ends_before), judged.part(|slot| !ends_before(slot)))
}
