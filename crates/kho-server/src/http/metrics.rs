//! Figures about the server in Prometheus' text format (0.0.4). None is about a person.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the latency histogram, seconds.
const BOUNDS: [f64; 11] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

/// Requests counted so far; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics(Arc<Mutex<BTreeMap<Key, Series>>>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, Copy, Default)]
struct Series {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    seconds: f64,
}

impl Metrics {
    pub(crate) fn count(&self, method: &str, route: &str, status: u16, took: Duration) {
        // Methods are the asker's words: unknown ones must not become labels.
        let method = ["GET", "HEAD", "OPTIONS", "POST"].into_iter().find(|m| *m == method).unwrap_or("other");
        let key = Key { route: route.to_owned(), method, status };
        let seconds = took.as_secs_f64();
        // A poisoned lock only means that a thread died while counting; the figures still stand.
        let mut series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let series = series.entry(key).or_default();
        for (bucket, bound) in series.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
        series.count += 1;
        series.seconds += seconds;
    }

    /// The figures as text.
    pub(crate) fn text(&self) -> String {
        let series = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut out = String::from(
            "# HELP kho_http_request_duration_seconds How long requests took, by route.\n\
             # TYPE kho_http_request_duration_seconds histogram\n",
        );
        for (Key { route, method, status }, series) in &series {
            let labels = format!("route=\"{}\",method=\"{method}\",status=\"{status}\"", escape(route));
            let name = "kho_http_request_duration_seconds";
            // Writing into a String cannot fail.
            for (bound, count) in BOUNDS.iter().zip(series.buckets) {
                let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}");
            }
            let _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", series.count);
            let _ = writeln!(out, "{name}_sum{{{labels}}} {}", series.seconds);
            let _ = writeln!(out, "{name}_count{{{labels}}} {}", series.count);
        }
        out
    }
}

/// One figure of its own.
pub(crate) fn gauge(out: &mut String, name: &str, kind: &str, help: &str, value: f64) {
    heading(out, name, kind, help);
    let _ = writeln!(out, "{name} {value}");
}

/// What stands above the series of a name.
pub(crate) fn heading(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// A label's value.
pub(crate) fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up() {
        let metrics = Metrics::default();
        metrics.count("GET", "/tiles/{layer}", 200, Duration::from_micros(700));
        metrics.count("GET", "/tiles/{layer}", 200, Duration::from_secs(30));
        metrics.count("BREW", "(none)", 405, Duration::ZERO);
        let text = metrics.text();
        let line = |part: &str| text.lines().find(|l| l.contains(part)).unwrap().to_owned();
        assert!(line("route=\"/tiles/{layer}\",method=\"GET\",status=\"200\",le=\"0.0005\"").ends_with(" 0"));
        assert!(line("route=\"/tiles/{layer}\",method=\"GET\",status=\"200\",le=\"0.001\"").ends_with(" 1"));
        assert!(line("route=\"/tiles/{layer}\",method=\"GET\",status=\"200\",le=\"+Inf\"").ends_with(" 2"));
        assert!(text.contains("method=\"other\""));
        assert!(!text.contains("BREW"));
    }
}
