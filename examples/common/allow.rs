//! The file of `--allow`: which certificate may be published for which address.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use openpgp_discovery::EmailAddress;
use openpgp_discovery::openpgp::Fingerprint;

/// The pairs in it.
#[derive(Debug, Default)]
pub(crate) struct Allow {
    addresses: HashMap<Fingerprint, Vec<EmailAddress>>,
}

impl Allow {
    /// Reads lines of `ADDRESS FINGERPRINT`; empty ones, and those that begin with `#`,
    /// do not count. One that cannot be read spoils the file: nobody knows what else
    /// is wrong in it.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut allow = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (address, fingerprint) =
                pair(line).with_context(|| format!("{}, line {}", path.display(), number + 1))?;
            allow
                .addresses
                .entry(fingerprint)
                .or_default()
                .push(address);
        }
        Ok(allow)
    }

    /// Whether it has this pair. How the local part is quoted and whether its letters
    /// are large makes no difference.
    pub(crate) fn grants(&self, address: &EmailAddress, fingerprint: &Fingerprint) -> bool {
        let granted = self.addresses.get(fingerprint);
        granted.is_some_and(|granted| granted.iter().any(|other| other.matches(address)))
    }
}

fn pair(line: &str) -> anyhow::Result<(EmailAddress, Fingerprint)> {
    // A quoted local part may have spaces in it, a fingerprint has none.
    let Some((address, fingerprint)) = line.rsplit_once(char::is_whitespace) else {
        bail!("there has to be an address and a fingerprint");
    };
    let address = address
        .trim_end()
        .parse()
        .context("the first is no address")?;
    match fingerprint.parse() {
        Ok(fingerprint @ (Fingerprint::V4(_) | Fingerprint::V6(_))) => Ok((address, fingerprint)),
        _ => bail!("the last word is no fingerprint of 40 or 64 hexadecimal digits"),
    }
}
