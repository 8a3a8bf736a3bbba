//! The requests that the function `api` answers, without the function.
//!
//! Enters: a request: method, path, query and body, from a function URL or a direct invocation. Leaves: the [`Route`] that it takes
//! or the [`Problem`] with it; for `POST /validate` the verdicts and their entries for the audit trail; each answer as an
//! [`ApiResponse`]; the OpenAPI document. Laws: every answer has a status; every refused request has a [`Problem`] that says what is
//! wrong with it; no answer is longer than [`MAX_BODY_BYTES`]; the document describes every route, and nothing else.

mod openapi;
mod problem;
mod request;
mod response;
mod route;
mod status;
mod validate;

pub use self::{
    openapi::{OPENAPI, openapi},
    problem::{FIELDS_OF_FAILURE, PROBLEM_MEDIA_TYPE, Problem, ProblemKind},
    request::{ApiRequest, RequestOrigin},
    response::{ApiResponse, MAX_BODY_BYTES},
    route::{Route, route},
    status::{StatusResponse, StatusSources, status},
    validate::{
        MAX_OPERATIONS, OperationRequest, OperationsRequest, ValidateRequest, ValidateResponse, Validation,
        ValidationCriteria, Verdict, validate,
    },
};
