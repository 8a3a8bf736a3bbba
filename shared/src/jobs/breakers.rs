//! The circuit breakers of all operations, shared by all functions.
//!
//! Enters: questions and results of calls. Leaves: whether a call may be made; in the table, the breakers that are not closed and
//! new. Laws: a question is answered from what was read in the last [`CACHE_SECONDS`]; a change is written on the condition
//! that nothing else was written meanwhile, and worked out again if something was; of all functions one makes the probe; while the
//! table fails, the breakers work in this process alone, and what changed is written when the table works again.
//!
//! ```text
//! BREAKERS  <service>:<Operation>@<region>   the breaker; expires a day after its last change
//! ```

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    breaker::{Breaker, BreakerAnswer, BreakerLimits, CallOutcome},
    ports::{PortError, PortErrorKind, Table, TableItem, WriteCondition},
    time::Time,
};

/// Seconds for which breakers are not read again.
pub const CACHE_SECONDS: u32 = 5;

/// Seconds after which an unchanged breaker is forgotten.
const REMEMBER_SECONDS: u32 = 86_400;

/// How often a change is worked out again before it stays in this process.
const MAX_WRITES: usize = 5;

const PARTITION: &str = "BREAKERS";

/// The circuit breakers of a process.
pub struct CircuitBreakers {
    /// `None`: every call is allowed.
    limits: Mutex<Option<BreakerLimits>>,
    table: Option<Arc<dyn Table + Send + Sync>>,
    /// Begins the ids of probes, and is unique to this process.
    process: String,
    known: Mutex<KnownBreakers>,
}

#[derive(Default)]
struct KnownBreakers {
    read_at: Option<Time>,
    breakers: BTreeMap<String, KnownBreaker>,
    probes: u64,
    changes: Vec<BreakerChange>,
}

#[derive(Clone, Default, PartialEq)]
struct KnownBreaker {
    breaker: Breaker,
    /// Revision of the stored item that it was worked out from.
    revision: u64,
    /// Whether the table does not have it yet.
    is_unsaved: bool,
}

/// A breaker that opened or closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerChange {
    /// `service:Operation@region`.
    pub operation: String,
    /// Whether it opened; if not, it closed.
    pub is_open: bool,
}

/// A call that may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the result of the call is reported with it"]
pub struct CallPermit {
    operation: String,
    /// Id of the probe, if the call is one.
    probe: Option<String>,
}

/// A call that may not be made, because its operation failed before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{operation} was not called: its circuit breaker is open until {until}, because calls before failed in a row"
)]
pub struct BreakerOpen {
    /// `service:Operation@region`.
    pub operation: String,
    /// When one call may try the operation again.
    pub until: Time,
}

impl fmt::Debug for CircuitBreakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakers").field("process", &self.process).finish_non_exhaustive()
    }
}

impl CircuitBreakers {
    /// Breakers of this process alone.
    pub fn local(limits: BreakerLimits) -> Self {
        Self {
            limits: Mutex::new(Some(limits)),
            table: None,
            process: String::new(),
            known: Mutex::default(),
        }
    }

    /// Breakers that are shared through a table with other processes. `process` is unique to this one.
    pub fn shared(
        limits: BreakerLimits,
        table: Arc<dyn Table + Send + Sync>,
        process: impl Into<String>,
    ) -> Self {
        Self { table: Some(table), process: process.into(), ..Self::local(limits) }
    }

    /// Changes the limits; `None` switches the breakers off.
    pub fn set_limits(&self, limits: Option<BreakerLimits>) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    fn limits(&self) -> Option<BreakerLimits> {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a call may be made. Report its result with [`Self::report`].
    ///
    /// # Errors
    /// [`BreakerOpen`].
    pub fn ask(&self, operation: &str, now: Time) -> Result<CallPermit, BreakerOpen> {
        if self.limits().is_none() {
            return Ok(CallPermit { operation: operation.to_owned(), probe: None });
        }
        self.refresh(now);
        let open = |until| BreakerOpen { operation: operation.to_owned(), until };
        for _ in 0..MAX_WRITES {
            let mut known = self.known();
            let current = known.breakers.get(operation).cloned().unwrap_or_default();
            match current.breaker.ask(now) {
                BreakerAnswer::Call => {
                    return Ok(CallPermit { operation: operation.to_owned(), probe: None });
                }
                BreakerAnswer::Refuse(until) => return Err(open(until)),
                BreakerAnswer::Probe => {
                    known.probes += 1;
                    let probe = format!("{}-{}", self.process, known.probes);
                    let probing = current.breaker.probing(&probe, now);
                    drop(known);
                    if self.store(operation, &current, probing, now) {
                        return Ok(CallPermit { operation: operation.to_owned(), probe: Some(probe) });
                    }
                    self.read(now);
                }
            }
        }
        Err(open(now))
    }

    /// What became of a call that [`Self::ask`] allowed.
    pub fn report(&self, permit: CallPermit, outcome: CallOutcome, now: Time) {
        let Some(limits) = self.limits() else { return };
        let CallPermit { operation, probe } = permit;
        for _ in 0..MAX_WRITES {
            let current = self.known().breakers.get(&operation).cloned().unwrap_or_default();
            let after = current.breaker.after_call(outcome, probe.as_deref(), now, limits);
            if after == current.breaker {
                return;
            }
            let change = match (current.breaker.opened_at(), after.opened_at()) {
                (None, Some(_)) => Some(true),
                (Some(_), None) => Some(false),
                _ => None,
            };
            if self.store(&operation, &current, after, now) {
                self.known().changes.extend(change.map(|is_open| BreakerChange { operation, is_open }));
                return;
            }
            self.read(now);
        }
    }

    /// The breakers that opened and closed since this was last asked, by calls of this process.
    pub fn take_changes(&self) -> Vec<BreakerChange> {
        std::mem::take(&mut self.known().changes)
    }

    fn known(&self) -> MutexGuard<'_, KnownBreakers> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the table if what is known is old, and writes what it does not have yet.
    fn refresh(&self, now: Time) {
        let mut known = self.known();
        if self.table.is_none() || known.read_at.is_some_and(|at| now.since(at) < CACHE_SECONDS && at <= now)
        {
            return;
        }
        // Other calls are answered from what is known meanwhile.
        known.read_at = Some(now);
        drop(known);
        self.read(now);
        let known = self.known();
        let unsaved: Vec<(String, KnownBreaker)> = known
            .breakers
            .iter()
            .filter(|(_, breaker)| breaker.is_unsaved)
            .map(|(name, breaker)| (name.clone(), breaker.clone()))
            .collect();
        drop(known);
        for (operation, current) in unsaved {
            // If another process stored the operation meanwhile, the next read takes that.
            self.store(&operation, &current, current.breaker.clone(), now);
        }
    }

    /// Reads the table. What it does not have yet stays, unless the table has something newer.
    fn read(&self, now: Time) {
        let Some(table) = &self.table else { return };
        let Ok(items) = table.query(PARTITION, "") else { return };
        let mut known = self.known();
        known.read_at = Some(now);
        let before = std::mem::take(&mut known.breakers);
        known.breakers = items
            .into_iter()
            .filter_map(|item| {
                let breaker = serde_json::from_value(item.body).ok()?;
                Some((item.sort_key, KnownBreaker { breaker, revision: item.revision, is_unsaved: false }))
            })
            .collect();
        for (operation, kept) in before.into_iter().filter(|(_, breaker)| breaker.is_unsaved) {
            let stored = known.breakers.get(&operation).map_or(0, |stored| stored.revision);
            if stored == kept.revision {
                known.breakers.insert(operation, kept);
            }
        }
    }

    /// Makes `next` what is known, and writes it. `false`: the table has something newer than `current`, and nothing changed.
    fn store(&self, operation: &str, current: &KnownBreaker, next: Breaker, now: Time) -> bool {
        let written = self.table.as_ref().map(|table| {
            let item = TableItem {
                partition_key: PARTITION.to_owned(),
                sort_key: operation.to_owned(),
                revision: current.revision,
                expires_at: Some(Time(now.0.saturating_add(REMEMBER_SECONDS))),
                body: serde_json::to_value(&next).unwrap_or_default(),
            };
            table.put(&item, WriteCondition::Unchanged)
        });
        let mut known = self.known();
        let is_stored = matches!(written, Some(Ok(true)));
        // Without an answer of the table, another thread may have changed it since it was read.
        if !is_stored && known.breakers.get(operation).cloned().unwrap_or_default() != *current {
            return false;
        }
        let stored = match written {
            Some(Ok(false)) => return false,
            Some(Ok(true)) => {
                KnownBreaker { breaker: next, revision: current.revision + 1, is_unsaved: false }
            }
            Some(Err(_)) => KnownBreaker { breaker: next, revision: current.revision, is_unsaved: true },
            None => KnownBreaker { breaker: next, revision: 0, is_unsaved: false },
        };
        known.breakers.insert(operation.to_owned(), stored);
        true
    }
}

/// The breakers in a table that have not expired, by `service:Operation@region`.
///
/// # Errors
/// When the table cannot be read, or has an item that cannot be decoded.
pub fn stored_breakers(table: &dyn Table, now: Time) -> Result<BTreeMap<String, Breaker>, PortError> {
    let items = table.query(PARTITION, "")?.into_iter();
    let current = items.filter(|item| item.expires_at.is_none_or(|at| at > now));
    let decoded = current.map(|item| match serde_json::from_value(item.body) {
        Ok(breaker) => Ok((item.sort_key, breaker)),
        Err(cause) => Err(PortError {
            operation: "decode",
            name: format!("{PARTITION} {}", item.sort_key),
            kind: PortErrorKind::Other,
            cause: Box::new(cause),
        }),
    });
    decoded.collect()
}
