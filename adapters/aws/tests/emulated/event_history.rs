//! `EventHistory` against a fake CloudTrail.
//!
//! Law: a lookup returns the events of its span, both ends included, page by page, from the region and account asked
//! for; an error names the role or the option that is missing.

use onlooker_aws::EventHistory;
use onlooker_core::{
    ports::{CloudTrailApi, LookupRequest, PortErrorKind},
    time::Time,
};
use serde_json::json;

use super::{ACCOUNT, AwsFixture, REGION, fake_aws::FakeAws};

fn add_event(cloud: &FakeAws, account: &str, region: &str, time: u32) {
    let record = json!({ "eventID": format!("{account}-{region}-{time}") });
    cloud.state().add_event(account, region, time, record);
}

const fn lookup<'a>(account: &'a str, region: &'a str, since: u32, until: u32) -> LookupRequest<'a> {
    LookupRequest { account, region, since: Time(since), until: Time(until), token: None }
}

#[test]
fn events_of_the_last_second_are_returned() {
    let fixture = AwsFixture::new();
    for time in [999, 1000, 1059, 1060, 1061] {
        add_event(&fixture.fake_aws, ACCOUNT, REGION, time);
    }
    let trail = EventHistory::new(fixture.aws.clone(), ACCOUNT, None);
    let page = trail.lookup_events(lookup(ACCOUNT, REGION, 1000, 1060)).unwrap();
    let expected = [1060, 1059, 1000].map(|time| format!("{{\"eventID\":\"{ACCOUNT}-{REGION}-{time}\"}}"));
    assert_eq!((&*page.records, page.next_token), (&expected[..], None));
    // The second asked for, and the second in which it ends: `EndTime` is inclusive.
    assert_eq!(trail.lookup_events(lookup(ACCOUNT, REGION, 1059, 1060)).unwrap().records.len(), 2);
}

#[test]
fn pages_continue_where_the_previous_one_ended() {
    let fixture = AwsFixture::new();
    for time in 1000..1120 {
        add_event(&fixture.fake_aws, ACCOUNT, REGION, time);
    }
    let trail = EventHistory::new(fixture.aws.clone(), ACCOUNT, None);
    let (mut token, mut pages) = (None, Vec::new());
    loop {
        let lookup = LookupRequest { token: token.as_deref(), ..lookup(ACCOUNT, REGION, 1000, 2000) };
        let page = trail.lookup_events(lookup).unwrap();
        pages.push(page.records.len());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(pages, [50, 50, 20]);
    let wrong = LookupRequest { token: Some("1-2/50"), ..lookup(ACCOUNT, REGION, 1000, 2000) };
    assert_eq!(trail.lookup_events(wrong).unwrap_err().kind, PortErrorKind::InvalidToken);
}

#[test]
fn lookups_go_to_the_requested_region_and_account() {
    let fixture = AwsFixture::new();
    let other = "444455556666";
    add_event(&fixture.fake_aws, ACCOUNT, "us-east-1", 1000);
    add_event(&fixture.fake_aws, other, REGION, 1000);
    let trail = EventHistory::new(fixture.aws.clone(), ACCOUNT, Some("reader".to_owned()));
    assert_eq!(trail.lookup_events(lookup(ACCOUNT, "us-east-1", 1000, 1001)).unwrap().records.len(), 1);
    for _ in 0..3 {
        assert_eq!(trail.lookup_events(lookup(other, REGION, 1000, 1001)).unwrap().records.len(), 1);
    }
    assert_eq!(fixture.fake_aws.request_count("AssumeRole"), 1, "credentials are cached");
    let asked = |(name, account, region): &(String, String, String)| {
        (name == "LookupEvents").then(|| format!("{account} {region}"))
    };
    let asked: Vec<String> = fixture.fake_aws.state().requests.iter().filter_map(asked).collect();
    assert_eq!(asked[0], format!("{ACCOUNT} us-east-1"));
    assert_eq!(asked[1..], [(); 3].map(|()| format!("{other} {REGION}")));
}

#[test]
fn a_role_that_cannot_be_assumed_is_named_in_the_error() {
    let fixture = AwsFixture::new();
    let trail = EventHistory::new(fixture.aws.clone(), ACCOUNT, Some("writer".to_owned()));
    let error = trail.lookup_events(lookup("444455556666", "cn-north-1", 1, 2)).unwrap_err();
    assert_eq!(error.kind, PortErrorKind::AccessDenied);
    let text = error.to_string();
    let role = "arn:aws-cn:iam::444455556666:role/writer";
    assert!(
        text.starts_with(&format!("cannot assume the role (sts:AssumeRole) `{role}`: AccessDenied: ")),
        "{text}"
    );
    let trail = EventHistory::new(fixture.aws.clone(), ACCOUNT, None);
    let error = trail.lookup_events(lookup("444455556666", REGION, 1, 2)).unwrap_err();
    assert!(error.to_string().contains("`lookup.role`"), "{error}");
}
