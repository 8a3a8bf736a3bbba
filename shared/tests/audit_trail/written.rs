//! How entries are written: faults of the store, many writers, limits.

use super::*;

fn messages(store: &Objects) -> Vec<String> {
    let answer = AuditReader::new(store, 10, 2).query(&AuditQuery::default()).unwrap();
    assert_eq!(answer.unreadable, [] as [String; 0]);
    answer.entries.iter().filter_map(|stored| stored.entry.message.clone()).collect()
}

#[test]
fn a_batch_that_failed_is_written_again_and_nothing_is_lost_or_doubled() {
    for (fails, loses) in [([0, 1].as_slice(), [].as_slice()), (&[], &[0]), (&[0], &[1, 3])] {
        let store = Objects {
            fails: fails.iter().copied().collect(),
            loses: loses.iter().copied().collect(),
            ..Objects::default()
        };
        let trail = trail(&store, "write_buffer_size = 3");
        for number in 0..20 {
            drop(trail.add(&note(number), NOW));
        }
        while trail.flush(NOW).is_err() {}
        let expected: Vec<String> = (0..20).map(|number| format!("run {number}")).collect();
        assert_eq!(messages(&store), expected, "{fails:?} {loses:?}");
        assert_eq!(verify_trail(&store, None, &|_, _| ()).unwrap().problems, []);
    }
}

#[test]
fn twenty_writers_lose_nothing() {
    let store = Objects::default();
    let trail = trail(&store, "write_buffer_size = 7");
    std::thread::scope(|scope| {
        for writer in 0..20 {
            let trail = &trail;
            scope.spawn(move || {
                for number in 0..100 {
                    let entry = note(writer * 100 + number);
                    if number % 2 == 0 { trail.add(&entry, NOW) } else { trail.add_durably(&entry, NOW) }
                        .unwrap();
                }
            });
        }
    });
    trail.flush(NOW).unwrap();
    let found: BTreeSet<String> = messages(&store).into_iter().collect();
    assert_eq!(found.len(), 2_000);
    let verified = verify_trail(&store, None, &|_, _| ()).unwrap();
    assert_eq!((verified.entries, verified.problems), (2_000, Vec::new()));
}

#[test]
fn an_entry_that_was_added_durably_is_stored() {
    let store = Objects::default();
    let trail = trail(&store, "");
    trail.add_durably(&note(1), NOW).unwrap();
    assert_eq!(messages(&store), ["run 1"]);
    trail.add(&note(2), NOW).unwrap();
    assert_eq!(messages(&store), ["run 1"], "the buffer is not full");
    trail.add(&note(3), Time(NOW.0 + 3)).unwrap();
    assert_eq!(messages(&store).len(), 3, "the buffer is three seconds old");
}

#[test]
fn a_trail_that_cannot_be_written_takes_no_entries_without_end() {
    let store = Objects { fails: (0..1_000).collect(), ..Objects::default() };
    let trail = trail(&store, "write_buffer_size = 1\nmax_memory_events = 100");
    let outcomes: Vec<_> = (0..110).map(|number| trail.add(&note(number), NOW)).collect();
    assert!(outcomes.iter().all(Result::is_err));
    assert!(matches!(outcomes[109], Err(AuditError::Full { entries: 100 })), "{:?}", outcomes[109]);
}

#[test]
fn what_gathers_while_the_store_fails_is_stored_in_batches_that_can_be_read() {
    let store = Objects { fails: (0..2).collect(), ..Objects::default() };
    let trail = trail(&store, "write_buffer_size = 10000\nwrite_flush_interval = 300");
    let large = AuditTrailEntry { message: Some("x".repeat(1 << 20)), ..note(0) };
    for _ in 0..70 {
        trail.add(&large, NOW).unwrap();
    }
    trail.add(&note(1), NOW).unwrap();
    trail.flush(NOW).unwrap_err();
    trail.flush(NOW).unwrap_err();
    trail.flush(NOW).unwrap();
    let verified = verify_trail(&store, None, &|_, _| ()).unwrap();
    assert_eq!((verified.entries, verified.problems), (71, Vec::new()));
    assert_eq!(store.list("").unwrap().len(), 2);
    trail.flush(NOW).unwrap();
    assert_eq!(store.list("").unwrap().len(), 2, "nothing is stored twice");
}

#[test]
fn another_writer_of_the_chain_is_found() {
    let store = Objects::default();
    let (first, second) = (trail(&store, ""), trail(&store, ""));
    first.add_durably(&note(1), NOW).unwrap();
    assert!(matches!(second.add_durably(&note(2), NOW), Err(AuditError::Forked { .. })));
}

#[test]
fn a_rate_limit_counts_what_it_does_not_write() {
    let store = Objects::default();
    let trail = trail(&store, "rate_limit = 3");
    let entries =
        recorded(&config(""), &(0..10).map(|n| record(n, "PutObject", json!({}))).collect::<Vec<_>>());
    for entry in &entries {
        trail.add(entry, NOW).unwrap();
    }
    trail.flush(NOW).unwrap();
    let limited =
        "7 more entries of arn:aws:iam::111122223333:role/Auditor were not written (`audit.rate_limit`)";
    assert_eq!(messages(&store), [limited]);
    assert_eq!(verify_trail(&store, None, &|_, _| ()).unwrap().entries, 4);
}
