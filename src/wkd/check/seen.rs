//! What a check has seen of a directory: data, for the judges.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};
use url::Url;

use crate::filter::web_page;
use crate::{Error, ErrorKind};

/// What DNS says about a name.
#[derive(Clone, Debug)]
pub(super) enum Name {
    /// It has no address.
    None,
    /// It is one that is never asked for.
    Special,
    /// One could not tell.
    Failed(Error),
    /// It has some.
    Addresses(Addresses),
}

/// The addresses of a name, of which there is at least one.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    /// Those that the guard lets through.
    pub(super) allowed: Vec<SocketAddr>,
    /// Those that it refuses.
    pub(super) refused: Vec<IpAddr>,
}

impl Name {
    pub(super) fn addresses(&self) -> Option<&Addresses> {
        match self {
            Self::Addresses(addresses) => Some(addresses),
            _ => None,
        }
    }

    /// The addresses that may be connected to; none is none.
    pub(super) fn allowed(&self) -> &[SocketAddr] {
        self.addresses().map_or(&[], |addresses| &addresses.allowed)
    }

    /// Whether both lead to one machine, as far as their addresses tell.
    pub(super) fn shares_an_address(&self, other: &Self) -> bool {
        match (self.addresses(), other.addresses()) {
            (Some(one), Some(other)) => {
                let others = other.all();
                one.all().iter().any(|ip| others.contains(ip))
            }
            _ => false,
        }
    }

    /// Whether both have the same addresses, whichever the guard lets through.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self.addresses(), other.addresses()) {
            (Some(one), Some(other)) => one.all() == other.all(),
            _ => false,
        }
    }
}

impl Addresses {
    fn all(&self) -> Vec<IpAddr> {
        let allowed = self.allowed.iter().map(SocketAddr::ip);
        let mut all: Vec<_> = allowed.chain(self.refused.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// The names of a domain.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) domain: String,
    /// The host of the advanced method; `None` where its name would be too long.
    pub(super) advanced: Option<Name>,
    pub(super) direct: Name,
    /// A name below the domain that nobody has made; `None` where there is no
    /// room for one, or nothing depends on it.
    pub(super) random: Option<Name>,
}

/// What came of one question to a web server.
pub(super) type Seen = Result<Answer, Failure>;

/// An answer, behind all redirects.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) truncated: bool,
    pub(super) redirects: Vec<Redirect>,
}

/// A redirect that was followed.
#[derive(Clone, Debug)]
pub(super) struct Redirect {
    pub(super) status: u16,
    pub(super) from: Url,
    pub(super) to: Url,
}

/// No answer.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// A redirect led to another host, or to what may not be asked at all: the
    /// failure is there.
    pub(super) by_redirect: Option<Led>,
    /// The machine that checks has no way to the host's addresses.
    pub(super) no_route: bool,
}

/// From which host a redirect led where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Led {
    pub(super) from: String,
    /// `None` for what may not be asked: that the error says itself.
    pub(super) to: Option<String>,
}

impl Failure {
    pub(super) fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// The server itself leaves the question without an answer.
    pub(super) fn is_silence(&self) -> bool {
        use ErrorKind::{Connect, Http, Timeout};
        self.by_redirect.is_none() && matches!(self.kind(), Connect | Http | Timeout)
    }
}

impl Answer {
    pub(super) fn is_ok(&self) -> bool {
        self.status == 200
    }

    /// The server says that there is none.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self.status, 404 | 410)
    }

    /// It is there as a whole, and as it is.
    pub(super) fn can_be_read(&self) -> bool {
        self.is_ok() && !self.truncated && self.encoding().is_none()
    }

    /// Not a file, whatever the status says.
    pub(super) fn is_web_page(&self) -> bool {
        web_page::looks_like_one(&self.body)
    }

    pub(super) fn content_type(&self) -> Option<String> {
        self.header(&CONTENT_TYPE)
    }

    pub(super) fn allowed_origin(&self) -> Option<String> {
        self.header(&ACCESS_CONTROL_ALLOW_ORIGIN)
    }

    /// How often the server says who may read it: browsers take one answer only
    /// (Fetch, "CORS check": all fields of the name together have to be `*`).
    pub(super) fn allowed_origins(&self) -> usize {
        let fields = self.headers.get_all(ACCESS_CONTROL_ALLOW_ORIGIN);
        fields.iter().count()
    }

    /// How the body is encoded, where that is not as it is.
    pub(super) fn encoding(&self) -> Option<String> {
        self.header(&CONTENT_ENCODING)
            .filter(|encoding| !encoding.eq_ignore_ascii_case("identity"))
    }

    pub(super) fn length(&self) -> Option<usize> {
        self.header(&CONTENT_LENGTH)?.parse().ok()
    }

    /// A header field, as far as a sentence has room for it.
    fn header(&self, name: &HeaderName) -> Option<String> {
        const ROOM: usize = 80;
        let value = String::from_utf8_lossy(self.headers.get(name)?.as_bytes()).into_owned();
        Some(value.trim().chars().take(ROOM).collect())
    }
}

/// One directory, as a web server gives it.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    pub(super) host: String,
    /// What was asked first, by which everything else stands or falls: the
    /// certificate of an address, the policy of a domain.
    pub(super) first: Seen,
    /// Whether it has addresses of each family that may be connected to.
    pub(super) families: Families,
    /// When the server's TLS certificate expires, where it could be seen.
    pub(super) tls: Tls,
    /// The rest, where the first question was answered.
    pub(super) rest: Option<Rest>,
}

/// Which addresses a host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Families {
    pub(super) v6: bool,
    pub(super) v4: bool,
}

impl Families {
    pub(super) fn of(addresses: &[SocketAddr]) -> Self {
        Self {
            v6: addresses.iter().any(SocketAddr::is_ipv6),
            v4: addresses.iter().any(SocketAddr::is_ipv4),
        }
    }
}

/// What is known of the server's TLS certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// The transport does not show it.
    Unseen,
    /// There is no date in it that could be read.
    Unreadable,
    /// It expires then.
    Until(SystemTime),
}

/// The other questions to a directory.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    /// The policy; `None` where that was the first question.
    pub(super) policy: Option<Seen>,
    /// The first question with HEAD.
    pub(super) head: Seen,
    /// An address that nobody has.
    pub(super) random: Seen,
    pub(super) listing: Seen,
    pub(super) submission: Seen,
    pub(super) over: Over,
}

/// Whether a host answers over one address family alone; `None` where it has no
/// addresses of that family, or none of the other.
#[derive(Clone, Debug)]
pub(super) struct Over {
    pub(super) v6: Option<Result<(), Unanswered>>,
    pub(super) v4: Option<Result<(), Unanswered>>,
}

/// No answer over one address family.
#[derive(Clone, Debug)]
pub(super) struct Unanswered {
    pub(super) error: Error,
    /// The machine that checks has no way to such addresses, so that the host
    /// need not be at fault.
    pub(super) no_route: bool,
}

impl Directory {
    /// The answer to the question for the policy.
    pub(super) fn policy(&self, is_address: bool) -> Option<&Seen> {
        match (is_address, &self.rest) {
            (false, _) => Some(&self.first),
            (true, Some(rest)) => rest.policy.as_ref(),
            (true, None) => None,
        }
    }

    /// The answer to look into for the certificate of an address.
    pub(super) fn entry(&self) -> Option<&Answer> {
        let answer = self.first.as_ref().ok()?;
        (answer.can_be_read() && !self.is_made_up(answer)).then_some(answer)
    }

    /// The server answers an address that nobody has as if it had one.
    pub(super) fn answers_anything(&self) -> bool {
        let random = self.rest.as_ref().map(|rest| &rest.random);
        matches!(random, Some(Ok(answer)) if answer.is_ok())
    }

    /// Whether there is a directory at all: a file that the server does not make
    /// up.
    pub(super) fn is_one(&self, is_address: bool) -> bool {
        let is_file = |seen: &Seen| {
            matches!(seen, Ok(answer) if answer.is_ok()
                && !answer.is_web_page()
                && !self.is_made_up(answer))
        };
        is_file(&self.first) || self.policy(is_address).is_some_and(is_file)
    }

    /// The server gives this failure for anything, also for what does not exist.
    pub(super) fn fails_alike(&self, answer: &Answer) -> bool {
        let random = self.rest.as_ref().map(|rest| &rest.random);
        let is_failure = !answer.is_ok() && !answer.is_absent();
        is_failure && matches!(random, Some(Ok(random)) if random.status == answer.status)
    }

    /// The server says that there is no file, or makes one up.
    pub(super) fn has_nothing(&self, is_address: bool) -> bool {
        let is_none = |seen: &Seen| {
            matches!(seen, Ok(answer) if answer.is_absent()
                || answer.is_ok() && self.is_made_up(answer))
        };
        is_none(&self.first) && self.policy(is_address).is_some_and(is_none)
    }

    /// The server gives the same for what does not exist.
    pub(super) fn is_made_up(&self, answer: &Answer) -> bool {
        match self.rest.as_ref().map(|rest| &rest.random) {
            Some(Ok(random)) if random.is_ok() => {
                random.body == answer.body || answer.is_web_page()
            }
            _ => false,
        }
    }
}
