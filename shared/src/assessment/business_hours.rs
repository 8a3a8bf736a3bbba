//! Calls outside business hours.
//!
//! Enters: an assessment. Leaves: the parts of watched calls that lie outside working hours. Law: the hours of a watch
//! have precedence over those of the configuration; without hours no call lies outside them.

use super::{Assessment, ClassifiedCall};
use crate::config::{BusinessCalendar, BusinessHours};

impl<'a> Assessment<'a> {
    /// The parts of watched calls that lie outside working hours.
    pub fn calls_outside_business_hours(&self) -> Vec<ClassifiedCall<'a>> {
        let config = self.config;
        let all = config
            .watch
            .iter()
            .filter_map(|watch| watch.business_hours.as_ref())
            .chain(&config.business_hours);
        let calendars: Vec<(&BusinessHours, BusinessCalendar)> =
            all.filter_map(|hours| Some((hours, BusinessCalendar::new(hours).ok()?))).collect();
        let part = |call: &ClassifiedCall<'a>| {
            let hours = call.watch?.business_hours.as_ref().or(config.business_hours.as_ref())?;
            let (_, calendar) = calendars.iter().find(|(known, _)| *known == hours)?;
            call.subset(|bucket| !calendar.contains(bucket.start()))
        };
        self.watched_calls().filter_map(part).collect()
    }
}
