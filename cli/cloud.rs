//! AWS, for commands that ask for it.
//!
//! Enters: region, credentials and endpoints, as every AWS tool finds them. Leaves: ports. Law: it is connected to only
//! when a command asks for it.

use onlooker_aws::{
    AccountPolicies, Aws, EventHistory, OrganizationPolicies, Probes, S3Objects, S3Uri, SystemClock,
};
use onlooker_core::{
    config::Fault,
    ports::{Authorizations, Clock, Organization, Prober, Source, Store, Table, Trail},
    report::Caller,
};
use tokio::runtime::{Builder, Runtime};

use crate::failure::Failure;

/// A connection to AWS.
pub struct Cloud {
    aws: Aws,
    /// Works while commands block; it has to live as long as they do.
    _runtime: Runtime,
}

impl Cloud {
    /// Connects, for something the user asked for.
    pub fn connect(_what: &str) -> Result<Self, Failure> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(Failure::Runtime)?;
        Ok(Self { aws: Aws::connect(runtime.handle().clone()), _runtime: runtime })
    }

    /// Who this is, as AWS says.
    pub fn caller(&self) -> Result<Caller, Failure> {
        self.aws.caller().map_err(Failure::Cloud)
    }

    /// Region in use.
    pub fn region(&self) -> &str {
        self.aws.region()
    }

    /// Everything below places in S3.
    pub fn objects(&self, places: &[String]) -> Result<Box<dyn Source>, Failure> {
        let read = |place: &String| {
            place.parse::<S3Uri>().map_err(|remedy| {
                Failure::Usage(Fault { message: format!("`{place}` is no place in S3"), remedy })
            })
        };
        let places: Vec<S3Uri> = places.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Box::new(S3Objects::new(self.aws.clone(), places)))
    }

    /// CloudTrail's event history, of our account and of others through a role.
    pub fn trail(&self, account: &str, role: Option<String>) -> Box<dyn Trail> {
        Box::new(EventHistory::new(self.aws.clone(), account, role))
    }

    /// Policies in IAM, of our account and of others through a role.
    pub fn policies(&self, account: &str, role: Option<String>) -> Box<dyn Authorizations> {
        Box::new(AccountPolicies::new(self.aws.clone(), account, role))
    }

    /// Policies of the organization.
    pub fn organization(&self) -> Box<dyn Organization> {
        Box::new(OrganizationPolicies::new(self.aws.clone()))
    }

    /// Reads to try out.
    pub fn reads(&self) -> Box<dyn Prober> {
        Box::new(Probes::new(self.aws.clone()))
    }

    /// A table.
    pub fn table(&self, name: &str) -> Box<dyn Table> {
        Box::new(self.aws.table(name))
    }

    /// A bucket.
    pub fn store(&self, bucket: &str) -> Box<dyn Store> {
        Box::new(self.aws.store(bucket))
    }

    /// The clock of this machine.
    pub fn clock(&self) -> Box<dyn Clock> {
        Box::new(SystemClock::unbounded())
    }
}
