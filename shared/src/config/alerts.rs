//! Settings of alerts: which are sent, how often, and to which webhooks.
//!
//! Enters: the keys of `[alerts]`. Leaves: [`AlertSettings`]. Laws: a setting decides what is sent, never what a report
//! claims; the URL of a webhook is a secret, of which every output of a configuration shows the host alone.

use std::{borrow::Cow, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::{diagnostic::Diagnostic, formats};
use crate::operation::RiskLevel;

/// What follows the host where a URL is shown.
const MASK: &str = "/...";

/// Which alerts are sent, how often, and to which webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlertSettings {
    /// Least severity that is sent; what is below it is only in reports and logs.
    pub minimum_severity: RiskLevel,
    /// Seconds in which alerts about the same finding are sent once. A more severe one is sent all the same. 0: every alert is
    /// sent.
    #[schemars(range(min = 0, max = 86_400))]
    pub deduplication_seconds: u32,
    /// Minutes over which alerts are collected and sent as one. 0: each alert is sent at once.
    #[schemars(range(min = 0, max = 1_440))]
    pub digest_minutes: u32,
    /// Webhooks that get what the topic and the bus get.
    #[serde(rename = "webhook")]
    pub webhooks: Vec<Webhook>,
}

/// A webhook: a URL to which notifications are posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Name of the webhook, under which deliveries are recorded.
    #[schemars(with = "formats::OverrideId", example = "security-channel")]
    pub name: String,
    /// What the webhook understands.
    #[schemars(example = WebhookKind::Slack)]
    pub kind: WebhookKind,
    /// Its URL, with `https`. It is a secret: outputs show its host alone.
    #[schemars(with = "formats::SecretUrl", example = "https://hooks.slack.com/services/T000/B000/token")]
    pub url: WebhookUrl,
    /// Least severity that this webhook gets. Absent: that of `alerts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = RiskLevel::High)]
    pub minimum_severity: Option<RiskLevel>,
}

/// What a webhook understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookKind {
    /// An incoming webhook of Slack.
    Slack,
    /// A workflow of Microsoft Teams that posts what it receives.
    Teams,
    /// Any program: the JSON document that the event bus gets.
    Generic,
}

/// The URL of a webhook. It is written and debugged as its host alone; only [`WebhookUrl::secret`] has the rest.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct WebhookUrl(String);

/// When notifications are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryPolicy {
    /// Least severity that is sent.
    pub minimum_severity: RiskLevel,
    /// Seconds in which notifications with the same key are sent once; 0 for every one.
    pub deduplication_seconds: u32,
    /// Seconds over which notifications are collected; 0 for none.
    pub digest_seconds: u32,
}

impl DeliveryPolicy {
    /// Every notification is sent, each at once.
    pub const IMMEDIATE: Self =
        Self { minimum_severity: RiskLevel::Low, deduplication_seconds: 0, digest_seconds: 0 };

    /// The same policy without collecting.
    #[must_use]
    pub const fn without_digest(self) -> Self {
        Self { digest_seconds: 0, ..self }
    }
}

impl AlertSettings {
    /// When notifications are sent.
    pub const fn policy(&self) -> DeliveryPolicy {
        DeliveryPolicy {
            minimum_severity: self.minimum_severity,
            deduplication_seconds: self.deduplication_seconds,
            digest_seconds: self.digest_minutes.saturating_mul(60),
        }
    }
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            minimum_severity: RiskLevel::Low,
            deduplication_seconds: 0,
            digest_minutes: 0,
            webhooks: Vec::new(),
        }
    }
}

impl WebhookUrl {
    /// The whole URL, for the connection alone.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// The host, and the port if there is one.
    pub fn host(&self) -> &str {
        host(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{MASK}", self.host())
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for WebhookUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The host with its port in a URL with `https`, which has no user name; none in any other text.
fn host(url: &str) -> Option<&str> {
    let scheme = url.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://"))?;
    let rest = url.strip_prefix(scheme)?;
    let host = rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())?;
    (!host.contains(['@', '\\'])).then_some(host)
}

/// A text as it may be shown: of a URL with `https`, the host alone.
pub(super) fn masked(text: &str) -> Cow<'_, str> {
    host(text.trim_start()).map_or(Cow::Borrowed(text), |host| Cow::Owned(format!("https://{host}{MASK}")))
}

/// Checks a URL that is a secret. The message does not repeat it.
pub(super) fn secret_url(text: &str) -> Result<(), Diagnostic> {
    let fault = |message: &str, remedy: &str| Err(Diagnostic::new(message, remedy));
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return fault(
            "the URL has a character that no URL has",
            "write the URL as the service shows it, without spaces",
        );
    }
    let Some(host) = host(text) else {
        return fault(
            "this is not a URL with `https` and a host",
            "write `https://host/path`, without a user name; the URL is not repeated here because it is a secret",
        );
    };
    if text.get(8 + host.len()..) == Some(MASK) {
        return fault(
            "the URL is masked, as `onlooker config show` writes it",
            "write the whole URL; Onlooker shows no more than its host",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const SECRET: &str = "https://hooks.slack.com/services/T0/B0/tOkEn";

    fn config(url: &str) -> Result<Config, crate::config::ConfigError> {
        let text = format!(
            "[alerts]\nminimum_severity = \"MEDIUM\"\n[[alerts.webhook]]\nname = \"a\"\nkind = \"slack\"\nurl = '{url}'\n"
        );
        Config::from_toml(&text, "onlooker.toml")
    }

    #[test]
    fn no_output_of_a_configuration_shows_more_than_the_host() {
        let config = config(SECRET).unwrap();
        let shown = [
            config.to_toml().unwrap(),
            serde_json::to_string(&config).unwrap(),
            format!("{config:?}"),
            format!("{config:#?}"),
            config.alerts.webhooks[0].url.to_string(),
        ];
        for text in shown {
            assert!(!text.contains("tOkEn") && !text.contains("services"), "{text}");
            assert!(text.contains("https://hooks.slack.com/..."), "{text}");
        }
        assert_eq!(config.alerts.webhooks[0].url.secret(), SECRET);
    }

    #[test]
    fn the_url_outlives_variables_and_validation() {
        let mut config = config(SECRET).unwrap();
        let severity = ("ONLOOKER_ALERTS_MINIMUM_SEVERITY".to_owned(), "HIGH".to_owned());
        config.apply_variables([severity]).unwrap();
        assert_eq!(config.alerts.minimum_severity, RiskLevel::High);
        assert_eq!(config.alerts.webhooks[0].url.secret(), SECRET);
        config.validate().unwrap();
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_being_repeated() {
        for wrong in [
            "http://hooks.slack.com/services/tOkEn",
            "hooks.slack.com/tOkEn",
            "https://",
            "https:///tOkEn",
            "https://user:tOkEn@hooks.slack.com/",
            "https://a\\tOkEn@b/",
            "https://hooks.slack.com/tOkEn with spaces",
            "https://hooks.slack.com/tOkE\u{301}n",
            "https://hooks.slack.com/...",
            "",
        ] {
            let error = config(wrong).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains("onlooker.toml:6:7"), "{text}");
            assert!(!text.contains("tOkE"), "{text}");
        }
    }

    #[test]
    fn a_url_under_another_key_is_not_repeated() {
        for wrong in
            [format!("name = {SECRET:?}\nkind = \"slack\""), format!("name = \"a\"\nkind = {SECRET:?}")]
        {
            let text = format!("[[alerts.webhook]]\n{wrong}\nurl = {SECRET:?}\n");
            let error = Config::from_toml(&text, "onlooker.toml").unwrap_err().to_string();
            assert!(error.contains("`https://hooks.slack.com/...`") && !error.contains("tOkEn"), "{error}");
        }
    }

    #[test]
    fn two_webhooks_have_two_names() {
        let one = |name: &str| {
            format!(
                "[[alerts.webhook]]\nname = \"{name}\"\nkind = \"teams\"\nurl = \"https://a.example/x\"\n"
            )
        };
        assert!(Config::from_toml(&format!("{}{}", one("a"), one("b")), "t").is_ok());
        let error = Config::from_toml(&format!("{}{}", one("a"), one("a")), "t").unwrap_err().to_string();
        assert!(error.contains("two `alerts.webhook` entries have the name `a`"), "{error}");
    }

    #[test]
    fn alerts_do_not_change_what_a_report_is_made_of() {
        let config = config(SECRET).unwrap();
        assert_eq!(config.without_operational_settings(), Config::default().without_operational_settings());
    }
}
