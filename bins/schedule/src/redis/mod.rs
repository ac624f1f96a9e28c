//! Runs on a Redis server: what a run needs there, what the server says of it, and who fetches what was
//! placed.

mod delivery;
mod flags;
mod line;
mod once;
mod prefix;
mod replica;
mod replicas;
mod server;
mod stage;
mod truth;
mod workers;

pub(crate) use delivery::{Delivered, deliveries, delivery_rows};
pub(crate) use flags::{Chosen, StoreArgs};
pub(crate) use once::{After, make_known, once};
pub(crate) use replica::replica;
pub(crate) use server::Server;
pub(crate) use truth::Truth;
