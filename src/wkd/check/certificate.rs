//! Judges the certificates of an address, as the filter leaves them.

use std::time::{Duration, SystemTime};

use sequoia_openpgp::policy::Policy;

use super::report::{Check, Findings, Level};
use super::server::day_of;
use super::standing::{end_of_use, unusable};
use crate::filter::{Filtered, Kept};
use crate::{EmailAddress, Reason, Rejection};

/// What GnuPG and Mailvelope read of an answer.
const CLIENTS_READ: usize = 256 << 10;
/// More than that no certificate has that was made small for publishing.
const LARGE: usize = 64 << 10;
/// Time enough to extend a certificate, and for it to get around.
const NOTICE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Fingerprints that a sentence has room for.
const NAMED: usize = 4;
/// Notes that are worth a line each.
const NOTES: usize = 4;

pub(super) const TOO_LARGE: &str = "Publish a minimal certificate: the User ID of the address \
     alone, without signatures by others (gpg --export-options export-minimal).";

/// An answer, looked into.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) filtered: &'a Filtered,
    /// Octets as sent.
    pub(super) octets: usize,
    pub(super) is_armored: bool,
    pub(super) address: &'a EmailAddress,
    /// The directory's policy wants User IDs that are the bare address.
    pub(super) mailbox_only: bool,
}

/// Judges an answer by a policy and at a time.
pub(super) fn judge(
    entry: &Entry<'_>,
    policy: &dyn Policy,
    now: SystemTime,
    findings: &mut Findings,
) {
    let kept = entry.filtered.kept();
    judge_rejected(entry.filtered, findings);
    if kept.is_empty() {
        return;
    }
    judge_size(entry.octets, findings);
    if entry.is_armored {
        findings.warning(
            Check::Armor,
            "The certificate is in ASCII armor, which not every client reads.",
            "Publish it in binary (gpg --export without --armor; sq packet dearmor).",
        );
    } else {
        findings.ok(Check::Armor, "The certificate is binary.");
    }
    findings.ok(
        Check::Address,
        "Its owner has bound a User ID of the address to it.",
    );
    judge_user_ids(entry, findings);
    judge_standing(kept, policy, now, findings);
    for note in kept.iter().flat_map(Kept::notes).take(NOTES) {
        findings.info(Check::Other, note);
    }
}

fn judge_rejected(filtered: &Filtered, findings: &mut Findings) {
    let (kept, rejected) = (filtered.kept(), filtered.rejected());
    let is = |reason| rejected.iter().any(|r| r.reason() == reason);
    // With a certificate beside it, clients have something to use; and what a
    // single fault leads to is one error.
    let mut level = match kept.is_empty() && !is(Reason::SecretKey) {
        true => Level::Error,
        false => Level::Warning,
    };
    // One of each sort: there may be many, and one says what to do.
    let mut told = Vec::new();
    for rejection in rejected {
        if !told.contains(&rejection.reason()) {
            told.push(rejection.reason());
            judge_rejection(rejection, &mut level, findings);
        }
    }
    let is_malformed = rejected
        .iter()
        .any(|r| !matches!(r.reason(), Reason::SecretKey | Reason::AddressNotCertified));
    if !is_malformed && !kept.iter().any(Kept::is_cut) {
        findings.ok(Check::Malformed, "The answer is well-formed OpenPGP data.");
    } else if !is_malformed {
        findings.warning(
            Check::Malformed,
            "A part of the answer could not be read.",
            EXPORT,
        );
    }
    if !is(Reason::SecretKey) && !kept.is_empty() {
        findings.ok(Check::SecretKey, "It holds no secret key.");
    }
}

const EXPORT: &str = "Publish the certificate again, as it comes out of the program that manages \
     it (gpg --export ADDRESS, in binary), and nothing else in the file.";

/// `level` is the one for the next that keeps clients from the certificate.
fn judge_rejection(rejection: &Rejection, level: &mut Level, findings: &mut Findings) {
    let whose = match rejection.fingerprint() {
        Some(fingerprint) => format!("The certificate {fingerprint}"),
        None => "The answer".to_owned(),
    };
    match rejection.reason() {
        Reason::SecretKey => {
            return findings.error(
                Check::SecretKey,
                format!("{whose} holds a secret key, for everybody to take."),
                "Take the file away now, revoke this key as compromised, make a new one, and \
                 publish the new certificate with the revoked one beside it.",
            );
        }
        Reason::UnsupportedAlgorithm => {
            // Nobody has seen whether clients can use it: that is not "works".
            let detail = format!(
                "{whose} uses an algorithm that the crypto library of this program cannot \
                 compute, so it could not be looked into; the same will hold for some clients."
            );
            let remedy = "Make a key with common algorithms: Ed25519 with X25519, or RSA with \
                          3072 or 4096 bits.";
            findings.add(Check::Algorithm, *level, detail, Some(remedy));
        }
        Reason::AddressNotCertified => findings.add(
            Check::Address,
            *level,
            format!("{whose} is not one for this address: {}.", said(rejection)),
            Some(
                "Publish a certificate with a User ID of exactly this address, signed by its own \
                 key (gpg --quick-add-uid) and not revoked.",
            ),
        ),
        Reason::TooLarge | Reason::TooMany => findings.add(
            Check::Size,
            *level,
            format!("{whose} is more than clients accept: {}.", said(rejection)),
            Some(TOO_LARGE),
        ),
        _ => findings.add(
            Check::Malformed,
            *level,
            format!("{whose} cannot be read: {rejection}."),
            Some(EXPORT),
        ),
    }
    *level = Level::Warning;
}

fn said(rejection: &Rejection) -> String {
    match rejection.detail() {
        "" => rejection.reason().to_string(),
        detail => detail.to_owned(),
    }
}

fn judge_size(octets: usize, findings: &mut Findings) {
    let check = Check::Size;
    if octets > CLIENTS_READ {
        let detail = format!(
            "The answer has {octets} octets; GnuPG and others read no more than {CLIENTS_READ}."
        );
        findings.error(check, detail, TOO_LARGE);
    } else if octets > LARGE {
        let detail = format!("The answer has {octets} octets; most certificates have some 2000.");
        findings.info(check, detail);
    } else {
        findings.ok(check, format!("The answer has {octets} octets."));
    }
}

fn judge_user_ids(entry: &Entry<'_>, findings: &mut Findings) {
    let kept = entry.filtered.kept();
    let others = kept
        .iter()
        .map(Kept::user_ids_dropped)
        .fold(0, usize::saturating_add);
    if others > 0 {
        let others = match others {
            1 => "another User ID or a photo".to_owned(),
            _ => format!("{others} other User IDs or photos"),
        };
        findings.warning(
            Check::OtherUserIds,
            format!(
                "The certificate shows {others}: whoever asks for one address learns of what else \
                 its owner is called."
            ),
            "Publish with each address only its own User ID (gpg --export-filter \
             keep-uid='mbox = ADDRESS', or the wkd_publish example).",
        );
    } else {
        findings.ok(Check::OtherUserIds, "It shows no other User ID.");
    }
    let bare = entry.address.to_string();
    let is_bare = |kept: &Kept| {
        kept.cert().userids().all(|id| {
            // The domain may be written in Unicode.
            let text = std::str::from_utf8(id.userid().value()).unwrap_or_default();
            text.parse::<EmailAddress>()
                .is_ok_and(|a| a.matches(entry.address))
        })
    };
    if entry.mailbox_only && !kept.iter().all(is_bare) {
        findings.warning(
            Check::Policy,
            format!("The policy wants User IDs to be the bare address ({bare}), and this is more."),
            "Publish a User ID without a name, or take mailbox-only out of the policy file.",
        );
    }
}

/// Judges how the certificates stand. One that can be used is enough; of several
/// that cannot, the newest is what the owner has to see to.
fn judge_standing(kept: &[Kept], policy: &dyn Policy, now: SystemTime, findings: &mut Findings) {
    let usable: Vec<&Kept> = kept.iter().filter(|kept| kept.is_usable()).collect();
    for (at, kept) in kept.iter().enumerate() {
        if kept.cert().primary_key().key().version() > 4 {
            findings.info(
                Check::Algorithm,
                "It is a certificate of version 6, which GnuPG and older clients do not read; one \
                 of version 4 can be published beside it.",
            );
        }
        if kept.is_usable() {
            continue;
        }
        let (check, detail, remedy) = unusable(kept, policy, now);
        match usable.is_empty() && at == 0 {
            true => findings.error(check, detail, remedy),
            false => findings.info(check, format!("{detail} Another one stands beside it.")),
        }
    }
    if usable.is_empty() {
        return;
    }
    judge_choice(&usable, findings);
    findings.ok(
        Check::Revoked,
        "There is a certificate that is not revoked.",
    );
    findings.ok(
        Check::Expired,
        "There is a certificate that has not expired.",
    );
    findings.ok(Check::Algorithm, "Its algorithms are accepted.");
    findings.ok(Check::EncryptionKey, "Mail can be encrypted to it.");
    // The one that lasts longest decides; one without an end lasts for ever.
    let end = usable
        .iter()
        .map(|kept| end_of_use(kept, policy, now))
        .reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other)))
        .flatten();
    match end {
        Some(end) if end.duration_since(now).unwrap_or_default() <= NOTICE => findings.warning(
            Check::ExpiresSoon,
            format!(
                "From {} on nobody can encrypt to it: it expires.",
                day_of(end)
            ),
            "Extend it (gpg --quick-set-expire, for its subkeys too), and publish it again.",
        ),
        Some(end) => {
            findings.ok(
                Check::ExpiresSoon,
                format!("It can be used until {}.", day_of(end)),
            );
        }
        None => findings.ok(Check::ExpiresSoon, "It does not expire."),
    }
}

/// Says where it is left to clients which certificate they use. One of version 6
/// beside one of version 4 is no choice: it is for other clients.
fn judge_choice(usable: &[&Kept], findings: &mut Findings) {
    let keys = usable.iter().map(|kept| kept.cert().primary_key().key());
    let versions: Vec<u8> = keys.map(|key| key.version()).collect();
    let is_choice = |(at, version)| versions[..at].contains(version);
    if !versions.iter().enumerate().any(is_choice) {
        return;
    }
    let named = usable.iter().take(NAMED);
    let named: Vec<_> = named
        .map(|kept| kept.cert().fingerprint().to_string())
        .collect();
    let more = match usable.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    findings.info(
        Check::Address,
        format!(
            "There are {} certificates for this address that can be used ({}{more}): some clients \
             take the first, others the newest or all of them.",
            usable.len(),
            named.join(", "),
        ),
    );
}

#[cfg(test)]
mod tests;
