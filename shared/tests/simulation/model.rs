//! The slow model: what is known, read at once, without a table, a store or an index.
//!
//! Enters: log files, looked-up calls and spans. Leaves: the report on a window, or the best status that may be claimed. Laws: of the
//! state of the functions it uses the spans that they looked up, and nothing else; more evidence without violations never makes its
//! status worse than the functions may claim.

use std::{collections::BTreeSet, sync::OnceLock};

use onlooker_core::{
    catalog::Catalog,
    config::Standard,
    controls::ControlPack,
    evidence_summary::{EvidenceSummary, ReportScope},
    grants::PolicyHistory,
    jobs::{
        evaluation::{EvaluationCriteria, evaluate},
        evidence::{CollectedEvidence, EvidenceInputs},
        gather::read_object,
        history::AccountRegion,
        publish::ReportWindow,
    },
    record::{DigestWindow, ReadLimits},
    report::{Report, ReportRun},
    score::Status,
    segment::{Segment, SegmentBuilder},
    time::Time,
};
use serde_json::{Value, json};

use super::{
    records::{ACCOUNT, REGION},
    workload::Workload,
};

/// What is known at a time.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Log files and digest files that were read.
    pub files: BTreeSet<String>,
    /// Calls that were looked up.
    pub calls: BTreeSet<u32>,
    /// Spans that were looked up.
    pub spans: BTreeSet<(Time, Time)>,
    /// Calls that are left out.
    pub without: BTreeSet<u32>,
    /// Digest files of which the lists are left out.
    pub without_lists: BTreeSet<String>,
}

/// What reports are evaluated with.
pub fn criteria(workload: &Workload) -> EvaluationCriteria<'_> {
    static PACK: OnceLock<ControlPack> = OnceLock::new();
    EvaluationCriteria {
        config: &workload.config,
        catalog: Catalog::embedded(),
        pack: PACK.get_or_init(|| ControlPack::built_in(Standard::General).unwrap()),
        policies: PolicyHistory::empty(),
        integrity: None,
    }
}

/// The report on a window.
pub fn report(workload: &Workload, evidence: &Evidence, window: ReportWindow) -> Report {
    let span = (window.since, window.until);
    let scope = ReportScope::between(Some(window.since), Some(window.until));
    let summary = EvidenceSummary::from_segment(segment(workload, evidence), scope);
    let collected = CollectedEvidence {
        summary,
        inputs: EvidenceInputs::default(),
        removed_before: None,
        restored: Vec::new(),
    };
    let mut collected =
        collected.expect_account_regions(&[AccountRegion::new(ACCOUNT, REGION)], &workload.config, span);
    collected.summary.incomplete_hours.retain(|shard| window.period().from <= shard.hour);
    evaluate(collected.summary, criteria(workload), ReportRun::default()).unwrap()
}

/// The status of that report.
pub fn status(workload: &Workload, evidence: &Evidence, window: ReportWindow) -> Status {
    report(workload, evidence, window).result.summary.overall_compliance.unwrap()
}

fn segment(workload: &Workload, evidence: &Evidence) -> Segment {
    let mut records: Vec<&Value> = Vec::new();
    let mut of_trail = Vec::new();
    for name in &evidence.files {
        let file = workload.file(name);
        let counted = file.calls.iter().filter(|number| !evidence.without.contains(number));
        let counted = counted.map(|number| &workload.calls[number]);
        records.extend(
            counted.filter(|call| workload.counts_log_files(call.time.hour())).map(|call| &call.record),
        );
        if file.calls.is_empty() {
            let lists = !evidence.without_lists.contains(name);
            of_trail.push((read_object(name, &file.bytes, ReadLimits::default()).segment, lists));
        }
    }
    let counted = evidence.calls.difference(&evidence.without).map(|number| &workload.calls[number]);
    records
        .extend(counted.filter(|call| !workload.counts_log_files(call.time.hour())).map(|call| &call.record));
    let text = json!({ "Records": records }).to_string();
    let mut builder =
        SegmentBuilder::from(read_object("all", text.as_bytes(), ReadLimits::default()).segment);
    let cut = workload.config.delivery.authoritative_from;
    let windows = of_trail
        .iter()
        .flat_map(|(segment, lists)| segment.digest_windows().iter().map(move |one| (one, *lists)));
    for (window, lists) in windows {
        let Some(cut) = cut else { continue };
        let is_counted = |(first, last): &&(Time, Time)| lists && *first.min(last) >= cut;
        let window = DigestWindow {
            start: window.start.max(cut),
            log_files: window.log_files.iter().filter(is_counted).copied().collect(),
            ..window.clone()
        };
        if window.start < window.end {
            builder.push_digest_window(window);
        }
    }
    for (start, end) in &evidence.spans {
        let end = cut.map_or(*end, |cut| cut.min(*end));
        if *start < end {
            let (account, region) = (ACCOUNT.into(), REGION.into());
            builder.push_digest_window(DigestWindow {
                account,
                region,
                start: *start,
                end,
                log_files: [].into(),
            });
        }
    }
    builder.finish()
}
