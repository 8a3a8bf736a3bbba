//! Verification of trails that the tests sign, untouched and tampered with.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use onlooker_core::{
    catalog::Catalog,
    config::{Config, Standard},
    controls::ControlPack,
    grants::PolicyHistory,
    jobs::{
        evaluation::EvaluationCriteria,
        gather::GatherOptions,
        sweep::{Exclusion, SweepOutcome, SweepTask, sweep},
        sweep_verification::SweepVerification,
        verify_trail::TrailReader,
    },
    log_integrity::{
        DigestIntegrity, DigestMetadata, IntegrityResult, IntegrityStatus, IntegritySummary, ProblemKind,
        PublicKeys, Selection, TrailIntegrity, VerificationTask, verify,
    },
    ports::ObjectMetadata,
    record::ReadLimits,
    report::{ReportResult, ReportRun},
    time::{HOUR_SECONDS, Time},
};
use onlooker_local::{rsa_signature::is_signature, sweep_state::SweepState};
use proptest::prelude::*;
use test_support::signed_trail::{
    ACCOUNT, ChainSpec, REGION, SignedTrail,
    signing::TestKey,
    tampering::{CASES, untouched, window},
    time,
};

/// A verification of a trail in memory.
struct Check<'a> {
    trail: &'a SignedTrail,
    since: Option<Time>,
    until: Option<Time>,
    now: Time,
    keys: PublicKeys,
    listed_regions: BTreeSet<String>,
    selection: Selection,
    has_metadata: bool,
    given: BTreeMap<String, DigestMetadata>,
}

impl<'a> Check<'a> {
    fn of(trail: &'a SignedTrail) -> Self {
        let (since, until, now) = window();
        Self {
            trail,
            since: Some(since),
            until: Some(until),
            now,
            keys: TestKey::cloudtrail().published(),
            listed_regions: BTreeSet::new(),
            selection: Selection::default(),
            has_metadata: true,
            given: BTreeMap::new(),
        }
    }

    fn run(self) -> TrailIntegrity {
        let options = GatherOptions { threads: 2, limits: ReadLimits::default(), hash_content: false };
        let metadata = self.has_metadata.then_some(self.trail as &dyn ObjectMetadata);
        let until = self.until.unwrap_or(self.now);
        let mut reader =
            TrailReader::open(self.trail, metadata, self.since, until, options, &|_, _| ()).unwrap();
        reader.files.add_metadata(self.given);
        let task = VerificationTask {
            since: self.since,
            until: self.until,
            now: self.now,
            selection: &self.selection,
            keys: &self.keys,
            listed_regions: &self.listed_regions,
            check: &is_signature,
        };
        let hashes = reader.hash_log_files(task, &|_, _| ());
        verify(&reader.files, &hashes, task)
    }
}

/// A sweep of the trail that verifies its log files, with the same window, clock and keys.
fn sweep_of(trail: &SignedTrail) -> SweepOutcome {
    let (since, until, now) = window();
    let pack = ControlPack::built_in(Standard::General).unwrap();
    let (config, no_signatures) = (Config::default(), BTreeMap::new());
    let task = SweepTask {
        criteria: EvaluationCriteria {
            config: &config,
            catalog: Catalog::embedded(),
            pack: &pack,
            policies: PolicyHistory::empty(),
            integrity: None,
        },
        since: Some(since),
        until: Some(until),
        gather_options: GatherOptions { threads: 2, limits: ReadLimits::default(), hash_content: false },
        spill: None,
        exclude: Exclusion::NONE,
        audit: None,
        reuses_report: false,
        verification: Some(SweepVerification {
            metadata: Some(trail),
            signatures: &no_signatures,
            keys: &|_| Ok((TestKey::cloudtrail().published(), BTreeSet::new())),
            check: &is_signature,
            now,
            progress: &|_, _| (),
        }),
    };
    sweep(trail, None::<&mut SweepState>, task, ReportRun::default(), &|_| ()).unwrap()
}

fn problems(result: &TrailIntegrity) -> Vec<ProblemKind> {
    let all = result.chains.iter().flat_map(|chain| &chain.digests).flat_map(|digest| &digest.problems);
    let kinds: BTreeSet<ProblemKind> = all.map(|problem| problem.kind).collect();
    kinds.into_iter().collect()
}

fn missing(result: &TrailIntegrity) -> Vec<String> {
    let digests = result.chains.iter().flat_map(|chain| &chain.digests);
    digests
        .filter(|digest| digest.problems.iter().any(|problem| problem.kind == ProblemKind::DigestMissing))
        .map(|digest| digest.until.to_string())
        .collect()
}

fn sorted(kinds: &[ProblemKind]) -> Vec<ProblemKind> {
    kinds.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn a_sweep_finds_what_a_verification_finds_in_every_case_of_tampering() {
    let mut faults = Vec::new();
    for case in CASES {
        let mut trail = untouched();
        (case.tamper)(&mut trail);
        let (_, until, _) = window();
        let verified = Check { until: Some(Time(until.0 + HOUR_SECONDS)), ..Check::of(&trail) };
        let verified = IntegritySummary::of(&verified.run());
        let report = sweep_of(&trail);
        let swept = report.integrity.unwrap();
        // The sweep expects no digest file in the hour after the period.
        let newest = trail.digests().last().is_some_and(|newest| newest.contains("T061530Z"));
        if newest && swept != verified {
            faults.push(format!("{}: {swept:#?} {verified:#?}", case.name));
        }
        let worst = swept.places.iter().flat_map(|place| &place.hours).map(|span| span.status).max();
        let gaps = report.report.result.coverage.integrity_gaps(|_| true);
        let is_as_expected = match case.result {
            // The signature of the digest file of the hour after the period is in its metadata alone.
            IntegrityResult::Verified if case.name == "metadata-of-all-digests-lost" => {
                worst == Some(IntegrityStatus::Unverified)
            }
            IntegrityResult::Verified => worst == Some(IntegrityStatus::Verified),
            IntegrityResult::Tampered => gaps.tampered > 0,
            IntegrityResult::Gap => gaps.missing > 0 || !newest,
            IntegrityResult::Unverified => worst == Some(IntegrityStatus::Unverified),
            IntegrityResult::NothingFound => worst.is_none(),
        };
        if !is_as_expected {
            faults.push(format!("{}: {worst:?} {gaps:?} {swept:#?}", case.name));
        }
        let ids = |result: &ReportResult| result.findings.iter().any(|one| one.id == "tampered-log-files");
        if ids(&report.report.result) != (case.result == IntegrityResult::Tampered) {
            faults.push(format!("{}: {:?}", case.name, report.report.result.findings));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_case_of_tampering_has_its_result_and_its_problems() {
    let mut faults = Vec::new();
    for case in CASES {
        let mut trail = untouched();
        (case.tamper)(&mut trail);
        let result = Check::of(&trail).run();
        let found = problems(&result);
        if result.result != case.result || found != sorted(case.problems) {
            faults.push(format!("{}: {:?} {found:?}", case.name, result.result));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(CASES.len() > 40);
}

#[test]
fn tampering_is_found_without_the_metadata_too() {
    for case in CASES.iter().filter(|case| !case.name.starts_with("signature-in-metadata")) {
        let mut trail = untouched();
        (case.tamper)(&mut trail);
        let result = Check { has_metadata: false, ..Check::of(&trail) }.run().result;
        let is_tampered = |result| result == IntegrityResult::Tampered;
        assert_eq!(is_tampered(result), is_tampered(case.result), "{}: {result:?}", case.name);
        assert!(result >= case.result, "{}: {result:?}", case.name);
    }
}

#[test]
fn a_signature_from_a_digest_file_that_was_tampered_with_accuses_no_other() {
    let mut trail = untouched();
    let digests = trail.digests();
    trail.set_field(&digests[2], "previousDigestSignature", serde_json::json!("00".repeat(256)));
    let result = Check { has_metadata: false, ..Check::of(&trail) }.run();
    let status = |n: usize| {
        let own = |digest: &&DigestIntegrity| digest.file.as_ref() == Some(&digests[n]);
        result.chains[0].digests.iter().find(own).unwrap().status
    };
    assert_eq!((status(2), status(1)), (IntegrityStatus::Tampered, IntegrityStatus::Unverified));
    assert_eq!(problems(&result), [ProblemKind::DigestSignature, ProblemKind::SignatureUnknown]);
}

#[test]
fn every_missing_digest_file_is_named_and_the_newest_is_held_against_the_clock() {
    let full = untouched();
    let digests = full.digests();
    let without = |gone: &[usize]| {
        let mut trail = full.clone();
        gone.iter().for_each(|n| trail.remove(&digests[*n]));
        trail
    };
    let two = Check::of(&without(&[2, 3])).run();
    assert_eq!(missing(&two), ["2026-10-05T03:15:30Z", "2026-10-05T04:15:30Z"]);
    let named: Vec<_> = two.chains[0].digests.iter().filter_map(|digest| digest.file.as_deref()).collect();
    assert!(named.contains(&&*digests[3]), "the following digest file names the last of them");
    // 08:00 less two hours: the digest file that ends at 06:15:30 is not overdue.
    let open = |trail: &SignedTrail, now| Check { until: None, now, ..Check::of(trail) }.run();
    let now = window().2;
    assert_eq!(open(&full, now).result, IntegrityResult::Verified);
    assert_eq!(open(&without(&[5]), now).result, IntegrityResult::Gap);
    assert_eq!(missing(&open(&without(&[5]), now)), ["2026-10-05T06:00:00Z"]);
    let later = open(&full, Time(now.0 + 2 * HOUR_SECONDS));
    assert_eq!(missing(&later), ["2026-10-05T07:15:30Z", "2026-10-05T08:00:00Z"]);
    // The clock decides nothing about a window that has ended.
    let past = Check { now: Time(now.0 + 100 * HOUR_SECONDS), ..Check::of(&full) }.run();
    assert_eq!(past.result, IntegrityResult::Verified);
}

#[test]
fn the_digest_files_that_overlap_the_window_are_verified_and_no_others() {
    let mut trail = untouched();
    let result = Check::of(&trail).run();
    let ends: Vec<_> = result.chains[0].digests.iter().map(|digest| digest.until.to_string()).collect();
    assert_eq!(ends.first().map(String::as_str), Some("2026-10-05T01:15:30Z"));
    assert_eq!(ends.last().map(String::as_str), Some("2026-10-05T05:15:30Z"));
    assert_eq!((result.totals.digests_verified, result.totals.log_files_verified), (5, 10));
    let last = trail.logs()[11].clone();
    trail.edit(&last, "ListBuckets", "DeleteBucket");
    assert_eq!(Check::of(&trail).run().result, IntegrityResult::Verified, "the log file is after the window");
    let until = Some(time("2026-10-05T06:00:00Z"));
    assert_eq!(Check { until, ..Check::of(&trail) }.run().result, IntegrityResult::Tampered);
}

#[test]
fn a_chain_that_ended_before_the_window_is_missing_in_it() {
    let key = TestKey::cloudtrail();
    let mut trail = untouched();
    let ended = ChainSpec { region: "us-east-1", ..ChainSpec::six_hours() };
    trail.deliver(&ChainSpec { start: time("2026-10-04T00:15:30Z"), ..ended }, &key);
    let result = Check::of(&trail).run();
    assert_eq!((result.result, missing(&result).len()), (IntegrityResult::Gap, 4));
    assert_eq!(result.totals.digests_verified, 5, "the digest file before the window is not counted");
    let regions = BTreeSet::from([REGION.to_owned()]);
    let selection = Selection { regions, ..Selection::default() };
    assert_eq!(Check { selection, ..Check::of(&trail) }.run().result, IntegrityResult::Verified);
}

#[test]
fn a_gap_of_decades_is_named_without_a_window_for_each_hour() {
    let trail = untouched();
    let result = Check { since: Some(Time(0)), ..Check::of(&trail) }.run();
    let windows = &result.chains[0].digests;
    assert!(windows.len() < 20_000 && result.hours.len() < 20_000, "{}", windows.len());
    assert!(windows.iter().zip(&windows[1..]).all(|(one, next)| one.until == next.from));
    assert_eq!(windows[0].from, Time(0));
}

#[test]
fn a_folder_without_metadata_is_verified_up_to_the_newest_digest_file() {
    let trail = untouched();
    let check = || Check { until: None, has_metadata: false, ..Check::of(&trail) };
    let result = check().run();
    assert_eq!(result.result, IntegrityResult::Unverified);
    assert_eq!((result.totals.digests_verified, result.totals.digests_unverified), (5, 1));
    assert_eq!(result.unknown_signatures, [trail.digests()[5].clone()]);
    assert_eq!(problems(&result), [ProblemKind::SignatureUnknown]);
    let newest = trail.digests()[5].clone();
    let metadata = DigestMetadata::from_object(&trail.objects[&newest].metadata);
    let given = BTreeMap::from([(format!("other/prefix/{newest}"), metadata)]);
    assert_eq!(Check { given, ..check() }.run().result, IntegrityResult::Verified);
}

#[test]
fn without_the_public_key_nothing_is_verified_and_the_key_is_named() {
    let trail = untouched();
    let result = Check { keys: PublicKeys::default(), ..Check::of(&trail) }.run();
    assert_eq!(result.result, IntegrityResult::Unverified);
    assert_eq!((result.totals.digests_verified, result.totals.log_files_verified), (0, 0));
    let key = &result.unknown_keys[0];
    assert_eq!((&*key.fingerprint, &*key.region), (&*TestKey::cloudtrail().fingerprint(), REGION));
    assert_eq!((key.first.to_string().as_str(), result.unknown_keys.len()), ("2026-10-05T01:15:30Z", 1));
    // Tampering is found all the same, if the digest file says otherwise.
    let mut changed = untouched();
    let log = changed.logs()[4].clone();
    changed.edit(&log, "ListBuckets", "DeleteBucket");
    let result = Check { keys: PublicKeys::default(), ..Check::of(&changed) }.run();
    assert_eq!(result.result, IntegrityResult::Tampered);
}

#[test]
fn a_key_that_cloudtrail_does_not_list_in_the_region_is_not_its_own() {
    let mut trail = SignedTrail::default();
    trail.deliver(&ChainSpec::six_hours(), &TestKey::other());
    let listed = |region: &str| BTreeSet::from([region.to_owned()]);
    let run = |listed_regions| Check { listed_regions, ..Check::of(&trail) }.run();
    let foreign = run(listed(REGION));
    assert_eq!(
        (foreign.result, problems(&foreign)),
        (IntegrityResult::Tampered, vec![ProblemKind::KeyForeign])
    );
    assert_eq!(foreign.unknown_keys, []);
    assert_eq!(
        run(listed("us-east-1")).result,
        IntegrityResult::Unverified,
        "each region has keys of its own"
    );
}

#[test]
fn a_key_that_was_not_valid_at_the_time_proves_nothing() {
    let trail = untouched();
    for (from, wanted) in [
        ("2026-10-07T00:00:00Z", IntegrityResult::Unverified),
        ("2026-10-05T12:00:00Z", IntegrityResult::Verified),
        ("2025-10-05T12:00:00Z", IntegrityResult::Verified),
        ("2025-10-03T00:00:00Z", IntegrityResult::Unverified),
    ] {
        let keys = TestKey::cloudtrail().published_from(time(from));
        assert_eq!(Check { keys, ..Check::of(&trail) }.run().result, wanted, "{from}");
    }
}

#[test]
fn accounts_regions_and_trails_are_chains_of_their_own() {
    let (key, base) = (TestKey::cloudtrail(), ChainSpec::six_hours());
    let mut trail = untouched();
    trail.deliver(&ChainSpec { region: "us-east-1", ..base.clone() }, &key);
    let organization = Some("o-exampleorg");
    let member = ChainSpec {
        account: "444455556666",
        organization,
        prefix: "logs/",
        trail: "org_trail",
        ..base.clone()
    };
    trail.deliver(&member, &key);
    let result = Check::of(&trail).run();
    assert_eq!((result.result, result.chains.len()), (IntegrityResult::Verified, 3));
    let chain = &result.chains[2];
    assert_eq!((&*chain.prefix, chain.organization.as_deref()), ("logs", organization));
    assert_eq!((&*chain.trail, &*chain.bucket), ("org_trail", "audit-logs"));
    // A chain that was named is missed, and what was not named does not count.
    let select = |accounts: &[&str], regions: &[&str]| Selection {
        accounts: accounts.iter().map(|one| (*one).to_owned()).collect(),
        regions: regions.iter().map(|one| (*one).to_owned()).collect(),
        trails: BTreeSet::new(),
    };
    let run = |selection| Check { selection, ..Check::of(&trail) }.run();
    assert_eq!(run(select(&[ACCOUNT], &["us-east-1"])).chains.len(), 1);
    let absent = run(select(&[ACCOUNT], &[REGION, "eu-central-1"]));
    assert_eq!((absent.result, missing(&absent).len()), (IntegrityResult::Gap, 4));
    assert_eq!(run(select(&["777788889999"], &[])).result, IntegrityResult::NothingFound);
    assert_eq!(run(select(&[], &["eu-north-1"])).result, IntegrityResult::NothingFound);
}

#[test]
fn backfill_digest_files_are_a_chain_without_an_hourly_rhythm() {
    let (key, base) = (TestKey::cloudtrail(), ChainSpec::six_hours());
    let mut trail = untouched();
    let late = ChainSpec {
        is_backfill: true,
        hours: 3,
        log_files_per_hour: 1,
        start: time("2026-10-05T01:15:30Z"),
        ..base
    };
    trail.deliver(&late, &key);
    let result = Check::of(&trail).run();
    assert_eq!((result.result, result.chains.len()), (IntegrityResult::Verified, 2));
    assert!(result.chains[1].is_backfill && result.chains[1].digests.len() == 3);
    let backfill: Vec<_> = trail.digests().into_iter().filter(|key| key.contains("_backfill")).collect();
    // The key of a backfill digest file is of the time at which the file was made.
    let mut old = trail.clone();
    for key in &backfill {
        let metadata = &mut old.objects.get_mut(key).unwrap().metadata;
        metadata.insert("backfill-generation-timestamp".to_owned(), "2027-12-01T00:00:00Z".to_owned());
    }
    assert_eq!(problems(&Check::of(&old).run()), [ProblemKind::KeyValidity]);
    let mut gap = trail.clone();
    gap.remove(&backfill[1]);
    let result = Check::of(&gap).run();
    assert_eq!(
        (result.result, missing(&result)),
        (IntegrityResult::Gap, vec!["2026-10-05T03:15:30Z".to_owned()])
    );
    trail.edit(&backfill[1], "SHA-256", "SHA-257");
    assert_eq!(Check::of(&trail).run().result, IntegrityResult::Tampered);
}

#[test]
fn log_files_that_no_digest_file_lists_are_named_unless_they_are_too_new() {
    let mut trail = untouched();
    let log = trail.logs()[4].clone();
    let planted = log.replace(".json", "X.json");
    trail.put(&planted, b"{}");
    trail.put(&log.replace("T0220Z", "T0614Z"), b"{}");
    trail.put(&log.replace("_eu-west-1_", "_eu-north-1_"), b"{}");
    trail.put(&log.replace("T0220Z", "T0020Z").replace(".json", "X.json"), b"{}");
    let result = Check { until: None, ..Check::of(&trail) }.run();
    assert_eq!(result.unlisted.files, [log.replace("_eu-west-1_", "_eu-north-1_"), planted]);
    assert_eq!((result.unlisted.count, result.unlisted.not_yet_listed), (2, 1));
    let hour = |text| result.hours.iter().find(|one| one.hour.start() == time(text)).unwrap().status;
    assert_eq!(hour("2026-10-05T02:00:00Z"), IntegrityStatus::Unverified);
    assert_eq!(hour("2026-10-05T03:00:00Z"), IntegrityStatus::Verified);
}

#[test]
fn each_hour_has_the_status_of_its_digest_files() {
    let statuses = |trail: &SignedTrail| -> Vec<IntegrityStatus> {
        Check::of(trail).run().hours.iter().map(|hour| hour.status).collect()
    };
    use IntegrityStatus::{Missing, Tampered, Verified};
    let mut trail = untouched();
    assert_eq!(statuses(&trail), [Verified; 4]);
    trail.remove(&trail.digests()[2]);
    assert_eq!(statuses(&trail), [Verified, Missing, Missing, Verified]);
    // A second trail of the account and region stands for the hours that the first lacks.
    trail.deliver(
        &ChainSpec { trail: "second", prefix: "second/", ..ChainSpec::six_hours() },
        &TestKey::cloudtrail(),
    );
    assert_eq!(statuses(&trail), [Verified; 4]);
    let last = trail.digests()[3].clone();
    trail.edit(&last, "SHA-256", "SHA-257");
    assert_eq!(statuses(&trail), [Verified, Verified, Verified, Tampered]);
}

#[test]
fn a_chain_that_begins_anew_is_said_and_leaves_no_gap_of_its_own() {
    let key = TestKey::cloudtrail();
    let mut trail = SignedTrail::default();
    let first = ChainSpec { hours: 2, ..ChainSpec::six_hours() };
    trail.deliver(&first, &key);
    let second = ChainSpec { hours: 3, start: time("2026-10-05T03:15:30Z"), ..ChainSpec::six_hours() };
    trail.deliver(&second, &key);
    let result = Check::of(&trail).run();
    assert_eq!(
        (result.result, missing(&result)),
        (IntegrityResult::Gap, vec!["2026-10-05T03:15:30Z".to_owned()])
    );
    let begins: Vec<_> = result.chains[0].begins_at.iter().map(ToString::to_string).collect();
    assert_eq!(begins, ["2026-10-05T00:15:30Z", "2026-10-05T03:15:30Z"]);
    let since = Some(time("2026-10-05T03:30:00Z"));
    assert_eq!(Check { since, ..Check::of(&trail) }.run().result, IntegrityResult::Verified);
}

#[test]
fn without_a_requested_start_each_chain_is_verified_from_its_oldest_digest_file() {
    let mut trail = untouched();
    let later = ChainSpec {
        region: "us-east-1",
        hours: 3,
        start: time("2026-10-05T03:15:30Z"),
        ..ChainSpec::six_hours()
    };
    trail.deliver(&later, &TestKey::cloudtrail());
    let result = Check { since: None, ..Check::of(&trail) }.run();
    assert_eq!(result.result, IntegrityResult::Verified);
    assert_eq!(result.window.since, Some(time("2026-10-05T00:15:30Z")));
    assert_eq!(Check::of(&trail).run().result, IntegrityResult::Gap);
}

#[test]
fn a_copy_of_a_log_file_under_a_second_root_is_compared_too() {
    let mut trail = untouched();
    let log = trail.logs()[4].clone();
    trail.objects.insert(format!("copy/{log}"), trail.objects[&log].clone());
    assert_eq!(Check::of(&trail).run().result, IntegrityResult::Verified);
    trail.edit(&format!("copy/{log}"), "ListBuckets", "DeleteBucket");
    assert_eq!(Check::of(&trail).run().result, IntegrityResult::Tampered);
}

#[test]
fn files_without_compression_are_verified() {
    let mut trail = untouched();
    let keys: Vec<String> = trail.objects.keys().cloned().collect();
    for key in keys {
        let text = trail.text(&key);
        let mut object = trail.objects.remove(&key).unwrap();
        object.bytes = text;
        trail.objects.insert(key.trim_end_matches(".gz").to_owned(), object);
    }
    assert_eq!(Check::of(&trail).run().result, IntegrityResult::Verified);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_byte_is_never_verified(file in 2..16_usize, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut trail = untouched();
        // The digest files 0 to 4 and the log files 0 to 9 are in the window.
        let key = if file < 6 { trail.digests()[file - 2].clone() } else { trail.logs()[file - 6].clone() };
        let mut text = trail.text(&key);
        let at = at.index(text.len());
        prop_assume!(text[at] != byte);
        text[at] = byte;
        trail.put(&key, &text);
        prop_assert_ne!(Check::of(&trail).run().result, IntegrityResult::Verified);
    }

    #[test]
    fn fewer_files_never_improve_the_result(gone in prop::collection::vec(any::<prop::sample::Index>(), 1..6), tampered in any::<bool>()) {
        let mut trail = untouched();
        if tampered {
            let log = trail.logs()[9].clone();
            trail.edit(&log, "ListBuckets", "DeleteBucket");
        }
        let before = Check::of(&trail).run();
        for index in gone {
            let keys: Vec<String> = trail.objects.keys().cloned().collect();
            trail.remove(index.get::<String>(&keys));
        }
        let after = Check::of(&trail).run();
        prop_assert!(after.totals.digests_verified <= before.totals.digests_verified);
        prop_assert!(after.totals.log_files_verified <= before.totals.log_files_verified);
        prop_assert!(tampered || after.result >= before.result);
    }
}
