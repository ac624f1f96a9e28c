//! The server of a program's runs, and the way to it.

use std::net::ToSocketAddrs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use proofload_launch::{Code, Exit};
use proofload_scheduler_redis::wire::Address;
use proofload_units::human_duration;
use proofload_wire_proxy::{Calibration, Direction, Plan, Proxy};
use serde_json::{Value, json};

use super::prefix::{Prefix, Refused};
use super::truth::Observer;
use crate::grade::nanoseconds;

/// Round trips that are measured with the proxy and without it, before a delay is believed.
const TRIPS: u32 = 200;
/// How far the delay may be off before it is warned of.
const OFF_MAX: f64 = 0.1;

/// A server that can be used, under a prefix that is free.
pub(crate) struct Server {
    pub(crate) near: Address,
    pub(crate) observer: Observer,
    pub(crate) prefix: Prefix,
    pub(crate) keep: bool,
    far: Option<Far>,
    /// What could not be removed at the end of a run.
    left: Mutex<Vec<String>>,
}

/// The same server, further away.
struct Far {
    proxy: Proxy,
    address: Address,
    calibration: Calibration,
}

impl Server {
    /// Looks whether the server and the prefix can be used, and puts it at its distance.
    pub(crate) fn reach(
        near: Address,
        prefix: Prefix,
        keep: bool,
        rtt: Duration,
    ) -> anyhow::Result<Self> {
        let observer = Observer::connect(&near).map_err(Exit::unreachable)?;
        prefix.check_free(&observer.wire, &near).map_err(|refused| match refused {
            Refused::Wire(error) => Exit::unreachable(error),
            refused => Exit::usage(anyhow!("--prefix {}: {refused}", prefix.text())),
        })?;
        let far = if rtt.is_zero() { None } else { Some(Far::put(&near, rtt)?) };
        Ok(Self { near, observer, prefix, keep, far, left: Mutex::default() })
    }

    /// Where the strategies reach it.
    pub(crate) fn far(&self) -> &Address {
        self.far.as_ref().map_or(&self.near, |far| &far.address)
    }

    /// What to say of a failure on the way there, where its address is that of our proxy.
    pub(crate) fn way(&self) -> String {
        match &self.far {
            None => format!("cannot go on with {}", self.near),
            Some(_) => format!("cannot go on through the proxy of --rtt-ms to {}", self.near),
        }
    }

    pub(crate) fn version(&self) -> String {
        self.observer.wire.server().version.clone()
    }

    /// Lines of a run's configuration.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("Store: {}, version {}", self.near, self.version())];
        if let Some(Far { calibration, .. }) = &self.far {
            lines.push(format!("Round trip: {}", stated(calibration)));
        }
        lines
    }

    /// What is to be warned of before the runs.
    pub(crate) fn warning(&self) -> Option<String> {
        let Far { calibration, .. } = self.far.as_ref()?;
        (calibration.off() > OFF_MAX)
            .then(|| format!("the delay is not what was asked for: {}", stated(calibration)))
    }

    /// As files keep it, with what the proxy has done until now.
    pub(crate) fn record(&self) -> Value {
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        let delay = self.far.as_ref().map(|Far { proxy, calibration, .. }| {
            let held = proxy.passed(Direction::Reply);
            json!({
                "asked_us": us(calibration.asked),
                "added_us": us(calibration.added),
                "off_percent": calibration.off() * 100.0,
                "direct_p50_us": us(calibration.direct.p50()),
                "through_p50_us": us(calibration.through.p50()),
                "round_trips_each": calibration.through.count(),
                "held_p50_us": us(held.p50),
                "held_p99_us": us(held.p99),
                "held_replies": held.chunks,
            })
        });
        json!({
            "address": self.near.to_string(),
            "version": self.version(),
            "prefix": self.prefix.text(),
            "keys_kept": self.keep,
            "delay": delay,
        })
    }

    /// What could not be removed, in words.
    pub(crate) fn left(&self) -> Vec<String> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes down what went wrong at an end, where nobody is there to be told.
    pub(crate) fn could_not_remove(&self, prefix: &str, error: &dyn std::fmt::Display) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.push(format!("keys that begin with `{{{prefix}}}:` could not be removed: {error}"));
    }
}

impl Far {
    fn put(near: &Address, rtt: Duration) -> anyhow::Result<Self> {
        let (host, port) = near.endpoint();
        let found = (host, port).to_socket_addrs().ok().and_then(|mut found| found.next());
        let endpoint = found.ok_or_else(|| anyhow!("{near}: no such host"));
        let endpoint = endpoint.map_err(|error| Exit::with(Code::Unreachable, error))?;
        let proxy = Proxy::start(endpoint, Plan::delay(rtt)).context("cannot start the proxy")?;
        let calibration = proxy
            .calibrate(TRIPS)
            .with_context(|| format!("cannot measure round trips to {near}"))?;
        let address = near.by_way_of(proxy.address());
        Ok(Self { proxy, address, calibration })
    }
}

/// A delay beside what it came to.
fn stated(calibration: &Calibration) -> String {
    let time = |time: Duration| human_duration(nanoseconds(time));
    format!(
        "{} more asked for, {} measured ({:.1}% off; {} without)",
        time(calibration.asked),
        time(calibration.added),
        calibration.off() * 100.0,
        time(calibration.direct.p50()),
    )
}
