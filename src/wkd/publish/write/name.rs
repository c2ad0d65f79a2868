//! Which names in a directory are of this crate's making: all others are foreign.

use std::process;

/// The directory of the certificates.
pub(super) const HU: &str = "hu";

/// The file that says how the directory is kept.
pub(super) const POLICY: &str = "policy";

/// As files of certificates are called: 32 letters and digits of z-base-32.
pub(super) fn is_hash(name: &str) -> bool {
    const ALPHABET: &[u8] = b"ybndrfg8ejkmcpqxot1uwisza345h769";
    name.len() == 32 && name.bytes().all(|octet| ALPHABET.contains(&octet))
}

/// What a file is called until it is whole. No address has such a name.
pub(super) fn temporary(name: &str, attempt: u32) -> String {
    format!(".{name}.{}-{attempt}.tmp", process::id())
}

/// What the file is called when it is whole, where this is a name that [`temporary`]
/// gives, in whatever process.
pub(super) fn of_temporary(name: &str) -> Option<&str> {
    let inner = name.strip_prefix('.')?.strip_suffix(".tmp")?;
    let (stem, numbers) = inner.split_once('.')?;
    let (process, attempt) = numbers.split_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|o| o.is_ascii_digit());
    (is_number(process) && is_number(attempt)).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "iy9q119eutrkn8s1mk4r39qejnbu3n5q";

    #[test]
    fn what_is_a_hash() {
        assert!(is_hash(HASH));
        for name in [
            "policy",
            "iy9q119eutrkn8s1mk4r39qejnbu3n5",
            "iy9q119eutrkn8s1mk4r39qejnbu3n5qq",
            "IY9Q119EUTRKN8S1MK4R39QEJNBU3N5Q",
            "iy9q119eutrkn8s1mk4r39qejnbu3n5l",
            "iy9q119eutrkn8s1mk4r39qejnbu3né",
            "",
        ] {
            assert!(!is_hash(name), "{name}");
        }
    }

    #[test]
    fn what_is_temporary() {
        for (name, of) in [
            (".policy.4711-12.tmp", Some("policy")),
            (".index.1-1.tmp", Some("index")),
            (".policy.4711.tmp", None),
            (".policy.4711-.tmp", None),
            (".policy.-1.tmp", None),
            (".policy.a-1.tmp", None),
            (".policy.1-1.swp", None),
            ("policy.1-1.tmp", None),
            (".htaccess", None),
            (".tmp", None),
            ("", None),
            (HASH, None),
        ] {
            assert_eq!(of_temporary(name), of, "{name}");
        }
        for name in [HASH, POLICY] {
            assert_eq!(of_temporary(&temporary(name, 7)), Some(name));
        }
    }
}
