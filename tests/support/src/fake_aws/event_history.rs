//! A fake of CloudTrail's LookupEvents as documented: newest first, 50 a page, both ends of the span included.

use std::time::SystemTime;

use serde_json::{Value, json};

use onlooker_core::time::Time;

use super::{ACCOUNT, FakeAwsState, HttpRequest, HttpResponse};

/// An event in the history of an account and region.
#[derive(Clone, Debug)]
pub struct HistoryEvent {
    pub account: String,
    pub region: String,
    /// Seconds since 1970.
    pub time: u32,
    pub record: Value,
}

const PAGE_SIZE: usize = 50;

pub fn lookup_events(state: &FakeAwsState, request: &HttpRequest) -> HttpResponse {
    let asked = request.json();
    let (account, region) = (request.account(), request.region());
    let within = |event: &&HistoryEvent| {
        let after = |name: &str| asked[name].as_f64().map(|limit| f64::from(event.time) - limit);
        event.account == account
            && event.region == region
            && after("StartTime").is_none_or(|after| after >= 0.0)
            && after("EndTime").is_none_or(|after| after <= 0.0)
    };
    let mut found: Vec<&HistoryEvent> = state.events.iter().filter(within).collect();
    found.sort_by_key(|event| std::cmp::Reverse(event.time));
    // A token is bound to the request that returned it.
    let bound = format!("{}-{}", asked["StartTime"], asked["EndTime"]);
    let begin = match asked["NextToken"].as_str() {
        None => 0,
        Some(token) => match token.split_once('/') {
            Some((of, at)) if of == bound => at.parse().expect("a number"),
            _ => return HttpResponse::error(400, "InvalidNextTokenException", "The token is not valid"),
        },
    };
    let page: Vec<Value> = found
        .iter()
        .skip(begin)
        .take(PAGE_SIZE)
        .map(|event| json!({ "EventTime": event.time, "ReadOnly": "true", "CloudTrailEvent": event.record.to_string() }))
        .collect();
    let mut answer = json!({ "Events": page });
    if begin + PAGE_SIZE < found.len() {
        answer["NextToken"] = json!(format!("{bound}/{}", begin + PAGE_SIZE));
    }
    HttpResponse::json(200, &answer)
}

/// The current time of this machine, as the binaries under test read it: they look up only the last 90 days, so their
/// events cannot have fixed times. Take it once in a test and compute all times from it, as whole hours far enough in
/// the past that an hour or a day may end while the test runs.
pub fn machine_time() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970");
    Time(u32::try_from(since.as_secs()).expect("a time before 2106"))
}

/// The setting that watches the role of [`call_record`].
pub const WATCH_AUDITOR: (&str, &str) = ("ONLOOKER_WATCH", "arn:aws:iam::*:role/Auditor");

/// A record of a call by the role Auditor.
pub fn call_record(id: u32, time: Time, region: &str, name: &str) -> Value {
    let reads = name.starts_with("List");
    json!({
        "eventVersion": "1.09", "eventTime": time.to_string(), "eventSource": "s3.amazonaws.com",
        "eventName": name, "awsRegion": region, "eventID": format!("00000000-0000-4000-8000-{id:012}"),
        "eventType": "AwsApiCall", "recipientAccountId": ACCOUNT, "readOnly": reads, "managementEvent": true,
        "eventCategory": "Management", "sourceIPAddress": "192.0.2.1", "userAgent": "test",
        "userIdentity": {
            "type": "AssumedRole", "principalId": "AROA:s", "accountId": ACCOUNT,
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/Auditor/s"),
            "sessionContext": { "sessionIssuer": {
                "type": "Role", "principalId": "AROA", "accountId": ACCOUNT, "userName": "Auditor",
                "arn": format!("arn:aws:iam::{ACCOUNT}:role/Auditor"),
            } },
        },
    })
}
