//! AWS as source, store and sink.
