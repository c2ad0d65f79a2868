use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_server::proto::op::{Message, ResponseCode};
use hickory_server::proto::rr::Record;
use testbed::{Lie, Protocol, RData, RecordType, Testbed, Trouble};

use crate::client::{ask, ask_tcp};

/// Code and addresses; `None` for no answer.
fn gist(message: &Message) -> Option<(ResponseCode, Vec<IpAddr>)> {
    let addresses = message.answers.iter().filter_map(|r| r.data.ip_addr());
    (message.metadata.id == 1).then(|| (message.metadata.response_code, addresses.collect()))
}

#[tokio::test]
async fn every_behaviour_of_a_name() {
    use ResponseCode::{NXDomain, NoError, Refused, ServFail};
    let t = Testbed::start().await;
    let v4 = Ipv4Addr::new(192, 0, 2, 1);
    let v6 = Ipv6Addr::LOCALHOST;
    t.name("both.example").address(v4).address(v6);
    t.name("four.example").address(v4);
    t.name("text.example").txt("keep out");
    t.name("servfail.example").trouble(Trouble::ServFail);
    t.name("refused.example").trouble(Trouble::Refused);
    t.name("mute.example").trouble(Trouble::Mute);
    t.name("half.example")
        .txt("")
        .trouble_with(RecordType::AAAA, Trouble::ServFail);
    t.name("half-mute.example")
        .address(v4)
        .trouble_with(RecordType::AAAA, Trouble::Mute);
    t.name("half-nx.example")
        .address(v6)
        .trouble_with(RecordType::A, Trouble::NxDomain);
    t.name("alias.example").cname("both.example");
    t.name("alias-to-text.example").cname("text.example");
    t.name("alias-to-nothing.example").cname("gone.example");
    t.name("alias-to-servfail.example")
        .cname("servfail.example");
    t.name("alias-to-itself.example")
        .cname("alias-to-itself.example");
    t.name("*.wild.example").address(v4);
    t.name("openpgpkey.wild.example").txt("");
    t.name("forgotten.example").address(v4).forget();
    t.name("a.b.deep.example").address(v4);

    let (ip4, ip6) = (vec![IpAddr::from(v4)], vec![IpAddr::from(v6)]);
    let none = Vec::new;
    let table = [
        (
            "nothing.example",
            Some((NXDomain, none())),
            Some((NXDomain, none())),
        ),
        (
            "both.example",
            Some((NoError, ip4.clone())),
            Some((NoError, ip6.clone())),
        ),
        (
            "four.example",
            Some((NoError, ip4.clone())),
            Some((NoError, none())),
        ),
        (
            "text.example",
            Some((NoError, none())),
            Some((NoError, none())),
        ),
        (
            "servfail.example",
            Some((ServFail, none())),
            Some((ServFail, none())),
        ),
        (
            "refused.example",
            Some((Refused, none())),
            Some((Refused, none())),
        ),
        ("mute.example", None, None),
        (
            "half.example",
            Some((NoError, none())),
            Some((ServFail, none())),
        ),
        ("half-mute.example", Some((NoError, ip4.clone())), None),
        (
            "half-nx.example",
            Some((NXDomain, none())),
            Some((NoError, ip6.clone())),
        ),
        (
            "alias.example",
            Some((NoError, ip4.clone())),
            Some((NoError, ip6)),
        ),
        (
            "alias-to-text.example",
            Some((NoError, none())),
            Some((NoError, none())),
        ),
        (
            "alias-to-nothing.example",
            Some((NXDomain, none())),
            Some((NXDomain, none())),
        ),
        (
            "alias-to-servfail.example",
            Some((ServFail, none())),
            Some((ServFail, none())),
        ),
        (
            "alias-to-itself.example",
            Some((ServFail, none())),
            Some((ServFail, none())),
        ),
        (
            "any.wild.example",
            Some((NoError, ip4.clone())),
            Some((NoError, none())),
        ),
        (
            "a.b.wild.example",
            Some((NoError, ip4)),
            Some((NoError, none())),
        ),
        // What exists is not in the wildcard, and nothing below it is either.
        (
            "openpgpkey.wild.example",
            Some((NoError, none())),
            Some((NoError, none())),
        ),
        (
            "x.openpgpkey.wild.example",
            Some((NXDomain, none())),
            Some((NXDomain, none())),
        ),
        (
            "forgotten.example",
            Some((NXDomain, none())),
            Some((NXDomain, none())),
        ),
        // It exists, because a name below it does.
        (
            "b.deep.example",
            Some((NoError, none())),
            Some((NoError, none())),
        ),
        (
            "c.deep.example",
            Some((NXDomain, none())),
            Some((NXDomain, none())),
        ),
    ];
    for (name, a, aaaa) in table {
        t.forget_log();

        assert_eq!(gist(&ask(&t, name, RecordType::A).await), a, "{name} A");
        t.forget_log();
        assert_eq!(
            gist(&ask(&t, name, RecordType::AAAA).await),
            aaaa,
            "{name} AAAA"
        );
    }
}

#[tokio::test]
async fn an_alias_is_shown_and_a_denial_may_not_be_kept() {
    let t = Testbed::start().await;
    t.name("alias.example").cname("Text.Example.");
    t.name("text.example").txt("x");
    let message = ask(&t, "alias.example", RecordType::A).await;
    let types: Vec<_> = message
        .answers
        .iter()
        .map(|r| (r.record_type(), r.ttl))
        .collect();
    assert_eq!(types, [(RecordType::CNAME, 0)]);
    let soa: Vec<_> = message
        .authorities
        .iter()
        .map(|r| (r.record_type(), r.ttl))
        .collect();
    assert_eq!(soa, [(RecordType::SOA, 0)]);
}

#[tokio::test]
async fn one_port_for_udp_and_tcp_and_a_log_of_both() {
    let t = Testbed::start().await;
    t.name("long.example")
        .record(RData::A(Ipv4Addr::LOCALHOST.into()));
    for n in 0..100 {
        t.name("long.example").address(Ipv4Addr::new(192, 0, 2, n));
    }
    let udp = ask(&t, "long.example", RecordType::A).await;
    assert!(udp.metadata.truncation);
    let tcp = ask_tcp(&t, "LONG.example", RecordType::A).await;
    assert_eq!((tcp.metadata.truncation, tcp.answers.len()), (false, 101));
    let log: Vec<_> = t
        .queries()
        .into_iter()
        .map(|q| (q.name, q.record_type, q.protocol))
        .collect();
    let name = "long.example".to_owned();
    assert_eq!(
        log,
        [
            (name.clone(), RecordType::A, Protocol::Udp),
            (name, RecordType::A, Protocol::Tcp),
        ]
    );
    assert!(t.queries_for("example").is_empty());
}

#[tokio::test]
async fn lies_and_what_is_true_behind_them() {
    let t = Testbed::start().await;
    let (truth, lie) = (Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 0, 2, 66));
    for (n, wrong) in [Lie::Id, Lie::Question, Lie::Case].into_iter().enumerate() {
        let name = format!("Lie{n}.example");
        t.name(&name).address(truth).forged(wrong, lie);
        let first = ask(&t, &name, RecordType::A).await;
        assert_eq!(first.answers[0].data.ip_addr(), Some(lie.into()));
        let asked = first.queries[0].name().to_ascii();
        match wrong {
            Lie::Id => assert_eq!(first.metadata.id, !1),
            Lie::Question => assert_eq!(asked, "another.example."),
            _ => assert_eq!(asked, format!("lie{n}.example.")),
        }
        // Nobody forges an answer over TCP, or one to another question.
        let over_tcp = ask_tcp(&t, &name, RecordType::A).await;
        assert_eq!(over_tcp.answers[0].data.ip_addr(), Some(truth.into()));
        let six = ask(&t, &name, RecordType::AAAA).await;
        assert_eq!((six.metadata.id, six.answers.len()), (1, 0));
    }
}

#[tokio::test]
async fn answers_that_are_cut_off_change_or_say_more() {
    let t = Testbed::start().await;
    let (first, then) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::LOCALHOST);
    t.name("cut.example").address(then).trouble(Trouble::CutOff);
    let udp = ask(&t, "cut.example", RecordType::A).await;
    assert!(udp.metadata.truncation && udp.answers.is_empty());
    let tcp = ask_tcp(&t, "cut.example", RecordType::A).await;
    assert_eq!(gist(&tcp), Some((ResponseCode::NoError, vec![then.into()])));

    t.name("changes.example").address(then).address_once(first);
    for want in [first, then, then] {
        let message = ask(&t, "changes.example", RecordType::A).await;
        assert_eq!(
            gist(&message),
            Some((ResponseCode::NoError, vec![want.into()]))
        );
    }

    t.name("more.example")
        .address(then)
        .with_foreign("other.example", first);
    let message = ask(&t, "more.example", RecordType::A).await;
    let foreign = |r: &Record| {
        let ip = r.data.ip_addr();
        (r.name.to_ascii(), r.ttl, ip) == ("other.example.".to_owned(), 3600, Some(first.into()))
    };
    assert!(foreign(&message.answers[1]));
    assert!(foreign(&message.additionals[0]));

    t.name("*.on.example").trouble(Trouble::EndlessAliases);
    for (asked, next) in [("x.on", "a1.x.on"), ("a1.x.on", "a2.x.on")] {
        let message = ask(&t, &format!("{asked}.example"), RecordType::A).await;
        let data = message.answers[0].data.to_string();
        assert_eq!(data, format!("{next}.example."));
    }
}
