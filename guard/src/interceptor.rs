//! The guard as an interceptor of the AWS SDK for Rust.
//!
//! Enters: a call of a client. Leaves: the call, or a [`Refusal`] in its error. Laws: a call is judged by its operation before it is
//! serialized, and by its whole request before each attempt is signed, after all changes by other interceptors; without the name of
//! its operation it is refused; its decision is logged once, and again if a later attempt is refused.
//!
//! The SDK names the operation in the first hook that has the components of the client. Seen with aws-smithy-runtime 1.16.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{BeforeSerializationInterceptorContextMut, BeforeTransmitInterceptorContextRef},
        },
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

use crate::{guard::ReadOnlyGuard, refusal::Refusal, sent_request::SentRequest};

/// The call was allowed, and the log has it.
#[derive(Debug)]
struct LoggedAsAllowed;

impl Storable for LoggedAsAllowed {
    type Storer = StoreReplace<Self>;
}

/// Service and operation of the call, by the names of the SDK.
fn called(config: &ConfigBag) -> Result<(&str, &str), Refusal> {
    let metadata = config.load::<Metadata>().ok_or(Refusal::Unidentified)?;
    Ok((metadata.service(), metadata.name()))
}

impl Intercept for ReadOnlyGuard {
    fn name(&self) -> &'static str {
        "ReadOnlyGuard"
    }

    fn modify_before_serialization(
        &self,
        _: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (service, operation) = called(config)?;
        match self.may_permit(service, operation) {
            Ok(()) => Ok(()),
            Err(verdict) => Ok(self.decide(verdict, Vec::new())?),
        }
    }

    fn read_before_signing(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (service, operation) = called(config)?;
        let SentRequest { features, resources } = SentRequest::of(service, context.request());
        let verdict = self.judge(service, operation, resources.clone(), features);
        if verdict.is_valid && config.load::<LoggedAsAllowed>().is_some() {
            return Ok(());
        }
        self.decide(verdict.into(), resources)?;
        config.interceptor_state().store_put(LoggedAsAllowed);
        Ok(())
    }
}
