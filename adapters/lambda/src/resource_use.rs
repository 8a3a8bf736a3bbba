//! The use of CPU, memory and disk, from the Lambda environment.
//!
//! Enters: `/proc`, the file system of `/tmp`, and the memory limit of the function. Leaves: metrics of a run, and a log line when a
//! share is above its threshold. Laws: what cannot be read is left out; a share is of what Lambda gives the function, where 1,769 MB of
//! memory come with one CPU (AWS Lambda Developer Guide, "Configure Lambda function memory", read 2026-11).

use std::{
    fs,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use onlooker_core::{
    config::MonitoringSettings,
    render::emf::{MetricUnit, Metrics},
};

/// Memory that comes with one CPU, in MB.
const MEGABYTES_OF_ONE_CPU: f64 = 1_769.0;

/// Ticks of the CPU times in `/proc`: always 100 a second on Linux (proc_pid_stat(5)).
const TICKS_A_SECOND: f64 = 100.0;

const MEBIBYTE: f64 = 1_048_576.0;

/// Where functions may write files.
const SCRATCH: &str = "/tmp";

/// What the function may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResourceLimits {
    /// Its memory, in MB; `None` if it is not known.
    pub(super) memory: Option<f64>,
}

impl ResourceLimits {
    /// CPUs that come with the memory.
    fn cpus(self) -> Option<f64> {
        self.memory.map(|memory| memory / MEGABYTES_OF_ONE_CPU)
    }
}

/// Values at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct ResourceSample {
    /// CPU time of the process since it started, in seconds.
    cpu_time: Option<f64>,
    /// Highest resident memory so far, in bytes.
    memory_peak: Option<f64>,
    /// Share of the disk that is used, in percent.
    disk_share: Option<f64>,
}

impl ResourceSample {
    /// What the begin of a run is compared by. Of a function that answers requests each run pays for it.
    fn at_begin() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").ok();
        Self { cpu_time: stat.and_then(|text| cpu_time(&text)), ..Self::default() }
    }

    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").ok();
        Self {
            memory_peak: status.and_then(|text| memory_peak(&text)),
            disk_share: disk_share(),
            ..Self::at_begin()
        }
    }
}

/// User and system time in `/proc/self/stat`. The name of the process, which may have spaces, is in parentheses.
fn cpu_time(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_A_SECOND)
}

/// Seconds since the process started, from `/proc`.
pub(super) fn process_age() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let started = fields.split_whitespace().nth(19)?.parse::<f64>().ok()? / TICKS_A_SECOND;
    let up = uptime.split_whitespace().next()?.parse::<f64>().ok()?;
    Some((up - started).max(0.0))
}

/// `VmHWM` in `/proc/self/status`, in bytes.
fn memory_peak(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1_024.0)
}

fn disk_share() -> Option<f64> {
    let disk = rustix::fs::statvfs(SCRATCH).ok()?;
    let used = disk.f_blocks.checked_sub(disk.f_bfree)?;
    // What only root may use is not there for the function.
    let usable = used.checked_add(disk.f_bavail).filter(|usable| *usable > 0)?;
    Some(used as f64 / usable as f64 * 100.0)
}

/// Watches the use of resources until it is stopped.
pub(super) struct ResourceWatch {
    limits: ResourceLimits,
    began: (Instant, ResourceSample),
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<HighestShares>>,
}

/// The highest shares that were seen, in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct HighestShares {
    cpu: Option<f64>,
    memory: Option<f64>,
    disk: Option<f64>,
}

impl HighestShares {
    /// Shares between two samples that are `seconds` apart.
    fn between(limits: ResourceLimits, before: ResourceSample, after: ResourceSample, seconds: f64) -> Self {
        let cpu = before.cpu_time.zip(after.cpu_time).map(|(before, after)| after - before);
        let share = |used: f64, all: f64| (all > 0.0).then(|| used / all * 100.0);
        Self {
            cpu: cpu.zip(limits.cpus()).and_then(|(used, cpus)| share(used, seconds * cpus)),
            memory: after
                .memory_peak
                .zip(limits.memory)
                .and_then(|(used, limit)| share(used, limit * MEBIBYTE)),
            disk: after.disk_share,
        }
    }

    fn max(self, other: Self) -> Self {
        let max = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (one, other) => one.or(other),
        };
        Self {
            cpu: max(self.cpu, other.cpu),
            memory: max(self.memory, other.memory),
            disk: max(self.disk, other.disk),
        }
    }

    /// The shares above their thresholds: name, share and threshold.
    fn above(self, settings: &MonitoringSettings) -> Vec<(&'static str, f64, u32)> {
        [
            ("cpu", self.cpu, settings.performance_threshold_cpu),
            ("memory", self.memory, settings.performance_threshold_memory),
            ("disk", self.disk, settings.performance_threshold_disk),
        ]
        .into_iter()
        .filter_map(|(name, share, threshold)| {
            share.filter(|share| *share > f64::from(threshold)).map(|share| (name, share, threshold))
        })
        .collect()
    }
}

impl ResourceWatch {
    /// Begins to watch a run of at most `longest`: a sample now, one at each interval of the settings, and one at the end.
    pub(super) fn start(limits: ResourceLimits, settings: &MonitoringSettings, longest: Duration) -> Self {
        let first = ResourceSample::at_begin();
        let began = (Instant::now(), first);
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let interval = Duration::from_secs(settings.performance_monitoring_interval.into());
        let (stopped, settings) = (Arc::clone(&stop), settings.clone());
        let sample = move || {
            let mut highest = HighestShares::default();
            let (mut at, mut before) = began;
            loop {
                let (flag, signal) = &*stopped;
                let is_stopped = flag.lock().unwrap_or_else(PoisonError::into_inner);
                let waited = signal.wait_timeout_while(is_stopped, interval, |is_stopped| !*is_stopped);
                if waited.map_or(true, |(is_stopped, _)| *is_stopped) {
                    return highest;
                }
                let after = ResourceSample::now();
                let shares = HighestShares::between(limits, before, after, at.elapsed().as_secs_f64());
                (at, before) = (Instant::now(), after);
                for (resource, share, threshold) in shares.above(&settings) {
                    tracing::warn!(resource, share, threshold, "the function uses much of a resource");
                }
                highest = highest.max(shares);
            }
        };
        // Without a thread there are the values at the begin and the end, which is all that a short run has.
        let spawn = || thread::Builder::new().name("resource-watch".to_owned()).spawn(sample).ok();
        let thread = if longest > interval { spawn() } else { None };
        Self { limits, began, stop, thread }
    }

    /// Stops, and adds the metrics. `remaining` is the time that the invocation has left.
    pub(super) fn stop(
        mut self,
        settings: &MonitoringSettings,
        remaining: Duration,
        metrics: Metrics,
    ) -> Metrics {
        let during = self.join().unwrap_or_default();
        let (began, first) = self.began;
        let last = ResourceSample::now();
        let whole = HighestShares::between(self.limits, first, last, began.elapsed().as_secs_f64());
        let cpu_time = first.cpu_time.zip(last.cpu_time).map(|(before, after)| after - before);
        // A short run may use all of the CPU, so its share counts only over an interval.
        let highest = HighestShares { cpu: None, ..whole }.max(during);
        let above = highest.above(settings);
        for (resource, share, threshold) in &above {
            tracing::warn!(resource, share, threshold, "the run used much of a resource");
        }
        let or_nan = |value: Option<f64>| value.unwrap_or(f64::NAN);
        metrics
            .with("memory_share", MetricUnit::Percent, or_nan(highest.memory))
            .count("resources_above_threshold", above.len() as u64)
            .field("memory_peak", or_nan(last.memory_peak))
            .field("cpu_time", or_nan(cpu_time))
            .field("cpu_share", or_nan(whole.cpu))
            .field("disk_share", or_nan(highest.disk))
            .field("remaining", remaining.as_secs_f64())
    }

    fn join(&mut self) -> Option<HighestShares> {
        let (flag, signal) = &*self.stop;
        *flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        signal.notify_all();
        self.thread.take()?.join().ok()
    }
}

impl Drop for ResourceWatch {
    fn drop(&mut self) {
        self.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_proc_are_read() {
        let stat = "42 (a ) name) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 3 0 9000 1 2 3";
        assert_eq!(cpu_time(stat), Some(2.0));
        assert_eq!(cpu_time("nothing"), None);
        let status = "Name:\tx\nVmPeak:\t 9999 kB\nVmHWM:\t    2048 kB\n";
        assert_eq!(memory_peak(status), Some(2_097_152.0));
        assert_eq!(memory_peak("Name: x"), None);
    }

    #[test]
    fn this_machine_has_all_values() {
        let sample = ResourceSample::now();
        assert!(sample.cpu_time.is_some() && sample.memory_peak.is_some_and(|bytes| bytes > 1e5));
        assert!(sample.disk_share.is_some_and(|share| (0.0..=100.0).contains(&share)), "{sample:?}");
        assert!(process_age().is_some());
    }

    #[test]
    fn a_share_is_of_what_lambda_gives_the_function() {
        let limits = ResourceLimits { memory: Some(1_769.0 / 2.0) };
        let before = ResourceSample { cpu_time: Some(1.0), ..ResourceSample::default() };
        let after = ResourceSample {
            cpu_time: Some(5.0),
            memory_peak: Some(1_769.0 / 4.0 * MEBIBYTE),
            disk_share: Some(95.0),
        };
        let shares = HighestShares::between(limits, before, after, 10.0);
        assert_eq!(shares, HighestShares { cpu: Some(80.0), memory: Some(50.0), disk: Some(95.0) });
        let names = |settings: &MonitoringSettings| -> Vec<&str> {
            shares.above(settings).into_iter().map(|(name, ..)| name).collect()
        };
        assert_eq!(names(&MonitoringSettings::default()), ["disk"]);
        let lower = MonitoringSettings {
            performance_threshold_cpu: 79,
            performance_threshold_memory: 49,
            performance_threshold_disk: 95,
            ..MonitoringSettings::default()
        };
        assert_eq!(names(&lower), ["cpu", "memory"]);
        let unknown = HighestShares::between(ResourceLimits { memory: None }, before, after, 10.0);
        assert_eq!((unknown.cpu, unknown.memory), (None, None));
    }

    #[test]
    fn a_run_is_sampled_at_the_interval_and_at_its_end() {
        let settings =
            MonitoringSettings { performance_monitoring_interval: 1, ..MonitoringSettings::default() };
        let limits = ResourceLimits { memory: Some(512.0) };
        let mut watch = ResourceWatch::start(limits, &settings, Duration::from_secs(60));
        // Until the first interval is over, however slow the machine is.
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(1_500) {
            thread::sleep(Duration::from_millis(100));
        }
        assert!(watch.join().is_some_and(|shares| shares.memory.is_some()));
        let metrics = watch.stop(&settings, Duration::from_secs(7), Metrics::default());
        let values = metrics.values();
        let mut names: Vec<&str> = values.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "cpu_share",
                "cpu_time",
                "disk_share",
                "memory_peak",
                "memory_share",
                "remaining",
                "resources_above_threshold"
            ]
        );
    }
}
