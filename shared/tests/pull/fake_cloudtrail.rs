//! A fake of CloudTrail's event history as the API reference describes it, on a millisecond clock.
//!
//! Events come newest first, a page at a time. A token is valid for the request that returned it, and for
//! `token_lifetime`. More than two requests a second in one account and region are throttled. An event is visible
//! once it is delivered.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use onlooker_core::{
    event::EventId,
    ports::{Clock, CloudTrailApi, LookupPage, LookupRequest, PortError, PortErrorKind},
    time::Time,
};

/// A millisecond clock that sleeping advances.
#[derive(Clone, Default)]
pub struct MillisecondClock {
    now: Arc<AtomicU64>,
    end: Arc<AtomicU64>,
}

impl MillisecondClock {
    pub fn set(&self, now: Time) {
        self.now.store(u64::from(now.0) * 1_000, Ordering::SeqCst);
    }

    pub fn millis(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    pub fn advance(&self, length: Duration) {
        self.now.fetch_add(u64::try_from(length.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Gives the job this long from now.
    pub fn set_remaining(&self, length: Duration) {
        self.end.store(self.millis() + u64::try_from(length.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for MillisecondClock {
    fn now(&self) -> Time {
        Time(u32::try_from(self.millis() / 1_000).unwrap())
    }

    fn remaining(&self) -> Duration {
        Duration::from_millis(self.end.load(Ordering::SeqCst).saturating_sub(self.millis()))
    }

    fn sleep(&self, length: Duration) {
        // Rounded up: a sleep never ends early.
        self.advance(length + Duration::from_micros(999));
    }
}

/// One event, or another record in its place.
#[derive(Clone, Debug)]
pub struct DelayedEvent {
    pub number: u32,
    pub time: Time,
    /// When it is delivered.
    pub visible_from: Time,
    pub record: String,
}

impl DelayedEvent {
    /// An event of a role, delivered after `delay` seconds.
    pub fn at(number: u32, time: Time, delay: u32, account_region: (&str, &str), role: &str) -> Self {
        let (account, region) = account_region;
        let record = format!(
            r#"{{"eventVersion":"1.11","userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::{account}:assumed-role/{role}/s","accountId":"{account}","sessionContext":{{"sessionIssuer":{{"type":"Role","arn":"arn:aws:iam::{account}:role/{role}","accountId":"{account}","userName":"{role}"}}}}}},"eventTime":"{time}","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","awsRegion":"{region}","eventID":"{}","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"{account}","eventCategory":"Management"}}"#,
            event_id(number)
        );
        Self { number, time, visible_from: Time(time.0 + delay), record }
    }
}

/// Event id of an event.
pub fn event_id(number: u32) -> EventId {
    EventId(u128::from(number) << 64 | 0x4000_0000_0000_0000_8000 << 48)
}

/// The failure of a request, by its number; `None` if it succeeds.
pub type FailureHook = Box<dyn Fn(u64) -> Option<PortErrorKind> + Send>;

struct FakeCloudTrailState {
    events: BTreeMap<(String, String), Vec<DelayedEvent>>,
    /// Times of the requests by account and region, throttled ones included.
    request_times: BTreeMap<(String, String), Vec<u64>>,
    recent_requests: BTreeMap<(String, String), VecDeque<u64>>,
    failure_hook: FailureHook,
    requests: u64,
    /// Requests above the limit.
    excess_requests: u64,
}

pub struct FakeCloudTrail {
    clock: MillisecondClock,
    state: Mutex<FakeCloudTrailState>,
    /// Records on a page.
    pub page_size: AtomicU64,
    /// Milliseconds a token is valid.
    pub token_lifetime: AtomicU64,
    /// Milliseconds a response takes.
    pub latency: AtomicU64,
    /// Called once, during the next request.
    pub interruption: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    pub interrupted: AtomicBool,
}

impl FakeCloudTrail {
    pub fn new(clock: MillisecondClock) -> Self {
        let state = FakeCloudTrailState {
            events: BTreeMap::new(),
            request_times: BTreeMap::new(),
            recent_requests: BTreeMap::new(),
            failure_hook: Box::new(|_| None),
            requests: 0,
            excess_requests: 0,
        };
        Self {
            clock,
            state: Mutex::new(state),
            page_size: 50.into(),
            token_lifetime: u64::MAX.into(),
            latency: 120.into(),
            interruption: Mutex::default(),
            interrupted: false.into(),
        }
    }

    pub fn add_event(&self, account_region: (&str, &str), event: DelayedEvent) {
        let key = (account_region.0.to_owned(), account_region.1.to_owned());
        self.state.lock().unwrap().events.entry(key).or_default().push(event);
    }

    pub fn fail_when(&self, hook: impl Fn(u64) -> Option<PortErrorKind> + Send + 'static) {
        self.state.lock().unwrap().failure_hook = Box::new(hook);
    }

    pub fn requests(&self) -> u64 {
        self.state.lock().unwrap().requests
    }

    /// Requests beyond two a second.
    pub fn excess_requests(&self) -> u64 {
        self.state.lock().unwrap().excess_requests
    }

    /// Least milliseconds between two requests in one account and region.
    pub fn shortest_request_interval(&self) -> Option<u64> {
        let state = self.state.lock().unwrap();
        state.request_times.values().flat_map(|asked| asked.windows(2).map(|two| two[1] - two[0])).min()
    }

    fn answer(&self, lookup: LookupRequest<'_>) -> Result<LookupPage, (PortErrorKind, &'static str)> {
        let account_region = (lookup.account.to_owned(), lookup.region.to_owned());
        let now = self.clock.millis();
        let mut state = self.state.lock().unwrap();
        let number = state.requests;
        state.requests += 1;
        state.request_times.entry(account_region.clone()).or_default().push(now);
        let recent = state.recent_requests.entry(account_region.clone()).or_default();
        recent.push_back(now);
        while recent.front().is_some_and(|first| first + 1_000 <= now) {
            recent.pop_front();
        }
        if recent.len() > 2 {
            state.excess_requests += 1;
            return Err((PortErrorKind::Throttled, "ThrottlingException"));
        }
        if let Some(kind) = (state.failure_hook)(number) {
            return Err((kind, "injected failure"));
        }
        if lookup.since >= lookup.until {
            return Err((PortErrorKind::Other, "InvalidTimeRangeException"));
        }
        let bound = format!("{} {}", lookup.since, lookup.until);
        let from = match lookup.token.map(|token| token.splitn(3, '|').collect::<Vec<_>>()) {
            None => 0,
            Some(parts) if parts[0] == bound => {
                let issued: u64 = parts[1].parse().unwrap();
                if now - issued > self.token_lifetime.load(Ordering::SeqCst) {
                    return Err((PortErrorKind::InvalidToken, "ExpiredTokenException"));
                }
                parts[2].parse().unwrap()
            }
            Some(_) => return Err((PortErrorKind::InvalidToken, "InvalidNextTokenException")),
        };
        let shown = |event: &&DelayedEvent| {
            let delivered = u64::from(event.visible_from.0) * 1_000 <= now;
            // EndTime is inclusive, as in the API reference.
            (lookup.since..=lookup.until).contains(&event.time) && delivered
        };
        let mut found: Vec<&DelayedEvent> =
            state.events.get(&account_region).into_iter().flatten().filter(shown).collect();
        // Events of one second come in an arbitrary order.
        found.sort_by_key(|event| (u32::MAX - event.time.0, event.number.wrapping_mul(2_654_435_761)));
        let size = usize::try_from(self.page_size.load(Ordering::SeqCst)).unwrap();
        let records = found.iter().skip(from).take(size).map(|event| event.record.clone()).collect();
        let next = (found.len() > from + size).then(|| format!("{bound}|{now}|{}", from + size));
        Ok(LookupPage { records, next_token: next })
    }
}

impl CloudTrailApi for FakeCloudTrail {
    fn lookup_events(&self, lookup: LookupRequest<'_>) -> Result<LookupPage, PortError> {
        let answer = self.answer(lookup);
        self.clock.advance(Duration::from_millis(self.latency.load(Ordering::SeqCst)));
        let interruption = self.interruption.lock().unwrap().take();
        if let Some(interrupt) = interruption {
            interrupt();
            self.interrupted.store(true, Ordering::SeqCst);
        }
        answer.map_err(|(kind, cause)| PortError {
            operation: "look up events (cloudtrail:LookupEvents)",
            name: lookup.to_string(),
            kind,
            cause: Box::new(io::Error::other(cause)),
        })
    }
}
