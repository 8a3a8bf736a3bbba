//! The HTTP client of all AWS clients.
//!
//! Enters: the standard proxy variables. Leaves: one client with one connection pool. Law: certificates are loaded
//! once, when the first request is sent.

use std::{collections::HashMap, sync::Mutex, sync::PoisonError, time::Duration};

use aws_sdk_sts::config::SharedAsyncSleep;
use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{self, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};

/// Connect and read timeout: the key of a connector in the SDK.
type Timeouts = (Option<Duration>, Option<Duration>);

/// The HTTP client. The default client of the SDK loads the certificates for each service client. This one shares its
/// connectors, and creates the first when the first request is sent.
pub(super) fn client() -> SharedHttpClient {
    let made: Mutex<HashMap<Timeouts, SharedHttpConnector>> = Mutex::default();
    http_client_fn(move |settings, components| {
        let timeouts = (settings.connect_timeout(), settings.read_timeout());
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || connector(settings.clone(), components.sleep_impl());
        made.entry(timeouts).or_insert_with(make).clone()
    })
}

/// One connector, for requests that are not made through an SDK client.
pub(super) fn connector(
    settings: HttpConnectorSettings,
    sleep: Option<SharedAsyncSleep>,
) -> SharedHttpConnector {
    let mut builder = Connector::builder()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .proxy_config(ProxyConfig::from_env())
        .connector_settings(settings);
    builder.set_sleep_impl(sleep);
    SharedHttpConnector::new(builder.build())
}
