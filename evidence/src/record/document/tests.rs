//! Compares the fast parser with the slow one, and both with the written records.

use proptest::prelude::*;

use super::{
    super::{DigestWindow, read_log_file as read_object},
    *,
};
use crate::{
    event::Event,
    record::{Inflater, ReadLimits, RequestFeatures},
};

/// Everything that a visitor was passed.
#[derive(Debug, Default, PartialEq)]
struct Visited {
    events: Vec<Event>,
    insights: Vec<Fingerprint>,
    digest_windows: Vec<DigestWindow>,
    unreadable: Vec<UnreadablePiece>,
    delivery_facts: Vec<DeliveryFact>,
}

impl RecordVisitor for Visited {
    fn visit_record(&mut self, record: &Record<'_>, _: &[u8]) -> Result<(), RecordError> {
        self.events.push(Event::from_record(record)?);
        Ok(())
    }

    fn visit_insight(&mut self, identity: Fingerprint) {
        self.insights.push(identity);
    }

    fn visit_digest_window(&mut self, window: DigestWindow) {
        self.digest_windows.push(window);
    }

    fn visit_delivery_fact(&mut self, fact: DeliveryFact) {
        self.delivery_facts.push(fact);
    }

    fn visit_unreadable(&mut self, piece: UnreadablePiece) {
        self.unreadable.push(piece);
    }
}

impl Visited {
    fn of(text: &[u8], quickly: bool) -> Self {
        let mut visited = Self::default();
        read_document(text, None, text, quickly, &mut visited);
        visited
    }

    fn reasons(&self) -> Vec<UnreadableReason> {
        self.unreadable.iter().map(|piece| piece.error.reason).collect()
    }
}

fn visit(text: impl AsRef<[u8]>) -> Visited {
    let quick = Visited::of(text.as_ref(), true);
    assert_eq!(quick, Visited::of(text.as_ref(), false));
    quick
}

#[test]
fn lists_and_envelopes_say_how_events_were_delivered() {
    let record = record_json(1);
    let text = serde_json::Value::String(record.clone()).to_string();
    let page = |is_ascending, is_cut, has_event: bool| {
        let event = &visit(&record).events[0];
        DeliveryFact::ListingPage(crate::record::ListingPage {
            places: has_event
                .then(|| (event.actor.account.clone(), event.actor.region.clone()))
                .into_iter()
                .collect(),
            span: has_event.then_some((event.time, event.time)),
            is_ascending,
            is_cut,
        })
    };
    let form = DeliveryFact::Form;
    let (log_group, event_bridge) = (form(DeliveryForm::LogGroup), form(DeliveryForm::EventBridge));
    let log_event = form(DeliveryForm::LogEvent);
    let subscription = DeliveryFact::Form(DeliveryForm::Subscription {
        owner: "111122223333".into(),
        log_group: "trail".into(),
    });
    let named = r#""owner":"111122223333","logGroup":"trail""#;
    for (document, facts) in [
        (record.clone(), vec![]),
        (format!(r#"{{"Records":[{record}],"NextToken":"t"}}"#), vec![]),
        (format!(r#"{{"Events":[{{"CloudTrailEvent":{text}}}]}}"#), vec![page(false, false, true)]),
        (
            format!(r#"{{"Events":[{{"CloudTrailEvent":{text}}}],"NextToken":null}}"#),
            vec![page(false, false, true)],
        ),
        (
            format!(r#"{{"NextToken":"t","Events":[{{"CloudTrailEvent":{text}}}]}}"#),
            vec![page(false, true, true)],
        ),
        (r#"{"Events":[],"NextToken":"t"}"#.to_owned(), vec![page(false, true, false)]),
        (r#"{"events":[],"searchedLogStreams":[]}"#.to_owned(), vec![page(true, false, false)]),
        (r#"{"Events":[{"EventIdentifier":"of another service"}]}"#.to_owned(), vec![]),
        (
            format!(r#"{{"events":[{{"message":{text}}}],"nextToken":"t"}}"#),
            vec![page(true, true, true), log_group],
        ),
        (format!(r#"{{"message":{text}}}"#), vec![log_event.clone()]),
        (
            format!(r#"{{"messageType":"DATA_MESSAGE","logEvents":[{{"message":{text}}}]}}"#),
            vec![log_event.clone()],
        ),
        (
            format!(r#"{{"messageType":"DATA_MESSAGE",{named},"logEvents":[{{"message":{text}}}]}}"#),
            vec![subscription.clone()],
        ),
        (
            format!(r#"{{"logEvents":[{{"message":{text}}}],{named}}} {{"message":{text}}}"#),
            vec![log_event, subscription],
        ),
        (r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"message":"x"}]}"#.to_owned(), vec![]),
        (format!(r#"{{"detail-type":"x","detail":{record}}}"#), vec![event_bridge]),
    ] {
        assert_eq!(visit(&document).delivery_facts, facts, "{document}");
    }
}

fn record_json(id: u32) -> String {
    format!(
        r#"{{"eventVersion":"1.08","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::1:user/u"}},"eventTime":"2023-07-10T12:11:15Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"us-east-1","eventID":"{id}","readOnly":true,"recipientAccountId":"1"}}"#
    )
}

/// A message of a CloudWatch Logs subscription.
fn subscription(message_type: &str, messages: &[&str]) -> String {
    let events: Vec<_> = messages
        .iter()
        .map(|message| serde_json::json!({ "id": "1", "timestamp": 1, "message": message }))
        .collect();
    format!(
        r#"{{"messageType":"{message_type}","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":["f"],"logEvents":{}}}"#,
        serde_json::Value::from(events)
    )
}

#[test]
fn every_form_is_recognized_by_its_content() {
    let (a, b) = (record_json(1), record_json(2));
    let text = serde_json::Value::String(a.clone()).to_string();
    let envelope = format!(
        r#"{{"version":"0","detail-type":"AWS API Call via CloudTrail","account":"1","region":"r","resources":[],"detail":{a}}}"#
    );
    for (form, events) in [
        (format!(r#"{{"Records":[{a},{b}]}}"#), 2),
        (format!("{{\n \"Records\" : [ {a} ,\n {b} ]\n}}\n"), 2),
        (format!(r#"{{"x":{{}},"Records":[{a}],"y":1}}"#), 1),
        (format!(r#"{{"Events":[{{"EventId":"1","CloudTrailEvent":{text}}}],"NextToken":"n"}}"#), 1),
        (format!(r#"{{"NextToken":"n","Events":[{{"CloudTrailEvent":{text}}}]}}"#), 1),
        (envelope.clone(), 1),
        (format!("{envelope}\n{envelope}"), 2),
        (format!("[{envelope},{b}]"), 2),
        (format!("{a}\n{b}\n"), 2),
        (format!("{a}{b}"), 2),
        (format!("[{a},{b}]"), 2),
        (a.clone(), 1),
        (format!("[{text},{}]", serde_json::Value::String(format!(" {b}\n"))), 2),
        (format!("{text}\n{text}"), 2),
        (format!(r#"{{"EventId":"1","Username":"u","CloudTrailEvent":{text}}}"#), 1),
        (format!("{{\"EventId\":\"1\",\"CloudTrailEvent\":{text}}}\n{{\"CloudTrailEvent\":{text}}}\n"), 2),
        (format!(r#"[{{"Records":[{a}]}},{{"Records":[{b}]}},{{"Records":[]}}]"#), 2),
        (format!(r#"[[{{"Records":[{a}]}}],[{b},{text}]]"#), 3),
        (subscription("DATA_MESSAGE", &[&a, &b]), 2),
        (subscription("DATA_MESSAGE", &[&a]) + &subscription("DATA_MESSAGE", &[&b]), 2),
        (subscription("DATA_MESSAGE", &[&a]) + "\n" + &subscription("DATA_MESSAGE", &[&b]) + "\n", 2),
        (subscription("CONTROL_MESSAGE", &["CWL CONTROL MESSAGE: Checking health of destination"]), 0),
        // A record is read whatever the message says it is.
        (subscription("CONTROL_MESSAGE", &[&a, "text"]), 1),
        (
            format!(
                r#"{{"logEvents":[{{"message":"text"}},{{"message":{text}}}],"messageType":"CONTROL_MESSAGE"}}"#
            ),
            1,
        ),
        (
            format!(
                r#"{{"events":[{{"logStreamName":"s","timestamp":1,"message":{text},"eventId":"3"}}],"searchedLogStreams":[]}}"#
            ),
            1,
        ),
        (r#"{"events":[],"searchedLogStreams":[]}"#.into(), 0),
        (format!(r#"{{"timestamp":1,"message":{text}}}"#), 1),
        (
            format!(
                r#"[{a},{text},{envelope},{{"CloudTrailEvent":{text}}},{{"Records":[{a}]}},{{"Events":[{{"CloudTrailEvent":{text}}}]}},[{a}],{}]"#,
                subscription("DATA_MESSAGE", &[&a])
            ),
            8,
        ),
        (format!("\u{feff}{a}"), 1),
        (r#"{"Records":[]}"#.into(), 0),
    ] {
        let visited = visit(&form);
        assert_eq!((visited.events.len(), visited.unreadable.len()), (events, 0), "{form}");
    }
}

#[test]
fn insights_and_digests_are_recognized() {
    let seen = visit(
        r#"{"Records":[{"eventID":"i","eventCategory":"Insight"},{"eventType":"AwsCloudTrailInsight"}]}
        {"awsAccountId":"1","digestStartTime":"2023-07-10T12:00:00Z","digestEndTime":"2023-07-10T13:00:00Z","digestS3Object":"AWSLogs/1/CloudTrail-Digest/eu-west-1/2023/07/10/x.json.gz","logFiles":[]}
        {"awsAccountId":"1","digestStartTime":"2023-07-10T13:00:00Z","digestEndTime":"2023-07-10T14:00:00Z","logFiles":[{"s3Object":"AWSLogs/o/1/CloudTrail/eu-west-2/x"}]}"#,
    );
    assert_eq!((seen.insights.len(), seen.unreadable.len()), (2, 0), "{seen:?}");
    let regions: Vec<&str> = seen.digest_windows.iter().map(|window| &*window.region).collect();
    assert_eq!(regions, ["eu-west-1", "eu-west-2"]);
    let forged = r#"{"awsAccountId":"1","digestStartTime":"2013-07-10T12:00:00Z","digestEndTime":"2023-07-10T13:00:00Z","digestS3Object":"CloudTrail-Digest/r/x","logFiles":[]}"#;
    assert_eq!(visit(forged).reasons(), [UnreadableReason::BadValue]);
}

#[test]
fn aggregated_events_are_set_aside_unless_they_name_a_caller_or_a_call() {
    let aggregated = r#""eventId":"x","eventCategory":"Aggregated","eventType":"AwsAggregatedEvent","eventSource":"s3.amazonaws.com","summary":{}"#;
    let text = serde_json::Value::String(format!("{{{aggregated}}}")).to_string();
    for form in [
        format!(r#"{{"Records":[{{{aggregated}}}]}}"#),
        format!("{{{aggregated}}}"),
        format!("[{{{aggregated}}}]"),
        format!("[{text}]"),
        r#"{"eventType":"AwsAggregatedEvent"}"#.to_owned(),
        subscription("DATA_MESSAGE", &[&format!("{{{aggregated}}}")]),
    ] {
        let seen = visit(&form);
        assert_eq!((seen.events.len(), seen.insights.len(), seen.unreadable.len()), (0, 1, 0), "{form}");
    }
    let a = record_json(1);
    let call = a.replacen('{', r#"{"eventType":"AwsAggregatedEvent","eventCategory":"Aggregated","#, 1);
    assert_eq!(visit(format!(r#"{{"Records":[{call}]}}"#)).events.len(), 1);
    let nameless = call.replacen(r#""type":"IAMUser","arn":"arn:aws:iam::1:user/u""#, "", 1);
    assert_eq!(visit(format!(r#"{{"Records":[{nameless}]}}"#)).events.len(), 1);
}

#[test]
fn a_list_of_records_beside_another_form_is_ambiguous() {
    let (a, b) = (record_json(1), record_json(2));
    let beside = |list: &str| a.replacen('{', &format!("{{{list},"), 1);
    let text = serde_json::Value::String(b.clone());
    for (form, events) in [
        (beside(r#""Records":[]"#), 0),
        (beside(&format!(r#""Records":[{b}]"#)), 1),
        (beside(r#""Events":[]"#), 0),
        (beside(r#""events":[]"#), 0),
        (beside(&format!(r#""logEvents":[{{"message":{text}}}]"#)), 1),
        (format!(r#"{{"Records":[{b}],"eventVersion":"1.11"}}"#), 1),
        (format!(r#"{{"Records":[{b}],"digestStartTime":"x"}}"#), 1),
        (format!(r#"{{"detail-type":"x","Records":[{b}],"detail":{a}}}"#), 1),
        (format!(r#"{{"CloudTrailEvent":{text},"Records":[]}}"#), 0),
        // A list inside what should be one record.
        (format!(r#"{{"Records":[{},{b}]}}"#, beside(r#""Records":[]"#)), 1),
        (format!("[{},{b}]", serde_json::Value::String(beside(r#""events":[]"#))), 1),
        (format!(r#"{{"detail-type":"x","detail":{}}}"#, beside(r#""Records":[]"#)), 0),
        // Two forms without a list.
        (a.replacen('{', &format!(r#"{{"detail-type":"x","detail":{b},"#), 1), 0),
        (a.replacen('{', r#"{"digestStartTime":"x","digestEndTime":"x","#, 1), 0),
    ] {
        let seen = visit(&form);
        assert_eq!((seen.events.len(), seen.reasons()), (events, vec![UnreadableReason::BadValue]), "{form}");
    }
}

#[test]
fn an_insight_with_anything_about_a_caller_is_a_call() {
    let insight = record_json(1).replacen('{', r#"{"eventCategory":"Insight","#, 1);
    let with_identity = |identity: &str| {
        let record = insight.replacen(r#""type":"IAMUser","arn":"arn:aws:iam::1:user/u""#, identity, 1);
        let seen = visit(format!(r#"{{"Records":[{record}]}}"#));
        assert_eq!((seen.events.len() + seen.insights.len(), seen.unreadable.len()), (1, 0), "{record}");
        seen.events.len() == 1
    };
    assert!(!with_identity(""));
    for identity in [
        r#""type":"IAMUser""#,
        r#""arn":"arn:aws:iam::1:user/u""#,
        r#""userName":"jane""#,
        r#""principalId":"AIDAX""#,
        r#""accountId":"111122223333""#,
        r#""sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::1:role/r"}}"#,
        r#""sessionContext":{"sessionIssuer":{"userName":"r"}}"#,
    ] {
        assert!(with_identity(identity), "{identity}");
    }
}

#[test]
fn request_parameters_say_which_actions_a_request_needs() {
    let version = RequestFeatures::VERSION;
    for (parameters, expected) in [
        (r#"{"bucketName":"b","versionId":"v","key":"k"}"#, version),
        ("{ \"versionId\" :\n \"v\" }", version),
        (r#"{"version\u0049d":"v"}"#, version),
        (r#"{"versionId":"","versionId":"v","versionId":null}"#, version),
        (r#"{"versionId":{"versionId":["v"]}}"#, version),
        (r#"{"versionId":null}"#, RequestFeatures::empty()),
        (r#"{"key":{"versionId":"v"}}"#, RequestFeatures::empty()),
        (r#"{"key":"versionId"}"#, RequestFeatures::empty()),
        ("{}", RequestFeatures::empty()),
        ("null", RequestFeatures::empty()),
        (r#"["versionId"]"#, RequestFeatures::empty()),
        (r#""versionId""#, RequestFeatures::empty()),
        (r#"{"\ud800":1,"versionId":"v"}"#, RequestFeatures::empty()),
    ] {
        for name in ["\"requestParameters\":", "\"requestParameters\" : "] {
            let record = record_json(1).replacen('{', &format!("{{{name}{parameters},"), 1);
            let visited = visit(format!(r#"{{"Records":[{record}]}}"#));
            assert_eq!(visited.events.len(), 1, "{record}: {visited:?}");
            assert_eq!(visited.events[0].call_key.request_features, expected, "{record}");
        }
    }
}

#[test]
fn a_key_given_twice_makes_a_record_unreadable_and_is_named() {
    let (a, b) = (record_json(1), record_json(2));
    let full = a.replacen(
        r#""type":"IAMUser""#,
        r#""type":"AssumedRole","onBehalfOf":{"userId":"u"},"sessionContext":{"sourceIdentity":"me","sessionIssuer":{"arn":"arn:aws:iam::1:role/r"}}"#,
        1,
    );
    let full = full.replacen('{', r#"{"resources":[{"ARN":"x"},{"ARN":"y"}],"#, 1);
    assert_eq!(visit(format!(r#"{{"Records":[{full},{b}]}}"#)).events.len(), 2);
    for (key, first, second) in [
        ("eventName", r#""eventName":"GetObject""#, r#""eventName":"PutObject""#),
        ("eventName", r#""eventName":"GetObject""#, r#""event\u004eame":"PutObject""#),
        ("readOnly", r#""readOnly":true"#, r#""readOnly":true"#),
        ("readOnly", r#""readOnly":true"#, r#""readOnly" : false"#),
        ("readOnly", r#""readOnly":true"#, r#""readOnly":null"#),
        ("eventID", r#""eventID":"1""#, r#""eventID":"2""#),
        ("errorCode", r#""readOnly":true"#, r#""errorCode":null,"errorCode":"AccessDenied""#),
        ("userIdentity", r#""readOnly":true"#, r#""userIdentity":{}"#),
        ("requestParameters", r#""readOnly":true"#, r#""requestParameters":null,"requestParameters":{}"#),
        ("(another key)", r#""readOnly":true"#, r#""of my own":1,"of my own":2"#),
        ("arn", r#""arn":"arn:aws:iam::1:user/u""#, r#""arn":"arn:aws:iam::1:user/v""#),
        ("type", r#""arn":"arn:aws:iam::1:user/u""#, r#""type":"Root""#),
        ("sessionContext", r#""arn":"arn:aws:iam::1:user/u""#, r#""sessionContext":null"#),
        ("onBehalfOf", r#""arn":"arn:aws:iam::1:user/u""#, r#""onBehalfOf":{}"#),
        ("sourceIdentity", r#""sourceIdentity":"me""#, r#""sourceIdentity":"you""#),
        ("sessionIssuer", r#""sourceIdentity":"me""#, r#""sessionIssuer":{}"#),
        ("arn", r#""arn":"arn:aws:iam::1:role/r""#, r#""arn":"arn:aws:iam::1:role/s""#),
        ("userId", r#""userId":"u""#, r#""userId":"v""#),
        ("ARN", r#""ARN":"x""#, r#""ARN":"z""#),
    ] {
        let bad = full.replacen(first, &format!("{first},{second}"), 1);
        let text = serde_json::Value::String(bad.clone());
        for form in [
            format!(r#"{{"Records":[{bad},{b}]}}"#),
            format!("{bad}\n{b}"),
            format!("[{text},{b}]"),
            format!(r#"{{"Events":[{{"CloudTrailEvent":{text}}}]}}{b}"#),
            format!(r#"{{"detail-type":"t","detail":{bad}}}{b}"#),
            subscription("DATA_MESSAGE", &[&bad, &b]),
        ] {
            let seen = visit(&form);
            let errors: Vec<String> = seen.unreadable.iter().map(|piece| piece.error.to_string()).collect();
            assert_eq!(errors, [format!("a key is given twice: `{key}`")], "{form}");
            assert_eq!(seen.events.len(), 1, "{form}");
        }
    }
    let (a, b) = (serde_json::Value::String(a), serde_json::Value::String(b));
    let seen = visit(format!(r#"{{"Events":[{{"CloudTrailEvent":{a},"CloudTrailEvent":{b}}}]}}"#));
    assert_eq!((seen.events.len(), seen.reasons()), (0, vec![UnreadableReason::DuplicateKey]));
}

#[test]
fn text_in_json_that_is_not_a_record_is_unreadable() {
    let a = record_json(1);
    let cut = a.split_at(80).0;
    let both = format!(r#"{{"eventID":"1","CloudTrailEvent":{}}}"#, serde_json::Value::from(a.clone()));
    let deep = format!("{}{}", "[".repeat(20), "]".repeat(20));
    for (text, reason) in [
        (r#"["no record"]"#.to_owned(), UnreadableReason::NotCloudTrail),
        (r#"["{\"x\":1}"]"#.to_owned(), UnreadableReason::NotCloudTrail),
        (serde_json::json!([cut]).to_string(), UnreadableReason::BadJson),
        (serde_json::json!([format!("{a}{a}")]).to_string(), UnreadableReason::BadJson),
        (subscription("DATA_MESSAGE", &["START RequestId: 1"]), UnreadableReason::NotCloudTrail),
        (subscription("DATA_MESSAGE", &[cut]), UnreadableReason::BadJson),
        (subscription("CONTROL_MESSAGE", &[cut]), UnreadableReason::BadJson),
        (r#"{"logEvents":[{"id":"1"}]}"#.to_owned(), UnreadableReason::MissingField),
        (r#"{"logEvents":[5]}"#.to_owned(), UnreadableReason::WrongType),
        (r#"{"logEvents":{}}"#.to_owned(), UnreadableReason::NotCloudTrail),
        (
            r#"{"messageType":"DATA_MESSAGE","messageType":"CONTROL_MESSAGE","logEvents":[{"message":"x"}]}"#
                .to_owned(),
            UnreadableReason::NotCloudTrail,
        ),
        (
            format!(r#"{{"Events":[{{"CloudTrailEvent":{}}}]}}"#, serde_json::Value::from(cut)),
            UnreadableReason::BadJson,
        ),
        (both, UnreadableReason::BadValue),
        (deep, UnreadableReason::TooDeep),
    ] {
        let seen = visit(&text);
        assert_eq!((seen.events.len(), seen.reasons()), (0, vec![reason]), "{text}");
    }
    let whole = subscription("DATA_MESSAGE", &[&a, &a]);
    let seen = visit(whole.split_at(whole.len() - 40).0);
    assert_eq!((seen.events.len(), seen.reasons()), (1, vec![UnreadableReason::TruncatedJson]));
}

#[test]
fn a_bad_record_does_not_affect_the_others() {
    let (a, b) = (record_json(1), record_json(2));
    let long = "x".repeat(3_000);
    let deep = format!(r#"{{"eventID":"1","x":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    for (bad, reason) in [
        ("5".to_owned(), UnreadableReason::WrongType),
        ("{}".to_owned(), UnreadableReason::MissingField),
        (a.replace("\"eventID\":\"1\"", "\"eventID\":1"), UnreadableReason::WrongType),
        (a.replace("\"eventID\":\"1\"", "\"eventID\":null"), UnreadableReason::MissingField),
        (a.replace("2023-07", "2023-77"), UnreadableReason::BadValue),
        (a.replace("GetObject", &long), UnreadableReason::FieldTooLong),
        (a.replace("GetObject", r"\ud800"), UnreadableReason::BadValue),
        (a.replace("\"recipientAccountId\":\"1\"", "\"x\":0"), UnreadableReason::MissingField),
        (deep, UnreadableReason::TooDeep),
    ] {
        let visited = visit(format!(r#"{{"Records":[{a},{bad},{b}]}}"#));
        assert_eq!((visited.events.len(), visited.reasons()), (2, vec![reason]), "{:.200}", bad);
        assert_eq!(
            (visited.unreadable[0].offset, visited.unreadable[0].record_index),
            (13 + a.len() as u64, 1)
        );
    }
    let mut bytes = format!(r#"{{"Records":[{a},{b}]}}"#).into_bytes();
    let at = bytes.windows(3).position(|window| window == b"Get").unwrap();
    bytes[at] = 0xff;
    let visited = visit(&bytes);
    assert_eq!((visited.events.len(), visited.reasons()), (1, vec![UnreadableReason::BadUtf8]));
}

#[test]
fn records_before_damage_are_kept() {
    let (a, b) = (record_json(1), record_json(2));
    for (text, events, reason) in [
        (format!(r#"{{"Records":[{a},{b}"#), 2, UnreadableReason::TruncatedJson),
        (format!(r#"{{"Records":[{a},{}"#, b.split_at(50).0), 1, UnreadableReason::TruncatedJson),
        (format!(r#"{{"Records":[{a},{b} {b}]}}"#), 2, UnreadableReason::BadJson),
        (format!(r#"{{"Records":[{a},{{x}}]}}"#), 1, UnreadableReason::BadJson),
        (format!("{a}\n{}\n{b}", a.split_at(80).0), 2, UnreadableReason::BadJson),
        (format!("{{\"Records\":[{a}\n{{\"Records\":[{b}]}}"), 2, UnreadableReason::BadJson),
        ("  ".into(), 0, UnreadableReason::Empty),
        ("not json".into(), 0, UnreadableReason::BadJson),
        ("42".into(), 0, UnreadableReason::NotCloudTrail),
        (r#"{"configurationItems":[]}"#.into(), 0, UnreadableReason::NotCloudTrail),
    ] {
        let visited = visit(&text);
        assert_eq!((visited.events.len(), visited.reasons()), (events, vec![reason]), "{text}");
    }
}

#[test]
fn unclosed_lines_are_parsed_once() {
    let text = "{\"a\":[\n".repeat(50_000);
    assert_eq!(visit(&text).reasons(), [UnreadableReason::TruncatedJson]);
    assert_eq!(visit(text + "x").reasons(), [UnreadableReason::BadJson]);
}

#[test]
fn a_damaged_file_is_one_more_unreadable_piece() {
    let text = format!(r#"{{"Records":[{}]}}"#, record_json(1));
    let mut visit = Visited::default();
    let limits = ReadLimits { max_inflated_bytes: text.len() - 10 };
    read_object(text.as_bytes(), limits, &mut Inflater::default(), &mut visit);
    assert_eq!((visit.events.len(), visit.reasons()), (0, vec![UnreadableReason::TooLarge]));
}

/// Values of any type, also unusual ones, as text.
fn any_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => Just(r#""text""#.to_owned()),
        1 => Just("null".to_owned()),
        1 => Just("true".to_owned()),
        1 => Just(r#""false""#.to_owned()),
        1 => any::<f64>().prop_map(|number| format!("{number:e}")),
        1 => "-?[0-9.eE+-]{1,6}",
        2 => "\"[a-zA-Z0-9:/ é\u{1F600}-]{0,80}\"",
        1 => r#""(\\["\\/bfnrtu]|\\u[0-9a-fA-F]{4}|[a-z]){0,12}""#,
        1 => Just(r#""2023-07-10T12:11:15Z""#.to_owned()),
        1 => Just(r#""f0cce5bc-5f9e-4ee1-bb48-e20fecb32403""#.to_owned()),
        1 => Just(r#""AssumedRole""#.to_owned()),
        1 => Just(r#""arn:aws:sts::123456789012:assumed-role/r/s""#.to_owned()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let key = prop::sample::select(&KEYS[..]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec((key, inner), 0..5).prop_map(|all| object_json(&all, "")),
        ]
    })
}

const KEYS: [&str; 44] = [
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "requestParameters",
    "versionId",
    "tags",
    "x-amz-acl",
    "responseElements",
    "requestID",
    "eventID",
    "readOnly",
    "resources",
    "eventType",
    "managementEvent",
    "recipientAccountId",
    "eventCategory",
    "tlsDetails",
    "sessionCredentialFromConsole",
    "type",
    "principalId",
    "arn",
    "ARN",
    "accountId",
    "userName",
    "sessionContext",
    "sessionIssuer",
    "sourceIdentity",
    "onBehalfOf",
    "userId",
    "invokedBy",
    "Records",
    "Events",
    "CloudTrailEvent",
    "detail",
    "detail-type",
    r"event\u0049D",
    "x",
];

fn object_json(fields: &[(&str, String)], blank: &str) -> String {
    let fields: Vec<String> =
        fields.iter().map(|(key, value)| format!("{blank}\"{key}\"{blank}:{blank}{value}{blank}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// Records, most of them valid, with fields in any order, repeated or unusual.
fn any_records() -> impl Strategy<Value = Vec<String>> {
    let odd = (prop::sample::select(&KEYS[..]), any_value());
    let one = (any::<u8>(), prop::collection::vec(odd, 0..3), any::<prop::sample::Index>(), 0..8_u8);
    prop::collection::vec(one, 1..5).prop_map(|all| {
        let good = |(id, odd, at, blank): (u8, Vec<(&'static str, String)>, prop::sample::Index, u8)| {
            let mut fields = vec![
                ("eventVersion", r#""1.08""#.to_owned()),
                ("userIdentity", r#"{"type":"AssumedRole","principalId":"A:s","arn":"arn:aws:sts::123456789012:assumed-role/r/s","accountId":"123456789012","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::123456789012:role/p/r","accountId":"123456789012","userName":"r"},"attributes":{"creationDate":"2026-10-06T09:00:00Z","mfaAuthenticated":"false"}}}"#.to_owned()),
                ("eventTime", r#""2023-07-10T12:11:15Z""#.to_owned()),
                ("eventSource", r#""s3.amazonaws.com""#.to_owned()),
                ("eventName", format!(r#""Op{}""#, id % 3)),
                ("awsRegion", r#""us-east-1""#.to_owned()),
                ("errorCode", if id % 2 == 0 { "null" } else { r#""AccessDenied""# }.to_owned()),
                ("eventID", format!(r#""f0cce5bc-5f9e-4ee1-bb48-e20fecb324{id:02x}""#)),
                ("readOnly", (id % 5 == 0).to_string()),
                ("resources", r#"[{"ARN":"arn:aws:s3:::b","type":"AWS::S3::Object"}]"#.to_owned()),
                ("eventType", r#""AwsApiCall""#.to_owned()),
                ("recipientAccountId", r#""123456789012""#.to_owned()),
            ];
            for field in odd {
                fields.insert(at.index(fields.len() + 1), field);
            }
            object_json(&fields, if blank == 0 { " \n" } else { "" })
        };
        all.into_iter().map(good).collect()
    })
}

const EVENTBRIDGE_KEYS: [&str; 9] =
    ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"];

const LOOKUP_KEYS: [&str; 9] = [
    "EventId",
    "EventName",
    "ReadOnly",
    "AccessKeyId",
    "EventTime",
    "EventSource",
    "Username",
    "Resources",
    "CloudTrailEvent",
];

/// Each record in an envelope with these keys, of which one is left out, repeated or has an odd value.
fn in_envelopes(
    records: &[String],
    odd: &[(prop::sample::Index, String)],
    keys: &[&'static str],
    value: impl Fn(&str, &str) -> Option<String>,
) -> Vec<String> {
    let envelope = |(n, text): (usize, &String)| {
        let own = |key: &&'static str| (*key, value(key, text).unwrap_or_else(|| r#"["x"]"#.to_owned()));
        let mut fields: Vec<(&str, String)> = keys.iter().map(own).collect();
        if let Some((at, odd)) = odd.get(n) {
            let at = at.index(fields.len());
            match odd.len() % 4 {
                0 => drop(fields.remove(at)),
                1 => fields.push(fields[at].clone()),
                2 => fields[at].1.clone_from(odd),
                _ => fields.rotate_left(at),
            }
        }
        object_json(&fields, if n % 2 == 0 { "" } else { " " })
    };
    records.iter().enumerate().map(envelope).collect()
}

fn any_document() -> impl Strategy<Value = String> {
    let odd = prop::collection::vec((any::<prop::sample::Index>(), any_value()), 0..4);
    (any_records(), 0..13_u8, odd).prop_map(|(records, form, odd)| match form {
        0 | 1 => format!(r#"{{"Records":[{}]}}"#, records.join(",")),
        2 => format!("[{}]", records.join(" , ")),
        3 => records.join("\n"),
        4 => {
            let pages: Vec<String> = records
                .iter()
                .map(|text| format!(r#"{{"CloudTrailEvent":{}}}"#, serde_json::Value::String(text.clone())))
                .collect();
            format!(r#"{{"Events":[{}]}}"#, pages.join(","))
        }
        5 => serde_json::Value::from(records).to_string(),
        6 => {
            let texts: Vec<&str> = records.iter().map(String::as_str).collect();
            subscription("DATA_MESSAGE", &texts) + &subscription("CONTROL_MESSAGE", &texts)
        }
        7 => {
            let events: Vec<_> =
                records.iter().map(|text| serde_json::json!({ "eventId": "1", "message": text })).collect();
            format!(r#"{{"events":{},"searchedLogStreams":[]}}"#, serde_json::Value::from(events))
        }
        8 => {
            let lines: Vec<String> = records
                .iter()
                .map(|text| {
                    format!(
                        r#"{{"EventId":"1","CloudTrailEvent":{}}}"#,
                        serde_json::Value::from(text.clone())
                    )
                })
                .collect();
            lines.join("\n")
        }
        9 => {
            let files: Vec<String> =
                records.iter().map(|text| format!(r#"{{"Records":[{text}]}}"#)).collect();
            format!("[[{}],{}]", files.join(","), records.join(","))
        }
        10 => {
            let envelopes: Vec<String> = records
                .iter()
                .map(|text| format!(r#"{{"detail-type":"x","account":"1","detail":{text}}}"#))
                .collect();
            envelopes.join("\n")
        }
        11 => in_envelopes(&records, &odd, &EVENTBRIDGE_KEYS, |key, text| match key {
            "detail" => Some(text.to_owned()),
            "detail-type" | "account" | "region" => Some(r#""us-east-1""#.to_owned()),
            _ => None,
        })
        .join("\n"),
        _ => {
            let elements = in_envelopes(&records, &odd, &LOOKUP_KEYS, |key, text| {
                (key == "CloudTrailEvent").then(|| serde_json::Value::from(text).to_string())
            });
            format!(r#"{{"Events":[{}]}}"#, elements.join(","))
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_fast_parser_agrees_with_the_slow_one(document in any_document()) {
        prop_assert_eq!(Visited::of(document.as_bytes(), true), Visited::of(document.as_bytes(), false));
    }

    #[test]
    fn both_parsers_agree_on_damaged_text(
        document in any_document(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..4),
    ) {
        let mut bytes = document.into_bytes();
        for (at, byte, how) in damage {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes[at] = b"{}[]\",:\\\n 0"[usize::from(byte) % 11],
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
            if bytes.is_empty() {
                bytes.push(b' ');
            }
        }
        let quick = Visited::of(&bytes, true);
        prop_assert_eq!(&quick, &Visited::of(&bytes, false));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut visit = Visited::default();
        read_object(&bytes, ReadLimits::default(), &mut Inflater::default(), &mut visit);
        prop_assert!(!visit.unreadable.is_empty());
    }
}

/// Counts records, and is done after the first.
#[derive(Default)]
struct First(usize);

impl RecordVisitor for First {
    fn visit_record(&mut self, _: &Record<'_>, _: &[u8]) -> Result<(), RecordError> {
        self.0 += 1;
        Ok(())
    }

    fn visit_insight(&mut self, _: Fingerprint) {}

    fn visit_digest_window(&mut self, _: DigestWindow) {}

    fn visit_unreadable(&mut self, _: UnreadablePiece) {}

    fn is_done(&self) -> bool {
        self.0 > 0
    }
}

#[test]
fn nothing_is_read_after_a_visitor_is_done() {
    let records: Vec<String> = (1..=5).map(record_json).collect();
    let list = records.join(",");
    for text in [format!("{{\"Records\":[{list}]}}"), format!("[{list}]"), records.join("\n")] {
        for quickly in [true, false] {
            let mut first = First::default();
            read_document(text.as_bytes(), None, text.as_bytes(), quickly, &mut first);
            assert_eq!(first.0, 1, "{text}");
        }
        assert_eq!(visit(&text).events.len(), 5);
    }
}
