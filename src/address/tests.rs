//! The rules as tables, and what must hold for any text at all.

use super::*;
use crate::{Error, ErrorKind};

use AddressProblem as P;

fn parse(text: &str) -> EmailAddress {
    text.parse()
        .unwrap_or_else(|error| panic!("{text:?} is an address, but: {error}"))
}

#[test]
fn accepted() {
    let local = "l".repeat(64);
    let label = "d".repeat(63);
    for (text, local_part, domain) in [
        ("Joe.Doe@Example.ORG", "Joe.Doe", "example.org"),
        ("!#$%&'*+-/=?^_`{|}~@a", "!#$%&'*+-/=?^_`{|}~", "a"),
        ("joe@localhost", "joe", "localhost"),
        ("joe@123.example", "joe", "123.example"),
        ("joe@1e3.0xg", "joe", "1e3.0xg"),
        ("joe@a-b.c--d", "joe", "a-b.c--d"),
        ("joe@r3---sn.example.org", "joe", "r3---sn.example.org"),
        ("joe@ab--cd.bücher", "joe", "ab--cd.xn--bcher-kva"),
        ("joe@ab-cd", "joe", "ab-cd"),
        ("\"\"@a", "\"\"", "a"),
        ("\"a b\"@a", "\"a b\"", "a"),
        ("\"a@b\"@a", "\"a@b\"", "a"),
        ("\"a\\\"@b\\\\\"@a", "\"a\\\"@b\\\\\"", "a"),
        ("\"..\"@a", "\"..\"", "a"),
        ("\"a\u{A0}b\"@a", "\"a\u{A0}b\"", "a"),
        ("ÄRGER@a", "ÄRGER", "a"),
        (
            "\u{915}\u{94D}\u{200D}\u{937}@a",
            "\u{915}\u{94D}\u{200D}\u{937}",
            "a",
        ),
        ("u@BÜCHER.Example", "u", "xn--bcher-kva.example"),
        ("u@bu\u{308}cher.example", "u", "xn--bcher-kva.example"),
        ("u@XN--BCHER-KVA.example", "u", "xn--bcher-kva.example"),
        ("u@faß.example", "u", "xn--fa-hia.example"),
        ("u@例え。テスト", "u", "xn--r8jz45g.xn--zckzah"),
        ("u@ｅｘａｍｐｌｅ．org", "u", "example.org"),
        ("u@مثال.إختبار", "u", "xn--mgbh0fb.xn--kgbechtv"),
        // Mapped to nothing by UTS-46.
        ("u@exa\u{AD}mple.org", "u", "example.org"),
        (&format!("{local}@a"), &local, "a"),
        (&format!("a@{label}.a"), "a", &format!("{label}.a")),
    ] {
        let address = parse(text);
        assert_eq!(address.local_part(), local_part, "{text:?}");
        assert_eq!(address.domain(), domain, "{text:?}");
        assert_eq!(address.to_string(), format!("{local_part}@{domain}"));
    }
}

#[test]
fn refused_and_where() {
    for (text, problem, at) in [
        ("", P::Empty, 0),
        ("joe", P::NoAt, 3),
        ("\"joe\"", P::NoAt, 5),
        ("@example.org", P::LocalPartEmpty, 0),
        ("joe@", P::DomainEmpty, 4),
        ("joe@doe@example.org", P::SecondAt, 7),
        ("joe@ü@example.org", P::SecondAt, 6),
        // Other notations.
        ("Joe Doe <joe@example.org>", P::WhiteSpace, 3),
        ("<joe@example.org>", P::LocalPartCharacter, 0),
        ("joe(comment)@example.org", P::LocalPartCharacter, 3),
        ("joe@example.org (comment)", P::WhiteSpace, 15),
        ("mailto:joe@example.org", P::LocalPartCharacter, 6),
        ("joe@example.org>", P::DomainCharacter, 15),
        // White space and control characters.
        (" joe@example.org", P::WhiteSpace, 0),
        ("joe@ example.org", P::WhiteSpace, 4),
        ("joe@example.org ", P::WhiteSpace, 15),
        ("joe@example.org\n", P::Control, 15),
        ("joe doe@example.org", P::WhiteSpace, 3),
        ("ä\u{3000}b@example.org", P::WhiteSpace, 2),
        ("\u{FEFF}joe@example.org", P::WhiteSpace, 0),
        ("jo\u{200B}e@example.org", P::WhiteSpace, 2),
        ("joe@exa\u{A0}mple.org", P::WhiteSpace, 7),
        ("jo\0e@example.org", P::Control, 2),
        ("\"jo\te\"@example.org", P::Control, 3),
        ("\"jo\\\te\"@example.org", P::Control, 4),
        ("jo\u{7F}e@example.org", P::Control, 2),
        ("jo\u{85}e@example.org", P::Control, 2),
        ("\"\u{9F}\"@example.org", P::Control, 1),
        ("joe@exa\u{1}mple.org", P::Control, 7),
        ("joe@exä\u{80}mple.org", P::Control, 8),
        ("jo\u{202E}e@example.org", P::Formatting, 2),
        ("\"jo\u{2066}e\"@example.org", P::Formatting, 3),
        ("\"jo\u{2028}e\"@example.org", P::Formatting, 3),
        ("joe@\u{200F}example.org", P::Formatting, 4),
        // Dots and quotes.
        (".joe@example.org", P::LocalPartDot, 0),
        ("joe.@example.org", P::LocalPartDot, 3),
        ("joe..doe@example.org", P::LocalPartDot, 4),
        ("\"joe@example.org", P::QuoteNotClosed, 0),
        ("\"joe\\\"@example.org", P::QuoteNotClosed, 0),
        ("\"joe\\", P::QuoteNotClosed, 0),
        ("\"joe\"doe@example.org", P::AfterQuote, 5),
        ("\"joe\".doe@example.org", P::AfterQuote, 5),
        ("jo\"e\"@example.org", P::LocalPartCharacter, 2),
        ("jo\\e@example.org", P::LocalPartCharacter, 2),
        ("\"jo\\ä\"@example.org", P::QuotedPair, 3),
        // Domains.
        ("joe@[192.0.2.1]", P::AddressLiteral, 4),
        ("joe@[IPv6:2001:db8::1]", P::AddressLiteral, 4),
        ("joe@192.0.2.1", P::Numeric, 12),
        ("joe@2130706433", P::Numeric, 4),
        ("joe@example.123", P::Numeric, 12),
        ("joe@example.0x7F000001", P::Numeric, 12),
        ("joe@example.0X", P::Numeric, 12),
        ("joe@bücher.１２", P::Numeric, 12),
        ("joe@.example.org", P::LabelEmpty, 4),
        ("joe@example..org", P::LabelEmpty, 12),
        ("joe@.", P::LabelEmpty, 4),
        ("joe@bücher..org", P::LabelEmpty, 12),
        ("joe@\u{AD}.org", P::LabelEmpty, 4),
        ("joe@example.org.", P::TrailingDot, 15),
        ("joe@bücher。", P::TrailingDot, 11),
        ("joe@exa_mple.org", P::DomainCharacter, 7),
        ("joe@bücher_.org", P::DomainCharacter, 11),
        ("joe@example.org:8443", P::DomainCharacter, 15),
        ("joe@example.org/x", P::DomainCharacter, 15),
        ("joe@exa%6dple.org", P::DomainCharacter, 7),
        ("joe@-example.org", P::Hyphen, 4),
        ("joe@example-.org", P::Hyphen, 11),
        ("joe@xn--a.org", P::International, 4),
        ("joe@a.xn--.org", P::International, 6),
        // ASCII in Punycode is nobody's A-label.
        ("joe@xn--example-.org", P::International, 4),
        // Upper case in Punycode.
        ("joe@xn--Bcher-kva-.org", P::International, 4),
        ("joe@example.a\u{E000}", P::International, 12),
        ("joe@example.\u{308}a", P::International, 12),
    ] {
        let error = text.parse::<EmailAddress>().unwrap_err();
        assert_eq!((error.problem(), error.at()), (problem, at), "{text:?}");
        let error = Error::from(error);
        assert_eq!(error.kind(), ErrorKind::Address);
        if text.len() > 1 {
            assert!(!error.to_string().contains(text), "{error}");
        }
    }
}

#[test]
fn lengths() {
    let label = |length| "d".repeat(length);
    let local = |length| "l".repeat(length);
    let whole = |last| [label(63), label(63), label(63), label(last)].join(".");
    for (text, fault) in [
        (format!("{}@a", local(64)), None),
        (format!("{}@a", local(65)), Some((P::LocalPartTooLong, 64))),
        // 63 octets and one character of two: the edge is in front of it.
        (format!("{}ä@a", local(62)), None),
        (format!("{}ä@a", local(63)), Some((P::LocalPartTooLong, 63))),
        (format!("\"{}\"@a", local(62)), None),
        (
            format!("\"{}\"@a", local(63)),
            Some((P::LocalPartTooLong, 64)),
        ),
        (format!("a@{}.a", label(63)), None),
        (format!("a@b.{}.a", label(64)), Some((P::LabelTooLong, 4))),
        // 63 octets as an A-label, and 64.
        (format!("a@{}ü", label(55)), None),
        (format!("a@b.{}ü", label(57)), Some((P::LabelTooLong, 4))),
        (
            format!("a@b.{}", "ü".repeat(200)),
            Some((P::LabelTooLong, 4)),
        ),
        (format!("a@{}", "üüü.".repeat(200)), Some((P::TooLong, 2))),
        (format!("a@{}", whole(60)), None),
        (format!("a@{}", whole(61)), Some((P::TooLong, 254))),
        (format!("ab@{}", whole(60)), Some((P::TooLong, 254))),
        (format!("a@ü.{}", whole(60)), Some((P::TooLong, 2))),
    ] {
        let result = text.parse::<EmailAddress>();
        let got = result.as_ref().err().map(|e| (e.problem(), e.at()));
        assert_eq!(got, fault, "{text}");
    }
    assert_eq!(parse(&format!("a@{}", whole(60))).to_string().len(), 254);
}

#[test]
fn nobody_smuggles_space_or_control_or_direction_in() {
    let all = (0..=char::MAX as u32).filter_map(char::from_u32);
    for c in all {
        let bad = c.is_control()
            || c.is_whitespace()
            || matches!(
                c,
                '\u{200E}' | '\u{200F}' | '\u{61C}' | '\u{202A}'..='\u{202E}'
            )
            || matches!(c, '\u{2066}'..='\u{2069}');
        if bad {
            for text in [format!("a{c}b@example.org"), format!("a@b{c}c.org")] {
                assert!(text.parse::<EmailAddress>().is_err(), "{text:?}");
            }
        }
    }
}

#[test]
fn forms() {
    for (text, wkd, dane) in [
        ("Joe.Doe@Example.ORG", "joe.doe", "Joe.Doe"),
        ("joe+TAG@example.org", "joe+tag", "joe+TAG"),
        ("ÄRGER@example.org", "Ärger", "ÄRGER"),
        // NFD: WKD keeps it, DANE composes it.
        ("A\u{308}b@example.org", "a\u{308}b", "\u{C4}b"),
        ("\u{212A}elvin@example.org", "\u{212A}elvin", "Kelvin"),
        ("\"Joe Doe\"@example.org", "\"joe doe\"", "Joe Doe"),
        ("\"A\\\"B\\\\\"@example.org", "\"a\\\"b\\\\\"", "A\"B\\"),
        ("\"\\a\u{308}\"@example.org", "\"\\a\u{308}\"", "\u{E4}"),
    ] {
        let address = parse(text);
        assert_eq!(address.wkd_local_part(), wkd, "{text:?}");
        assert_eq!(address.dane_local_part(), dane, "{text:?}");
        assert_eq!(
            address.vks(),
            format!("{}@example.org", address.local_part())
        );
    }
    assert!(matches!(parse("joe@a").wkd_local_part(), Cow::Borrowed(_)));
    assert_eq!(format!("{:?}", parse("joe@a")), "EmailAddress(joe@a)");
    assert_eq!(format!("{:>7}|", parse("joe@a")), "  joe@a|");
}

#[test]
fn matching() {
    for (a, b, expected) in [
        ("joe@example.org", "JOE@Example.ORG", true),
        ("joe@example.org", "\"Joe\"@example.org", true),
        ("\"j\\oe\"@example.org", "Joe@example.org", true),
        ("\"a\\\"b\"@example.org", "\"A\\\"B\"@example.org", true),
        ("u@bücher.example", "u@xn--bcher-kva.example", true),
        ("joe@example.org", "joe@example.com", false),
        ("joe@example.org", "joe@sub.example.org", false),
        ("joe@example.org", "joe+tag@example.org", false),
        ("joe.doe@example.org", "joedoe@example.org", false),
        ("ärger@example.org", "ÄRGER@example.org", false),
        ("\u{E4}@example.org", "a\u{308}@example.org", false),
        ("k@example.org", "\u{212A}@example.org", false),
        ("\"a\\\\b\"@example.org", "\"ab\"@example.org", false),
        ("joe@example.org", "\"joe \"@example.org", false),
    ] {
        assert_eq!(parse(a).matches(&parse(b)), expected, "{a} {b}");
        assert_eq!(parse(b).matches(&parse(a)), expected, "{b} {a}");
    }
}

#[test]
fn user_ids() {
    for (user_id, expected) in [
        ("joe@example.org", Some("joe@example.org")),
        ("<joe@example.org>", Some("joe@example.org")),
        ("Joe <Joe@Example.ORG>", Some("Joe@example.org")),
        (
            "Joe (work; me@home) <joe@example.org>",
            Some("joe@example.org"),
        ),
        (
            "alice@a.example <mallory@b.example>",
            Some("mallory@b.example"),
        ),
        ("Joe<joe@example.org>", Some("joe@example.org")),
        ("\"Doe, <Joe>\" <joe@example.org>", Some("joe@example.org")),
        (
            "\"a \\\" <b@c>\" <joe@example.org>",
            Some("joe@example.org"),
        ),
        ("<\"a<b>c\"@example.org>", Some("\"a<b>c\"@example.org")),
        ("\"a>b\"@example.org", Some("\"a>b\"@example.org")),
        ("Joe 5'2\" <joe@example.org>", Some("joe@example.org")),
        ("J\u{f6}rg <joe@example.org>", Some("joe@example.org")),
        ("", None),
        ("Joe", None),
        (">", None),
        ("<>", None),
        ("joe@example.org>", None),
        ("<joe@example.org", None),
        ("<a@b.example> <c@d.example>", None),
        ("<a@b.example>>", None),
        ("<<a@b.example>", None),
        ("a>b <a@b.example>", None),
        ("5'2\" <a@b.example> <c@d.example>", None),
        ("<joe@example.org> ", None),
        ("<joe@example.org> (work)", None),
        ("Joe < joe@example.org>", None),
        ("Joe joe@example.org", None),
        ("joe@example.org (Joe)", None),
        ("Joe\n <joe@example.org>", None),
        ("Joe\u{85} <joe@example.org>", None),
        ("joe@example.org\0", None),
        ("<mailto:joe@example.org>", None),
    ] {
        let address = EmailAddress::of_user_id(user_id.as_bytes());
        let got = address.as_ref().map(EmailAddress::to_string);
        assert_eq!(got.as_deref(), expected, "{user_id:?}");
    }
    assert_eq!(EmailAddress::of_user_id(b"J\xF6rg <joe@example.org>"), None);
}

#[test]
fn a_user_id_of_many_quotes_is_read_once() {
    // Read over again at each quote, this would take minutes.
    let user_id = "\\\"".repeat(1 << 20);
    let named = format!("\"{user_id} <joe@example.org>");
    assert_eq!(EmailAddress::of_user_id(user_id.as_bytes()), None);
    assert!(EmailAddress::of_user_id(named.as_bytes()).is_some());
}

/// Numbers that are the same in every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) >> 1).unwrap() % bound
    }

    fn text(&mut self, pieces: &[&str], longest: usize) -> String {
        let length = self.below(longest + 1);
        (0..length)
            .map(|_| pieces[self.below(pieces.len())])
            .collect()
    }
}

#[test]
fn plain_domains_need_no_uts46() {
    let agree = |domain: &str| {
        let by_hand = domain::check(domain).map(|_| domain.to_ascii_lowercase());
        let by_uts46 = domain::uts46(domain)
            .ok_or(())
            .and_then(|a_labels| domain::check(&a_labels).map(|_| a_labels).map_err(drop));
        assert_eq!(by_hand.map_err(drop), by_uts46, "{domain:?}");
    };
    for domain in [
        "r3---sn.example.org",
        "ab--c",
        "a--b",
        "--",
        "a_b.org",
        "example.org",
        "192.0.2.1",
        "a..b",
        "a.",
        "",
    ] {
        agree(domain);
    }
    for length in 60..=66 {
        agree(&"a".repeat(length));
    }
    // Every ASCII character at every place of a label.
    for c in '\0'..='\x7F' {
        for domain in [
            format!("{c}"),
            format!("{c}a.b"),
            format!("a{c}a.b"),
            format!("a.b{c}"),
        ] {
            agree(&domain);
        }
    }
    let mut numbers = Numbers(1);
    let pieces = [
        "a", "Z", "0", "1", "-", "-", ".", "x", "ab", "example", "_", "0x", ".org",
    ];
    let mut accepted = 0;
    for _ in 0..50_000 {
        let domain = numbers.text(&pieces, 8);
        if domain::is_plain(&domain) {
            agree(&domain);
            accepted += usize::from(domain::check(&domain).is_ok());
        }
    }
    assert!(accepted > 5_000, "{accepted} are too few to show much");
}

const PIECES: [&str; 44] = [
    "a",
    "B",
    "joe",
    "0",
    "123",
    "0x",
    ".",
    ".",
    "@",
    "@",
    "@",
    "\"",
    "\"",
    "\\",
    "\\\"",
    "-",
    "--",
    "xn--",
    "xn--bcher-kva",
    "org",
    "example",
    "localhost",
    "+",
    "_",
    "%",
    "<",
    ">",
    "[",
    "]",
    "(",
    " ",
    "\t",
    "\0",
    "\u{7F}",
    "\u{85}",
    "\u{A0}",
    "ü",
    "u\u{308}",
    "。",
    "．",
    "م",
    "\u{200D}",
    "\u{202E}",
    "\u{1F44D}",
];

fn holds_for(address: &EmailAddress) {
    assert_eq!(&parse(&address.to_string()), address, "{address}");
    assert!(address.matches(address), "{address}");
    assert!(address.to_string().len() <= 254, "{address}");
    assert!(address.local_part().len() <= 64, "{address}");
    assert!(address.domain().is_ascii(), "{address}");
    assert!(!address.to_string().chars().any(char::is_control));
    // Total functions.
    let _ = (address.dane_local_part(), address.wkd_local_part());
    let url = crate::wkd::Url::new(address);
    assert_eq!(url.direct().domain(), Some(address.domain()));
    assert_eq!(
        url.advanced()
            .and_then(|url| url.domain().map(str::to_owned)),
        url.advanced_host()
    );
}

#[test]
fn what_holds_for_any_text() {
    let mut numbers = Numbers(2);
    let mut addresses: Vec<EmailAddress> = Vec::new();
    let mut seen = |text: &str| {
        match text.parse::<EmailAddress>() {
            Ok(address) => {
                holds_for(&address);
                let user_id = format!("Name <{text}>");
                assert_eq!(
                    EmailAddress::of_user_id(user_id.as_bytes()).as_ref(),
                    Some(&address)
                );
                addresses.push(address);
            }
            Err(error) => assert!(text.is_char_boundary(error.at()), "{text:?} {error:?}"),
        }
        let _ = EmailAddress::of_user_id(format!("{text}>").as_bytes());
    };
    for a in PIECES {
        for b in PIECES {
            for c in PIECES {
                seen(&[a, b, c].concat());
            }
        }
    }
    for _ in 0..20_000 {
        seen(&numbers.text(&PIECES, 12));
        // Mostly addresses.
        let local_part = numbers.text(&["a", "B", ".", "+", "ä", "\u{308}"], 5);
        let domain = numbers.text(&["a", "1", "ü", ".b", "-", "م", "ß", "xn--", "。c", "_"], 6);
        seen(&format!("{local_part}@{domain}"));
        seen(&format!("\"{local_part}\"@{domain}"));
    }
    assert!(addresses.len() > 5_000, "{}", addresses.len());
    for _ in 0..200_000 {
        let a = &addresses[numbers.below(addresses.len())];
        let b = &addresses[numbers.below(addresses.len())];
        assert_eq!(a.matches(b), b.matches(a), "{a} {b}");
        assert!(a != b || a.matches(b), "{a} {b}");
    }
}

#[test]
fn octets_that_are_no_text_name_nobody_and_do_no_harm() {
    let mut numbers = Numbers(3);
    for _ in 0..50_000 {
        let octets: Vec<u8> = (0..numbers.below(24))
            .map(|_| u8::try_from(numbers.below(256)).unwrap())
            .collect();
        let lossy = String::from_utf8_lossy(&octets);
        if let Err(error) = lossy.parse::<EmailAddress>() {
            assert!(lossy.is_char_boundary(error.at()), "{lossy:?}");
        }
        if std::str::from_utf8(&octets).is_err() {
            assert_eq!(EmailAddress::of_user_id(&octets), None);
        }
    }
}
