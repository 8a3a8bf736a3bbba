//! What a query finds.

use super::*;

fn entries() -> Vec<AuditTrailEntry> {
    let names = ["PutObject", "DeleteBucket", "GetObject", "FrobnicateBucket"];
    let records: Vec<Value> = (0..64)
        .map(|n| {
            let time = format!("2026-11-{:02}T10:00:00Z", 1 + n % 20);
            let code = if n % 3 == 0 { json!("AccessDenied") } else { Value::Null };
            record(n, names[n as usize % 4], json!({ "eventTime": time, "errorCode": code }))
        })
        .collect();
    recorded(&config("[audit]\nlevel = \"all\"\n"), &records)
}

proptest! {
    #[test]
    fn a_query_finds_what_reading_everything_finds(
        since in proptest::option::of(1..21_u32), operation in proptest::option::of("s3:(Put|Delete|Get|F)\\*"),
        denied: bool, least in 0..4_usize, size in 1..9_usize,
    ) {
        let store = Objects::default();
        let trail = trail(&store, &format!("write_buffer_size = {size}"));
        let mut all = entries();
        all.push(note(3));
        for entry in &all {
            trail.add(entry, NOW).unwrap();
        }
        trail.flush(NOW).unwrap();
        let severities = [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High, RiskLevel::Critical];
        let query = AuditQuery {
            since: since.map(|day| Time::parse(&format!("2026-11-{day:02}T00:00:00Z")).unwrap()),
            operation,
            outcome: denied.then_some(Outcome::Denied),
            severity: (least > 0).then(|| severities[least]),
            ..AuditQuery::default()
        };
        let mut expected: Vec<AuditTrailEntry> = all.into_iter().filter(|entry| query.matches(entry)).collect();
        expected.sort_by_key(|entry| entry.timestamp);
        let mut reader = AuditReader::new(&store, 2, 2);
        for _ in 0..2 {
            let answer = reader.query(&query).unwrap();
            let found: Vec<AuditTrailEntry> = answer.entries.iter().map(|stored| stored.entry.clone()).collect();
            prop_assert_eq!(&found, &expected);
        }
    }
}

#[test]
fn a_call_that_was_read_twice_is_found_once() {
    let store = Objects::default();
    let entries = entries();
    for id in [CHAIN, OTHER_CHAIN] {
        let config = config("");
        let trail = AuditTrail::new(&store, &config.audit, config.standard, "test", id);
        trail.add_all(&entries, NOW).unwrap();
    }
    let answer = AuditReader::new(&store, 10, 2).query(&AuditQuery::default()).unwrap();
    assert_eq!((answer.entries.len(), answer.duplicates), (entries.len(), entries.len() as u64));
    let ids: BTreeSet<&str> = answer.entries.iter().map(|stored| stored.audit_id.as_str()).collect();
    assert_eq!(ids.len(), entries.len());
}

#[test]
fn a_damaged_batch_is_named_and_the_others_are_read() {
    let store = Objects::default();
    let trail = trail(&store, "write_buffer_size = 1");
    (0..3).for_each(|number| trail.add(&note(number), NOW).unwrap());
    let damaged = store.stored.lock().unwrap().keys().nth(1).unwrap().clone();
    store.stored.lock().unwrap().insert(damaged.clone(), b"no gzip".to_vec());
    let answer = AuditReader::new(&store, 10, 2).query(&AuditQuery::default()).unwrap();
    assert_eq!(answer.entries.len(), 2);
    assert!(answer.unreadable[0].contains(&damaged), "{:?}", answer.unreadable);
}

#[test]
fn what_was_written_lately_is_counted_from_the_headers() {
    let store = Objects::default();
    let day = 86_400;
    let hours_ago = |hours: u32| Time(NOW.0 - hours * 3_600);
    // A chain of each process: one that wrote two days ago, one that wrote in the last hours.
    for (id, times) in [(CHAIN, [hours_ago(48), hours_ago(30)]), (OTHER_CHAIN, [hours_ago(20), NOW])] {
        let config = config("");
        let trail = AuditTrail::new(&store, &config.audit, config.standard, "test", id);
        for time in times {
            trail.add_all(&entries(), time).unwrap();
        }
    }
    let counted = written_entries(&store, Time(NOW.0 - day), NOW).unwrap();
    assert_eq!((counted.counts.entries, counted.is_complete), (2 * entries().len() as u64, true));
    let all = written_entries(&store, Time(NOW.0 - 3 * day), NOW).unwrap();
    assert_eq!((all.batches, all.counts.entries), (4, 4 * entries().len() as u64));
    // The header is damaged, and the rest of it too.
    let damaged = store.stored.lock().unwrap().keys().last().unwrap().clone();
    store.stored.lock().unwrap().insert(damaged.clone(), b"damaged".to_vec());
    let counted = written_entries(&store, Time(NOW.0 - 3 * day), NOW).unwrap();
    assert_eq!((counted.is_complete, counted.counts.entries), (false, 3 * entries().len() as u64));
    assert!(counted.unreadable[0].contains(&damaged), "{:?}", counted.unreadable);
}
