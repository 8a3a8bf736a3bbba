//! What a verification finds.

use super::*;

#[test]
fn an_intact_trail_has_no_problem() {
    let found = verified(&sealed_trail());
    assert_eq!(found.problems, []);
    assert_eq!((found.chains.len(), found.batches, found.entries, found.seals), (2, 10, 20, 2));
    assert_eq!(found.unprotected_entries, 0);
    let unsealed = verified(&objects(&chain(CHAIN, 5)));
    assert_eq!(unsealed.unprotected_entries, 2, "the last batch");
}

fn inflate(bytes: &[u8]) -> String {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(bytes), &mut text).unwrap();
    text
}

fn deflate(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn deflate_fast(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn every_way_to_change_a_trail_is_found_and_named() {
    use AuditProblemKind as Kind;
    type Change = Box<dyn Fn(&mut Trail)>;
    let forged = |sequence: usize, count: usize| -> Change {
        // An entry is changed, and the header and all batches after it are made again.
        Box::new(move |trail| {
            let mut batches = chain(CHAIN, 5);
            let lines: Vec<EntryLine> = (0..2).map(|n| EntryLine::of(&note(900 + n)).unwrap()).collect();
            for number in sequence..sequence + count {
                let previous =
                    if number == 0 { GENESIS.to_owned() } else { batches[number - 1].sha256.clone() };
                let written = Time(NOW.0 + number as u32 * 7_200);
                let same: Vec<EntryLine> =
                    (0..2).map(|n| EntryLine::of(&note(number as u32 * 2 + n)).unwrap()).collect();
                let content = if number == sequence { &lines } else { &same };
                batches[number] = seal_batch(
                    CHAIN,
                    number as u64,
                    &previous,
                    written,
                    &mut BatchCompressor::new(6),
                    content,
                );
            }
            trail.extend(objects(&batches));
        })
    };
    let change = |work: fn(&mut Trail)| -> Change { Box::new(work) };
    let table: Vec<(&str, Change, &[Kind])> = vec![
        (
            "bytes are flipped",
            change(|trail| trail.get_mut(&key(2)).unwrap()[40] ^= 1),
            &[Kind::Gap, Kind::Unreadable],
        ),
        (
            "a batch is truncated",
            change(|trail| trail.get_mut(&key(2)).unwrap().truncate(90)),
            &[Kind::Unreadable, Kind::Gap],
        ),
        (
            "an entry is edited",
            change(|trail| {
                let text = inflate(&trail[&key(2)]).replace("run 4", "run 5");
                trail.insert(key(2), deflate(&text));
            }),
            &[Kind::EntriesChanged, Kind::Gap],
        ),
        (
            "an entry is removed",
            change(|trail| {
                let text = inflate(&trail[&key(2)]);
                let cut = text.trim_end().rfind('\n').unwrap() + 1;
                trail.insert(key(2), deflate(&text[..cut]));
            }),
            &[Kind::EntriesChanged, Kind::Gap],
        ),
        (
            "a batch is compressed again",
            change(|trail| {
                let text = inflate(&trail[&key(2)]);
                trail.insert(key(2), deflate_fast(&text));
            }),
            &[Kind::BrokenLink],
        ),
        ("a batch is made again", forged(2, 1), &[Kind::BrokenLink]),
        ("a batch and all after it are made again", forged(2, 3), &[Kind::ChangedAfterSeal]),
        ("a batch is removed", change(|trail| drop(trail.remove(&key(2)))), &[Kind::Gap]),
        (
            "two batches are removed",
            change(|trail| {
                trail.remove(&key(1));
                trail.remove(&key(2));
            }),
            &[Kind::Gap],
        ),
        (
            "the first batch is removed",
            change(|trail| drop(trail.remove(&key(0)))),
            &[Kind::BeginningMissing],
        ),
        ("the last batch is removed", change(|trail| drop(trail.remove(&key(4)))), &[Kind::EndMissing]),
        (
            "a chain is removed",
            change(|trail| trail.retain(|key, _| !key.contains(CHAIN) || key.contains("seals"))),
            &[Kind::ChainMissing],
        ),
        (
            "two batches are exchanged",
            change(|trail| {
                let (one, two) = (trail[&key(1)].clone(), trail[&key(2)].clone());
                trail.insert(key(1), two);
                trail.insert(key(2), one);
            }),
            &[Kind::Moved, Kind::Gap],
        ),
        (
            "a batch is copied to another day",
            change(|trail| {
                let other = key(2).replace("dt=2026", "dt=2025");
                let copy = trail[&key(2)].clone();
                trail.insert(other, copy);
            }),
            &[Kind::Moved],
        ),
        (
            "another batch has the same number",
            change(|trail| {
                let batches = chain(CHAIN, 2);
                let lines = [EntryLine::of(&note(999)).unwrap()];
                let other = seal_batch(
                    CHAIN,
                    2,
                    &batches[1].sha256,
                    Time(NOW.0 + 200_000),
                    &mut BatchCompressor::new(6),
                    &lines,
                );
                trail.insert(other.key.to_string(), other.bytes);
            }),
            &[Kind::Fork],
        ),
        (
            "an object does not belong",
            change(|trail| drop(trail.insert("audit/notes.txt".to_owned(), b"x".to_vec()))),
            &[Kind::ForeignObject],
        ),
        (
            "a batch has another version",
            change(|trail| {
                let text = inflate(&trail[&key(2)]).replacen("\"version\":1", "\"version\":9", 1);
                trail.insert(key(2), deflate(&text));
            }),
            &[Kind::OtherVersion, Kind::Gap],
        ),
        (
            "a seal is removed",
            change(|trail| drop(trail.remove("audit/seals/0000000000.json"))),
            &[Kind::SealMissing],
        ),
        (
            "a seal is edited",
            change(|trail| {
                let seal = trail.get_mut("audit/seals/0000000000.json").unwrap();
                let mut edited: AuditSeal = serde_json::from_slice(seal).unwrap();
                edited.heads.clear();
                *seal = serde_json::to_vec(&edited).unwrap();
            }),
            &[Kind::SealMissing],
        ),
        (
            "a seal is not JSON",
            change(|trail| drop(trail.insert("audit/seals/0000000001.json".to_owned(), b"{".to_vec()))),
            &[Kind::SealUnreadable],
        ),
    ];
    for (name, change, expected) in table {
        let mut trail = sealed_trail();
        change(&mut trail);
        let found = verified(&trail);
        let kinds: BTreeSet<Kind> = found.problems.iter().map(|problem| problem.kind).collect();
        assert!(expected.iter().all(|kind| kinds.contains(kind)), "{name}: {:?}", found.problems);
        assert!(found.is_tampered() || found.is_incomplete(), "{name}");
    }
}

#[test]
fn a_gap_says_which_batches_are_missing() {
    let mut trail = sealed_trail();
    trail.remove(&key(1));
    trail.remove(&key(2));
    let [problem] = <[_; 1]>::try_from(verified(&trail).problems).unwrap();
    assert_eq!((problem.subject.as_str(), problem.detail.as_str()), (CHAIN, "batches 1 to 2 are missing"));
}

#[test]
fn hostile_batches_do_not_panic() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let bytes = proptest::collection::vec(any::<u8>(), 0..200);
    runner
        .run(&bytes, |bytes| {
            let trail =
                Trail::from([(key(0), bytes.clone()), (key(1), deflate(&String::from_utf8_lossy(&bytes)))]);
            prop_assert!(verified(&trail).is_tampered());
            Ok(())
        })
        .unwrap();
}
