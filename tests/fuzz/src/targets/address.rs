//! Any text as an address, and any octets as a User ID.

use openpgp_discovery::{AddressProblem, EmailAddress};

use crate::Input;

/// Runs the target.
pub(crate) fn run(data: &[u8]) -> usize {
    let mut input = Input::new(data);
    let first = input.part().rest();
    let second = input.rest();
    user_id(first);
    user_id(second);
    let first = parse(&String::from_utf8_lossy(first));
    let second = parse(&String::from_utf8_lossy(second));
    if let (Some(first), Some(second)) = (&first, &second) {
        assert_eq!(
            first.matches(second),
            second.matches(first),
            "{first} {second}"
        );
        if first == second {
            assert!(first.matches(second));
        }
        if first.matches(second) {
            assert_eq!(first.domain(), second.domain());
        }
    }
    usize::from(first.is_some()) + usize::from(second.is_some())
}

/// Parses it, and looks at all its forms.
fn parse(text: &str) -> Option<EmailAddress> {
    let address = match text.parse::<EmailAddress>() {
        Ok(address) => address,
        Err(error) => {
            assert!(text.is_char_boundary(error.at()), "{error:?} in {text:?}");
            assert_ne!(error.to_string(), "");
            let _: AddressProblem = error.problem();
            return None;
        }
    };
    let shown = address.to_string();
    assert!(shown.len() <= 254);
    assert!(!shown.chars().any(char::is_control));
    let again: EmailAddress = shown.parse().expect("what is shown is an address");
    assert_eq!(again, address);
    assert_eq!(again.to_string(), shown);
    assert_eq!(address.vks(), shown);
    assert_eq!(
        format!("{}@{}", address.local_part(), address.domain()),
        shown
    );
    assert!(address.matches(&address));
    assert!(
        text.starts_with(address.local_part()),
        "the local part is as written"
    );
    assert!((1..=64).contains(&address.local_part().len()));
    domain(address.domain());

    let lower = address.wkd_local_part();
    assert!(lower.eq_ignore_ascii_case(address.local_part()));
    assert!(!lower.bytes().any(|octet| octet.is_ascii_uppercase()));
    let dane = address.dane_local_part();
    assert!(!dane.chars().any(char::is_control));

    // As the address of a User ID, bare and in brackets, it is itself.
    for user_id in [
        shown.clone(),
        format!("A Name <{shown}>"),
        format!("<{shown}>"),
    ] {
        let named = EmailAddress::of_user_id(user_id.as_bytes());
        assert_eq!(named.as_ref(), Some(&address), "{user_id:?}");
    }
    Some(address)
}

fn domain(domain: &str) {
    assert!(domain.len() <= 252);
    for label in domain.split('.') {
        assert!((1..=63).contains(&label.len()), "{domain}");
        assert!(!label.starts_with('-') && !label.ends_with('-'), "{domain}");
        let good = |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-');
        assert!(label.bytes().all(good), "{domain}");
    }
}

fn user_id(octets: &[u8]) {
    let Some(address) = EmailAddress::of_user_id(octets) else {
        return;
    };
    let text = std::str::from_utf8(octets).expect("others name nobody");
    assert!(!text.chars().any(char::is_control));
    assert!(
        text.contains(address.local_part()),
        "{address} is not in {text:?}"
    );
    let in_brackets = text
        .strip_suffix('>')
        .map(|head| head.rsplit_once('<').map(|(_, a)| a));
    match in_brackets {
        // With a quoted `<` in the local part, what is behind the last one is less.
        Some(Some(inside)) if !address.local_part().contains('<') => {
            assert_eq!(inside.parse().as_ref(), Ok(&address), "{text:?}");
        }
        Some(Some(_)) => {}
        Some(None) => panic!("{text:?} names {address}"),
        None => assert_eq!(text.parse().as_ref(), Ok(&address), "{text:?}"),
    }
}
