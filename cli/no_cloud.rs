//! AWS, where it is not built in.
//!
//! Law: whoever asks for it is told how to get it.

use onlooker_core::{
    config::Fault,
    ports::{Authorizations, Clock, Organization, Prober, Source, Store, Table, Trail},
    report::Caller,
};

use crate::failure::Failure;

/// A connection to AWS, which there is none of.
pub enum Cloud {}

impl Cloud {
    /// Says what is missing.
    pub fn connect(what: &str) -> Result<Self, Failure> {
        Err(Failure::Usage(Fault {
            message: format!("this `onlooker` was built without AWS, which `{what}` needs"),
            remedy: "install it anew with `cargo install --path . --features aws`".to_owned(),
        }))
    }

    pub fn caller(&self) -> Result<Caller, Failure> {
        match *self {}
    }

    pub fn region(&self) -> &str {
        match *self {}
    }

    pub fn objects(&self, _: &[String]) -> Result<Box<dyn Source>, Failure> {
        match *self {}
    }

    pub fn trail(&self, _: &str, _: Option<String>) -> Box<dyn Trail> {
        match *self {}
    }

    pub fn policies(&self, _: &str, _: Option<String>) -> Box<dyn Authorizations> {
        match *self {}
    }

    pub fn organization(&self) -> Box<dyn Organization> {
        match *self {}
    }

    pub fn reads(&self) -> Box<dyn Prober> {
        match *self {}
    }

    pub fn table(&self, _: &str) -> Box<dyn Table> {
        match *self {}
    }

    pub fn store(&self, _: &str) -> Box<dyn Store> {
        match *self {}
    }

    pub fn clock(&self) -> Box<dyn Clock> {
        match *self {}
    }
}
