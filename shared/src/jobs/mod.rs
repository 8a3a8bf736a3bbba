//! Use cases: ports in, stages, ports out. A function and a command are two callers of one job.

pub mod check;
