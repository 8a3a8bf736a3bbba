//! Commands that fetch the records behind a finding.
//!
//! Enters: sample calls of a finding. Leaves: command lines. Law: each word of a line that comes from a record is a shell
//! word of letters, digits and `-`; where one is not, the line is left out, so pasting a line runs nothing else.

use crate::{
    render::escape::is_shell_word,
    report::AuditEntry,
    time::{HOUR_SECONDS, Time},
};

/// What a record says about its caller besides the identity.
const FIELDS: &str = "{eventTime, sourceIPAddress, userAgent, mfa: \
                      .userIdentity.sessionContext.attributes.mfaAuthenticated, requestParameters}";

/// Prints origin, user agent, MFA and parameters of one call, from the event history.
pub(super) fn one_event(call: &AuditEntry) -> Option<String> {
    are_words(&[&call.region, &call.event_id]).then(|| {
        format!(
            "aws cloudtrail lookup-events --region {} --lookup-attributes \
             AttributeKey=EventId,AttributeValue={} --query 'Events[].CloudTrailEvent' --output text | jq '{FIELDS}'",
            call.region, call.event_id
        )
    })
}

/// Lists all calls of the operation between two times in the Region of a call, from the event history.
pub(super) fn all_events(call: &AuditEntry, first: Time, last: Time) -> Option<String> {
    are_words(&[&call.region, &call.operation]).then(|| {
        // The end is exclusive to the second.
        let end = Time(last.0.saturating_add(1));
        format!(
            "aws cloudtrail lookup-events --region {} --start-time {first} --end-time {end} --lookup-attributes \
             AttributeKey=EventName,AttributeValue={} --query 'Events[].CloudTrailEvent' --output text",
            call.region, call.operation
        )
    })
}

/// Prints the record of a call from log files below the current directory. CloudTrail delivers a file within about an hour
/// of the call, so the file may be one of the next day.
pub(super) fn in_log_files(call: &AuditEntry) -> Option<String> {
    let day = |time: Time| time.timestamp().strftime("%Y/%m/%d").to_string();
    let (first, last) = (day(call.timestamp), day(Time(call.timestamp.0.saturating_add(HOUR_SECONDS))));
    let folder = |day: &str| format!("-path '*/{}/CloudTrail/{}/{day}/*'", call.account, call.region);
    let folders = match first == last {
        true => folder(&first),
        false => format!("\\( {} -o {} \\)", folder(&first), folder(&last)),
    };
    are_words(&[&call.account, &call.region, &call.event_id]).then(|| {
        format!(
            "find . {folders} -name '*.json.gz' -exec sh -c 'gzip -dc \"$1\"' _ {{}} \\; | jq '.Records[] | \
             select(.eventID == \"{}\")'",
            call.event_id
        )
    })
}

fn are_words(texts: &[&str]) -> bool {
    let is_plain = |text: &&str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    texts.iter().all(|text| is_shell_word(text) && is_plain(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn call() -> AuditEntry {
        sample::non_compliant().result.audit_entries.remove(0)
    }

    #[test]
    fn a_line_names_the_region_and_the_event() {
        let line = one_event(&call()).unwrap();
        assert!(
            line.starts_with("aws cloudtrail lookup-events --region us-east-1 --lookup-attributes "),
            "{line}"
        );
        assert!(line.contains("AttributeValue=3fa3a1c2-0000-4000-8000-0000000000a1 "), "{line}");
        let all = all_events(&call(), Time(0), Time(59)).unwrap();
        assert!(all.contains("--start-time 1970-01-01T00:00:00Z --end-time 1970-01-01T00:01:00Z "), "{all}");
    }

    #[test]
    fn the_folder_is_that_of_the_day_and_of_the_next_one_at_midnight() {
        let mut call = call();
        call.timestamp = Time::parse("2026-03-04T12:00:00Z").unwrap();
        let line = in_log_files(&call).unwrap();
        assert!(line.contains("-path '*/777788889999/CloudTrail/us-east-1/2026/03/04/*' -name"), "{line}");
        call.timestamp = Time::parse("2026-03-04T23:30:00Z").unwrap();
        assert!(in_log_files(&call).unwrap().contains("/2026/03/05/*' \\)"));
    }

    #[test]
    fn a_text_that_is_not_a_word_makes_no_line() {
        for text in ["$(reboot)", "a b", "';id;'", "--output", "a`b", "", "é", "a\nb", "a/b"] {
            let with_region = AuditEntry { region: text.into(), ..call() };
            let with_event = AuditEntry { event_id: text.into(), ..call() };
            let with_account = AuditEntry { account: text.into(), ..call() };
            let with_operation = AuditEntry { operation: text.into(), ..call() };
            for line in [
                one_event(&with_region),
                one_event(&with_event),
                in_log_files(&with_account),
                in_log_files(&with_event),
                all_events(&with_operation, Time(0), Time(1)),
            ] {
                assert_eq!(line, None, "{text:?}");
            }
        }
    }
}
