//! Webhooks as notification sinks.
//!
//! Enters: notifications. Leaves: an HTTPS request to the URL of a webhook. Laws: a request goes to no address that is not public, at
//! no redirect and whatever a name resolves to; the connection is made to the address that was checked, and the name is not
//! resolved again; nothing of a URL but its host is in an error.

#![forbid(unsafe_code)]

mod address;
mod client;
mod connection;
mod post_error;
mod sink;

pub use self::{
    address::{AddressPolicy, is_public},
    client::{Resolver, WebhookClient},
    post_error::PostError,
    sink::WebhookSink,
};
