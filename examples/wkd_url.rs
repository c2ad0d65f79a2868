//! Where a Web Key Directory keeps the certificate of an address. No network.
//!
//! ```sh
//! cargo run --example wkd_url -- Joe.Doe@Example.ORG
//! cargo run --example wkd_url -- --json alice@example.org bob@example.net
//! ```

use std::io;
use std::process::ExitCode;

use clap::Parser;
use openpgp_discovery::{AddressError, EmailAddress, wkd};
use serde::Serialize;

mod common {
    pub(crate) mod json;
    pub(crate) mod print;
    pub(crate) mod sanitize;
}
use common::{json, print, sanitize::clean};

/// Prints where a Web Key Directory keeps the certificate of an address
///
/// Exit status: 0 each is an address; 1 at least one is not; 2 usage error.
#[derive(Debug, Parser)]
#[command(name = "wkd_url")]
struct Args {
    /// E-mail addresses, without a name or angle brackets
    #[arg(value_name = "ADDRESS", required = true)]
    addresses: Vec<String>,

    /// Print JSON Lines: one object per address
    #[arg(long)]
    json: bool,
}

/// What is known of an address. `address` is as typed.
#[derive(Serialize)]
struct Places<'a> {
    address: &'a str,
    local_part: &'a str,
    domain: &'a str,
    hash: &'a str,
    advanced_url: Option<String>,
    direct_url: String,
}

/// A text that is not an address.
#[derive(Serialize)]
struct Invalid<'a> {
    address: &'a str,
    error: String,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let parsed: Vec<_> = args
        .addresses
        .iter()
        .map(|text| (text.as_str(), text.parse()))
        .collect();
    let status = match parsed.iter().all(|(_, address)| address.is_ok()) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    };
    match print_all(&parsed, args.json) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("wkd_url: cannot write: {error}");
            ExitCode::FAILURE
        }
        // A reader that has gone has what it wanted.
        _ => status,
    }
}

fn print_all(
    parsed: &[(&str, Result<EmailAddress, AddressError>)],
    as_json: bool,
) -> io::Result<()> {
    for (number, (text, parsed)) in parsed.iter().enumerate() {
        if number > 0 && !as_json {
            print::stdout("\n")?;
        }
        match parsed {
            Ok(address) => {
                let url = wkd::Url::new(address);
                let places = Places {
                    address: text,
                    local_part: address.local_part(),
                    domain: address.domain(),
                    hash: url.hash(),
                    advanced_url: url.advanced_text(),
                    direct_url: url.direct_text(),
                };
                print::stdout(&if as_json {
                    json::line(&places)?
                } else {
                    draw(&places)
                })?;
            }
            Err(error) => {
                let error = format!("not an e-mail address: {error}");
                print::stdout(&if as_json {
                    json::line(&Invalid {
                        address: text,
                        error,
                    })?
                } else {
                    format!("{}\n  {}\n", clean(text), clean(&error))
                })?;
            }
        }
    }
    Ok(())
}

fn draw(places: &Places<'_>) -> String {
    let advanced = places
        .advanced_url
        .as_deref()
        .unwrap_or("none: the host's name would be too long");
    format!(
        "{}\n  local part  {}\n  domain      {}\n  hash        {}\n  advanced    {}\n  direct      {}\n",
        clean(places.address),
        clean(places.local_part),
        clean(places.domain),
        places.hash,
        clean(advanced),
        clean(&places.direct_url),
    )
}
