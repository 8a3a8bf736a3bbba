//! AWS as source, store and sink.
//!
//! Enters: what an AWS tool finds around it: region, credentials, endpoints, proxy. Leaves: adapters that implement the
//! [`onlooker_core::ports`]. Laws: nothing is connected to, read or loaded before it is needed; a failure names the IAM action
//! it takes and keeps AWS's own words.
//!
//! The ports are synchronous: an adapter blocks its thread while the runtime works. Call them from a thread of their
//! own or from `spawn_blocking`, never from a task.

#![forbid(unsafe_code)]

mod announcers;
mod attribute;
mod clock;
mod elsewhere;
mod failure;
mod history;
mod http;
mod iam;
mod objects;
mod organization;
mod probe;
mod session;
mod store;
mod table;

pub use self::{
    announcers::{EventBus, SnsTopic},
    clock::SystemClock,
    history::EventHistory,
    iam::AccountPolicies,
    objects::{S3Objects, S3Uri, version},
    organization::OrganizationPolicies,
    probe::Probes,
    session::Aws,
    store::S3Store,
    table::DynamoTable,
};
