//! The options of every program that uses the network.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use openpgp_discovery::dns::AddressGuard;
use openpgp_discovery::vks::Budget;
use openpgp_discovery::{Error, KeyLocatorBuilder};
use url::Url;

#[derive(Debug, clap::Args)]
pub(crate) struct NetworkOptions {
    /// Print JSON Lines: one object per item
    #[arg(long)]
    pub(crate) json: bool,

    /// Validating key server; what is named here may use http, a port and a private
    /// address [default: https://keys.openpgp.org]
    #[arg(long, value_name = "URL", help_heading = NETWORK)]
    pub(crate) vks: Option<Url>,

    /// How often the key server may be asked, or `off` [default: what
    /// keys.openpgp.org documents]
    #[arg(long, value_name = "BURST/PER_SECOND", value_parser = rate, help_heading = NETWORK)]
    pub(crate) vks_rate: Option<Rate>,

    /// Ask this DNS server instead of the system's; may be repeated
    #[arg(long, value_name = "IP[:PORT]", value_parser = nameserver, help_heading = NETWORK)]
    pub(crate) nameserver: Vec<SocketAddr>,

    /// Trust these certificate authorities too (PEM), beside the system's
    #[arg(
        long,
        value_name = "FILE",
        value_parser = PathBufValueParser::new().try_map(read_pem),
        help_heading = NETWORK,
    )]
    pub(crate) ca: Option<Pem>,

    /// Allow loopback, private, link-local and other special-purpose addresses
    #[arg(long, help_heading = NETWORK)]
    pub(crate) allow_private_addresses: bool,

    /// Deadline for one item in all; fractions are allowed
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = seconds,
        default_value = "20",
        help_heading = NETWORK,
    )]
    pub(crate) timeout: Duration,

    /// How many at once
    #[arg(short, long, value_name = "N", default_value = "16", help_heading = NETWORK)]
    pub(crate) jobs: NonZeroUsize,

    /// Print the trail of every look-up on stderr; twice: log events too
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

const NETWORK: &str = "Network";

/// A client-side budget, as written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rate {
    Off,
    Limit { burst: u32, per_second: f64 },
}

/// The text of a file of trust anchors. The locator reads the certificates in it.
#[derive(Clone, Debug)]
pub(crate) struct Pem(Vec<u8>);

impl NetworkOptions {
    /// The builder with these options set.
    pub(crate) fn configure(&self, mut builder: KeyLocatorBuilder) -> KeyLocatorBuilder {
        builder = builder
            .deadline(self.timeout)
            .concurrency(self.jobs.get())
            // Whoever asks for log events has typed the addresses, and reads them alone.
            .log_addresses(self.verbose > 1);
        if let Some(url) = &self.vks {
            builder = builder.vks(url.clone());
        }
        // The text was checked when it was parsed, so an error cannot come up here.
        if let Some(Ok(budget)) = self.vks_rate.map(Rate::budget) {
            builder = builder.vks_budget(budget);
        }
        if !self.nameserver.is_empty() {
            builder = builder.nameservers(self.nameserver.iter().copied());
        }
        if let Some(Pem(text)) = &self.ca {
            builder = builder.trust_anchors_pem(text.clone());
        }
        if self.allow_private_addresses {
            builder = builder.guard(AddressGuard::lifted());
        }
        builder
    }
}

impl Rate {
    fn budget(self) -> Result<Budget, Error> {
        match self {
            Self::Off => Ok(Budget::unlimited()),
            Self::Limit { burst, per_second } => Budget::new(burst, per_second),
        }
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    if text == "off" {
        return Ok(Rate::Off);
    }
    let numbers = text.split_once('/').and_then(|(burst, per_second)| {
        Some(Rate::Limit {
            burst: burst.parse().ok()?,
            per_second: per_second.parse().ok()?,
        })
    });
    let rate = numbers.ok_or("expected BURST/PER_SECOND, as in 50/0.0167, or off")?;
    rate.budget().map_err(|error| error.to_string())?;
    Ok(rate)
}

fn nameserver(text: &str) -> Result<SocketAddr, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let socket = match (text.parse(), bare.parse::<IpAddr>()) {
        (Ok(socket), _) => socket,
        (_, Ok(ip)) => SocketAddr::new(ip, 53),
        _ => {
            return Err(
                "expected an IP address, with or without a port: 192.0.2.1, \
                 192.0.2.1:5353, 2001:db8::1 or [2001:db8::1]:5353"
                    .to_owned(),
            );
        }
    };
    match socket.port() {
        0 => Err("there is no port 0".to_owned()),
        _ => Ok(socket),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("expected more than 0 seconds, and not for ever".to_owned()),
    }
}

fn read_pem(path: PathBuf) -> io::Result<Pem> {
    fs::read(path).map(Pem)
}
