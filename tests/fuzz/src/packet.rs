//! Packets that a program of fuzz input takes apart and puts together again, and
//! what it can do to how they are framed.

use openpgp_discovery::filter::packets;

use crate::Input;

/// One packet.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    tag: u8,
    body: Vec<u8>,
    form: Form,
}

/// How it is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// A header of RFC 9580 with the shortest length.
    #[default]
    Shortest,
    /// The same with a length of five octets.
    Five,
    /// The old header with a length of so many octets: 1, 2 or 4.
    Old,
    /// The old header without a length.
    Indeterminate,
    /// In parts.
    Partial,
    /// With a length that is off by so many octets.
    Lie(i8),
    /// With the largest length of all.
    Huge,
    /// No header: octets as they are.
    Bare,
}

const SIGNATURE: u8 = 2;

impl Packet {
    /// A packet in the usual form.
    pub(crate) fn new(tag: u8, body: impl Into<Vec<u8>>) -> Self {
        let (body, form) = (body.into(), Form::default());
        Self { tag, body, form }
    }

    /// Octets that need not be a packet.
    pub(crate) fn bare(octets: impl Into<Vec<u8>>) -> Self {
        let form = Form::Bare;
        Self {
            form,
            ..Self::new(0, octets)
        }
    }

    /// The packets in these octets, up to the first that is none.
    pub(crate) fn all(octets: &[u8]) -> Vec<Self> {
        let whole = packets(octets).map_while(Result::ok);
        whole
            .map(|packet| Self::new(packet.tag(), packet.body()))
            .collect()
    }

    /// Its length without a header.
    pub(crate) fn len(&self) -> usize {
        self.body.len()
    }

    /// What is in it.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Changes one octet.
    pub(crate) fn flip(&mut self, input: &mut Input<'_>) {
        let (at, mask) = (input.below(self.len()), input.octet());
        if let Some(octet) = self.body.get_mut(at) {
            *octet ^= mask;
        }
    }

    /// Makes it another type of packet.
    pub(crate) fn retag(&mut self, input: &mut Input<'_>) {
        self.tag = input.octet() & 0x3f;
    }

    /// Frames it in another way.
    pub(crate) fn reframe(&mut self, input: &mut Input<'_>) {
        self.form = match input.octet() % 8 {
            0 => Form::Shortest,
            1 => Form::Five,
            2 => Form::Old,
            3 => Form::Indeterminate,
            4 => Form::Partial,
            5 => Form::Lie(i8::from_le_bytes([input.octet()])),
            6 => Form::Huge,
            _ => Form::Bare,
        };
    }

    /// Cuts it off.
    pub(crate) fn cut(&mut self, input: &mut Input<'_>) {
        let to = input.below(self.len());
        self.body.truncate(to);
    }

    /// Puts octets somewhere into it.
    pub(crate) fn insert(&mut self, input: &mut Input<'_>) {
        let at = input.below(self.len() + 1);
        let count = input.octet();
        let octets = input.octets(count.into());
        self.body.splice(at..at, octets.iter().copied());
    }

    /// Goes on as another one does from that place.
    pub(crate) fn splice(&mut self, other: &Self, input: &mut Input<'_>) {
        let at = input.below(self.len().min(other.len()));
        self.body.truncate(at);
        self.body.extend_from_slice(&other.body[at..]);
    }

    /// Adds a subpacket to a signature: to what is signed, or beside it.
    pub(crate) fn subpacket(&mut self, input: &mut Input<'_>) {
        let (hashed, kind, count) = (input.flag(), input.octet(), input.octet() % 64);
        let value = input.octets(count.into());
        let Some(area) = self
            .areas()
            .map(|[first, second]| if hashed { first } else { second })
        else {
            return;
        };
        let mut subpacket = vec![count + 1, kind];
        subpacket.extend_from_slice(value);
        subpacket.resize(usize::from(count) + 2, 0);
        let length = area.end - area.start + subpacket.len();
        let width = self.width();
        let digits = length.to_be_bytes();
        let digits = &digits[digits.len() - width..];
        self.body.splice(area.end..area.end, subpacket);
        self.body[area.start - width..area.start].copy_from_slice(digits);
    }

    /// How many octets tell the length of a signature's area of subpackets.
    fn width(&self) -> usize {
        if self.body.first() == Some(&6) { 4 } else { 2 }
    }

    /// Where the two areas of a signature's subpackets are.
    fn areas(&self) -> Option<[std::ops::Range<usize>; 2]> {
        if self.tag != SIGNATURE || !matches!(self.body.first(), Some(4 | 6)) {
            return None;
        }
        let area = |at: usize| {
            let start = at + self.width();
            let digits = self.body.get(at..start)?;
            let length = digits
                .iter()
                .fold(0, |sum, &digit| sum << 8 | usize::from(digit));
            let end = start.checked_add(length)?;
            (end <= self.body.len()).then_some(start..end)
        };
        let hashed = area(4)?;
        let unhashed = area(hashed.end)?;
        Some([hashed, unhashed])
    }

    /// Writes it down.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let length = u32::try_from(self.len()).expect("programs make small packets");
        match self.form {
            Form::Bare => {}
            Form::Shortest => self.header(length, out),
            Form::Lie(by) => self.header(length.saturating_add_signed(by.into()), out),
            Form::Huge => out.extend([0xc0 | self.tag, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Form::Five => {
                out.extend([0xc0 | self.tag, 0xff]);
                out.extend(length.to_be_bytes());
            }
            Form::Old => {
                let tag = 0x80 | (self.tag & 0x0f) << 2;
                match length.to_be_bytes() {
                    [0, 0, 0, a] => out.extend([tag, a]),
                    [0, 0, a, b] => out.extend([tag | 1, a, b]),
                    [a, b, c, d] => out.extend([tag | 2, a, b, c, d]),
                }
            }
            Form::Indeterminate => out.push(0x83 | (self.tag & 0x0f) << 2),
            Form::Partial => return self.write_in_parts(out),
        }
        out.extend_from_slice(&self.body);
    }

    fn header(&self, length: u32, out: &mut Vec<u8>) {
        out.push(0xc0 | self.tag);
        match length {
            0..192 => out.extend(length.to_be_bytes().last()),
            192..8384 => {
                let [_, _, high, low] = (length - 192).to_be_bytes();
                out.extend([high + 192, low]);
            }
            _ => {
                out.push(0xff);
                out.extend(length.to_be_bytes());
            }
        }
    }

    fn write_in_parts(&self, out: &mut Vec<u8>) {
        let mut rest = self.body.as_slice();
        out.push(0xc0 | self.tag);
        while rest.len() >= 32 {
            // 2^5 octets, and more to come.
            out.push(0xe5);
            out.extend_from_slice(&rest[..32]);
            rest = &rest[32..];
        }
        out.extend(u8::try_from(rest.len()));
        out.extend_from_slice(rest);
    }
}
