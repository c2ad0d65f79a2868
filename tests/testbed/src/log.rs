//! What reached the testbed: the evidence that tests judge by.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hickory_server::net::xfer::Protocol;
use hickory_server::proto::rr::RecordType;
use hyper::{HeaderMap, Method, Version};

use crate::door::Door;

/// One DNS query that arrived.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The name in lower case, without its final dot.
    pub name: String,
    /// The record type.
    pub record_type: RecordType,
    /// UDP or TCP.
    pub protocol: Protocol,
}

/// One HTTP request that arrived, before it was answered.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The host that was asked (`Host` or `:authority`), without a port.
    pub host: String,
    /// The method.
    pub method: Method,
    /// The path with its query, as sent.
    pub target: String,
    /// All header fields.
    pub headers: HeaderMap,
    /// HTTP/1.1 or HTTP/2.
    pub version: Version,
    /// The body, up to 8 MiB of it.
    pub body: Bytes,
}

impl Request {
    /// The path without its query.
    pub fn path(&self) -> &str {
        let target = &self.target;
        target.split_once('?').map_or(target, |(path, _)| path)
    }

    /// What stands behind the `?`.
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }
}

/// The log of one testbed.
#[derive(Debug, Default)]
pub(crate) struct Log {
    queries: Mutex<Vec<Query>>,
    requests: Mutex<Vec<Request>>,
    hellos: Mutex<Vec<String>>,
    connections: Mutex<HashMap<Door, usize>>,
}

impl Log {
    pub(crate) fn query(&self, query: Query) {
        lock(&self.queries).push(query);
    }

    pub(crate) fn request(&self, request: Request) {
        lock(&self.requests).push(request);
    }

    pub(crate) fn hello(&self, server_name: &str) {
        lock(&self.hellos).push(server_name.to_owned());
    }

    pub(crate) fn connection(&self, door: Door) {
        *lock(&self.connections).entry(door).or_default() += 1;
    }

    pub(crate) fn queries(&self) -> Vec<Query> {
        lock(&self.queries).clone()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.requests).clone()
    }

    pub(crate) fn hellos(&self) -> Vec<String> {
        lock(&self.hellos).clone()
    }

    pub(crate) fn connections(&self, door: Door) -> usize {
        lock(&self.connections).get(&door).copied().unwrap_or(0)
    }

    pub(crate) fn clear(&self) {
        lock(&self.queries).clear();
        lock(&self.requests).clear();
        lock(&self.hellos).clear();
        lock(&self.connections).clear();
    }
}

/// A lock that outlives a panic elsewhere: the first failure of a test is the
/// one to report, not a poisoned lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
