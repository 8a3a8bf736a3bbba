//! A webhook as a [`NotificationSink`].
//!
//! Enters: a notification. Leaves: a request to the webhook, in its form. Laws: a failure that may pass is tried again, after a fixed
//! schedule or what the service asks for; the attempts end before the time of the run does, and then the run fails, which is
//! retried; the URL is in no error.

use std::time::Duration;

use onlooker_core::{
    config::Webhook,
    operation::RiskLevel,
    ports::{Clock, Notification, NotificationSink, PortError},
    render::webhook::payload,
};

use crate::{client::WebhookClient, post_error::PostError};

/// Delays before the second, third and fourth attempt.
const DELAYS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// Longest time of one attempt, with its redirects.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(8);

/// Shortest time in which an attempt is worth making.
const MIN_ATTEMPT: Duration = Duration::from_secs(1);

/// Time of the run that is left to whatever follows.
const RESERVED_TIME: Duration = Duration::from_secs(8);

/// A webhook of the configuration.
pub struct WebhookSink<'a> {
    name: String,
    webhook: &'a Webhook,
    client: WebhookClient,
    clock: &'a dyn Clock,
    limit: Duration,
}

impl<'a> WebhookSink<'a> {
    /// The sinks of all webhooks. Together they take no more than `limit` for one notification, so that one which does not answer
    /// leaves time to the others.
    pub fn all(
        webhooks: &'a [Webhook],
        client: &WebhookClient,
        clock: &'a dyn Clock,
        limit: Duration,
    ) -> Vec<Self> {
        let share = u32::try_from(webhooks.len()).ok().and_then(|count| limit.checked_div(count));
        let limit = share.unwrap_or(limit);
        let sink = |webhook: &'a Webhook| Self {
            name: format!("webhook-{}", webhook.name),
            webhook,
            client: client.clone(),
            clock,
            limit,
        };
        webhooks.iter().map(sink).collect()
    }

    /// Posts the document until it is taken, or until no attempt is left.
    fn post(&self, document: &str) -> Result<(), PostError> {
        let begin = self.clock.remaining();
        let left = || {
            let now = self.clock.remaining();
            let spent = begin.saturating_sub(now);
            self.limit.saturating_sub(spent).min(now.saturating_sub(RESERVED_TIME))
        };
        let mut delays = DELAYS.into_iter();
        loop {
            let error = match self.client.post(self.webhook.url.secret(), document, left().min(ATTEMPT_LIMIT))
            {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let Some(delay) = delays.next().filter(|_| error.is_temporary()) else { return Err(error) };
            let delay = error.retry_after().map_or(delay, |asked| asked.max(delay));
            if delay.saturating_add(MIN_ATTEMPT) > left() {
                return Err(error);
            }
            self.clock.sleep(delay);
        }
    }
}

impl NotificationSink for WebhookSink<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn accepts(&self, severity: RiskLevel) -> bool {
        self.webhook.minimum_severity.is_none_or(|least| severity >= least)
    }

    fn send(&self, notification: &Notification) -> Result<(), PortError> {
        let document = payload(self.webhook.kind, notification).to_string();
        self.post(&document).map_err(|error| PortError {
            operation: "post to the webhook",
            name: format!("{} at {}", self.webhook.name, self.webhook.url.host()),
            kind: error.kind(),
            cause: Box::new(error),
        })
    }
}
