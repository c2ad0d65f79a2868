//! Fuzz input, read as a stream of choices. Where it ends, every choice is zero.

use std::mem::take;

/// What is left of an input.
#[derive(Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of it.
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One octet.
    pub(crate) fn octet(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    /// Two octets, the first one being the higher.
    pub(crate) fn number(&mut self) -> usize {
        usize::from(self.octet()) << 8 | usize::from(self.octet())
    }

    /// A number below `end`, made of two octets; 0 where there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.number() % end.max(1)
    }

    /// One of a list.
    pub(crate) fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[usize::from(self.octet()) % list.len()]
    }

    /// Yes or no.
    pub(crate) fn flag(&mut self) -> bool {
        self.octet() & 1 != 0
    }

    /// So many octets, or what is left.
    pub(crate) fn octets(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// A part with its length in front.
    pub(crate) fn part(&mut self) -> Self {
        let count = self.number();
        Self(self.octets(count))
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        take(&mut self.0)
    }
}
