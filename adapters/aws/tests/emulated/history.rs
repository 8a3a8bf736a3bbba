//! The event history: pages, regions, other accounts.

use onlooker_aws::EventHistory;
use onlooker_core::{
    ports::{CloudTrailApi, LookupRequest, PortErrorKind},
    time::Time,
};
use serde_json::json;

use super::{ACCOUNT, Place, REGION, cloud::Cloud};

fn happened(cloud: &Cloud, account: &str, region: &str, time: u32) {
    let record = json!({ "eventID": format!("{account}-{region}-{time}") });
    cloud.state().happened(account, region, time, record);
}

const fn span<'a>(account: &'a str, region: &'a str, since: u32, until: u32) -> LookupRequest<'a> {
    LookupRequest { account, region, since: Time(since), until: Time(until), token: None }
}

#[test]
fn nothing_is_missed_between_the_last_second_and_the_end() {
    let place = Place::new();
    for time in [999, 1000, 1059, 1060, 1061] {
        happened(&place.cloud, ACCOUNT, REGION, time);
    }
    let trail = EventHistory::new(place.aws.clone(), ACCOUNT, None);
    let page = trail.lookup_events(span(ACCOUNT, REGION, 1000, 1060)).unwrap();
    let expected = [1060, 1059, 1000].map(|time| format!("{{\"eventID\":\"{ACCOUNT}-{REGION}-{time}\"}}"));
    assert_eq!((&*page.records, page.next_token), (&expected[..], None));
    // One second, and the moment in which it ends.
    assert_eq!(trail.lookup_events(span(ACCOUNT, REGION, 1059, 1060)).unwrap().records.len(), 2);
}

#[test]
fn pages_go_on_where_the_one_before_ended() {
    let place = Place::new();
    for time in 1000..1120 {
        happened(&place.cloud, ACCOUNT, REGION, time);
    }
    let trail = EventHistory::new(place.aws.clone(), ACCOUNT, None);
    let (mut token, mut pages) = (None, Vec::new());
    loop {
        let lookup = LookupRequest { token: token.as_deref(), ..span(ACCOUNT, REGION, 1000, 2000) };
        let page = trail.lookup_events(lookup).unwrap();
        pages.push(page.records.len());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(pages, [50, 50, 20]);
    let wrong = LookupRequest { token: Some("1-2/50"), ..span(ACCOUNT, REGION, 1000, 2000) };
    assert_eq!(trail.lookup_events(wrong).unwrap_err().kind, PortErrorKind::InvalidToken);
}

#[test]
fn other_regions_and_accounts_are_asked_where_they_are() {
    let place = Place::new();
    let other = "444455556666";
    happened(&place.cloud, ACCOUNT, "us-east-1", 1000);
    happened(&place.cloud, other, REGION, 1000);
    let trail = EventHistory::new(place.aws.clone(), ACCOUNT, Some("reader".to_owned()));
    assert_eq!(trail.lookup_events(span(ACCOUNT, "us-east-1", 1000, 1001)).unwrap().records.len(), 1);
    for _ in 0..3 {
        assert_eq!(trail.lookup_events(span(other, REGION, 1000, 1001)).unwrap().records.len(), 1);
    }
    assert_eq!(place.cloud.count("AssumeRole"), 1, "credentials are kept");
    let asked = |(name, account, region): &(String, String, String)| {
        (name == "LookupEvents").then(|| format!("{account} {region}"))
    };
    let asked: Vec<String> = place.cloud.state().requests.iter().filter_map(asked).collect();
    assert_eq!(asked[0], format!("{ACCOUNT} us-east-1"));
    assert_eq!(asked[1..], [(); 3].map(|()| format!("{other} {REGION}")));
}

#[test]
fn a_role_that_may_not_be_assumed_is_named() {
    let place = Place::new();
    let trail = EventHistory::new(place.aws.clone(), ACCOUNT, Some("writer".to_owned()));
    let error = trail.lookup_events(span("444455556666", "cn-north-1", 1, 2)).unwrap_err();
    assert_eq!(error.kind, PortErrorKind::AccessDenied);
    let text = error.to_string();
    let role = "arn:aws-cn:iam::444455556666:role/writer";
    assert!(
        text.starts_with(&format!("cannot assume the role (sts:AssumeRole) `{role}`: AccessDenied: ")),
        "{text}"
    );
    let trail = EventHistory::new(place.aws.clone(), ACCOUNT, None);
    let error = trail.lookup_events(span("444455556666", REGION, 1, 2)).unwrap_err();
    assert!(error.to_string().contains("`lookup.role`"), "{error}");
}
