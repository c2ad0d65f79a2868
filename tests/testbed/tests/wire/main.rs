//! What the testbed claims to do really happens on the wire: asked by clients
//! that know nothing of it.

mod certs;
mod client;
mod dns;
mod https;
mod line;
mod resolver;
mod start;
mod vks;
