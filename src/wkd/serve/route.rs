//! From a path to the file that it names.

use std::borrow::Cow;

use super::directory::Question;
use super::query::{self, LocalPart};
use super::request::Request;
use crate::EmailAddress;
use crate::wkd::{Layout, Url};

const PREFIX: &str = "/.well-known/openpgpkey/";

/// The octets of z-base-32 (RFC 6189 §5.1.6).
const ALPHABET: &[u8; 32] = b"ybndrfg8ejkmcpqxot1uwisza345h769";

/// A SHA-1 of 160 bits, five of them in each letter.
const HASH: usize = 32;

/// What a directory can be asked for.
#[derive(Debug)]
pub(super) enum Wanted<'a> {
    Certificates(Question<'a>),
    Policy(Cow<'a, str>),
}

/// What the request is about; `None` where that is no file of any directory, whatever
/// may be in it.
pub(super) fn wanted<'a>(request: &Request<'a>) -> Option<Wanted<'a>> {
    let rest = request.path.strip_prefix(PREFIX)?;
    // More than what is looked for, so that one part more does not match.
    let parts: Vec<&str> = rest.splitn(4, '/').collect();
    match parts[..] {
        ["policy"] => {
            let domain = domain_of_host(request.host?)?;
            is_domain(&domain).then_some(Wanted::Policy(domain))
        }
        // Before the direct method: there is a domain `hu`, and no such hash.
        [domain, "policy"] => is_domain(domain).then_some(Wanted::Policy(domain.into())),
        ["hu", hash] => {
            let domain = domain_of_host(request.host?)?;
            question(request, Layout::Direct, domain, hash)
        }
        [domain, "hu", hash] => question(request, Layout::Advanced, domain.into(), hash),
        _ => None,
    }
}

fn question<'a>(
    request: &Request<'a>,
    layout: Layout,
    domain: Cow<'a, str>,
    hash: &'a str,
) -> Option<Wanted<'a>> {
    if hash.len() != HASH || !hash.bytes().all(|octet| ALPHABET.contains(&octet)) {
        return None;
    }
    let address = match query::local_part(request.query.unwrap_or_default()) {
        LocalPart::Absent if is_domain(&domain) => None,
        LocalPart::Given(local_part) => Some(address(&local_part, &domain, hash)?),
        LocalPart::Absent | LocalPart::Bad => return None,
    };
    Some(Wanted::Certificates(Question {
        layout,
        domain,
        hash,
        address,
    }))
}

/// The address of this domain with this local part, if that is the one with the hash.
fn address(local_part: &str, domain: &str, hash: &str) -> Option<EmailAddress> {
    let address: EmailAddress = [local_part, "@", domain].concat().parse().ok()?;
    let is_it = address.domain() == domain
        && address.local_part() == local_part
        && Url::new(&address).hash() == hash;
    is_it.then_some(address)
}

/// Whether an address can have this domain, and has it in this form: only one of all
/// ways to write it is the right one in a path.
fn is_domain(domain: &str) -> bool {
    let address: Result<EmailAddress, _> = ["a@", domain].concat().parse();
    address.is_ok_and(|address| address.domain() == domain)
}

/// A host without its port, its final dot and its case.
fn domain_of_host(host: &str) -> Option<Cow<'_, str>> {
    let name = match host.split_once(':') {
        Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => name,
        // An IPv6 address, or nonsense: no domain either way.
        Some(_) => return None,
        None => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    Some(match name.bytes().any(|octet| octet.is_ascii_uppercase()) {
        true => name.to_ascii_lowercase().into(),
        false => name.into(),
    })
}
