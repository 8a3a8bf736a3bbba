//! The guard as an interceptor of the AWS SDK for Rust.
//!
//! Enters: a call of a client. Leaves: the call, or a [`Refusal`] in its error. Laws: a call is judged by its operation before it is
//! serialized, and by its whole request before each attempt is signed, after the changes of other interceptors up to then; a request
//! that is no longer of its operation is refused, and so is a call without the name of its operation; a decision is logged once, and
//! again if a later attempt is refused.
//!
//! The SDK names the operation in the first hook that has the components of the client. Seen with aws-smithy-runtime 1.16.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{
                BeforeSerializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
                BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
            },
        },
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use aws_types::region::Region;

use crate::{
    failure::{error_chain, orchestrator_kind},
    guard::ReadOnlyGuard,
    monitor::BegunCall,
    refusal::Refusal,
    sent_request::{Sender, SentRequest, SerializedOperation},
};

/// The guards that allowed the call and logged it.
#[derive(Clone, Debug, Default)]
struct LoggedAsAllowed(Vec<usize>);

impl Storable for LoggedAsAllowed {
    type Storer = StoreReplace<Self>;
}

/// The calls that guards with different breakers began for one call of the program.
#[derive(Clone, Debug, Default)]
struct BegunCalls(Vec<BegunCall>);

impl Storable for BegunCalls {
    type Storer = StoreReplace<Self>;
}

/// Region of the client; empty if it has none.
fn region(config: &ConfigBag) -> &str {
    config.load::<Region>().map_or("", Region::as_ref)
}

impl Storable for SerializedOperation {
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
        let verdict = match self.may_permit(service, operation) {
            Ok(verdict) => verdict,
            Err(verdict) => return Ok(self.decide(verdict, Vec::new())?),
        };
        let mut begun = config.load::<BegunCalls>().cloned().unwrap_or_default();
        // Two guards with the same breakers ask them once.
        if !self.has_begun(&begun.0) {
            begun.0.extend(self.begin(&verdict, region(config))?);
            config.interceptor_state().store_put(begun);
        }
        Ok(())
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if config.load::<SerializedOperation>().is_none() {
            let serialized = SerializedOperation::of(context.request());
            config.interceptor_state().store_put(serialized);
        }
        Ok(())
    }

    fn read_before_signing(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (service, operation) = called(config)?;
        let serialized = config.load::<SerializedOperation>().ok_or(Refusal::Unidentified)?;
        if !serialized.is_kept_by(context.request()) {
            return Err(self.refuse_changed(service, operation).into());
        }
        let sender = Sender { principal: self.principal(), region: region(config) };
        let SentRequest { features, resources } =
            SentRequest::of(service, operation, context.request(), sender);
        let verdict = self.judge(service, operation, resources.clone(), features);
        let mut logged = config.load::<LoggedAsAllowed>().cloned().unwrap_or_default();
        if verdict.is_valid && logged.0.contains(&self.identity()) {
            return Ok(());
        }
        self.decide(verdict.into(), resources)?;
        logged.0.push(self.identity());
        config.interceptor_state().store_put(logged);
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_answered = context.response().is_some();
        for begun in config.load::<BegunCalls>().map_or(&[][..], |calls| &calls.0) {
            match context.output_or_error() {
                // A request that was only signed has no response.
                Some(Ok(_)) if is_answered => begun.end(None, true),
                Some(Err(error)) if Refusal::of(error).is_none() => {
                    let kind = orchestrator_kind(&begun.service, error, context.response());
                    begun.end(Some((kind, &error_chain(error))), is_answered);
                }
                _ => begun.drop_unsent(),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_without_the_name_of_its_operation_is_refused() {
        assert!(matches!(called(&ConfigBag::base()), Err(Refusal::Unidentified)));
        let mut config = ConfigBag::base();
        config.interceptor_state().store_put(Metadata::new("GetObject", "S3"));
        assert!(matches!(called(&config), Ok(("S3", "GetObject"))));
    }
}
