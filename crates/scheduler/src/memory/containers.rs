//! Every container that the store knows, and where it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::request::Request;
use crate::store::{ContainerKey, Token, WorkerKey};

/// Where a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// In the backlog, ready or put back for a time.
    Waiting,
    /// Popped: whoever did is the only one that knows it.
    Popped,
    /// With a scheduler, under one of its claims.
    Leased { by: Token, claim: u64 },
    /// On a worker, at this position of what the worker owns.
    Placed { worker: WorkerKey, position: u32 },
}

#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) request: Arc<Request>,
    pub(crate) state: State,
    pub(crate) attempts: u32,
    /// What [`super::MemoryStore::assign`] wrote.
    pub(crate) assigned: Option<WorkerKey>,
    pub(crate) enqueued: Duration,
}

/// Places are used again; a key says which use it means, so an old one finds nothing.
#[derive(Debug, Default)]
pub(crate) struct Containers {
    places: Vec<Place>,
    free: Vec<u32>,
    by_id: HashMap<Arc<str>, ContainerKey>,
}

#[derive(Debug, Default)]
struct Place {
    use_number: u32,
    container: Option<Container>,
}

fn place_of(key: ContainerKey) -> (usize, u32) {
    ((key.0 & u64::from(u32::MAX)) as usize, (key.0 >> 32) as u32)
}

impl Containers {
    /// `None` if there is one of that name.
    pub(crate) fn insert(&mut self, request: Request, enqueued: Duration) -> Option<ContainerKey> {
        let std::collections::hash_map::Entry::Vacant(entry) =
            self.by_id.entry(request.id.as_str().into())
        else {
            return None;
        };
        let at = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            (self.places.len() - 1) as u32
        });
        let place = &mut self.places[at as usize];
        place.use_number += 1;
        let request = Arc::new(request);
        place.container = Some(Container {
            request,
            state: State::Waiting,
            attempts: 0,
            assigned: None,
            enqueued,
        });
        let key = ContainerKey(u64::from(place.use_number) << 32 | u64::from(at));
        entry.insert(key);
        Some(key)
    }

    pub(crate) fn remove(&mut self, key: ContainerKey) -> Option<Container> {
        let (at, use_number) = place_of(key);
        let place = self.places.get_mut(at).filter(|place| place.use_number == use_number)?;
        let container = place.container.take()?;
        self.by_id.remove(container.request.id.as_str());
        self.free.push(at as u32);
        Some(container)
    }

    pub(crate) fn find(&self, id: &str) -> Option<ContainerKey> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn get(&self, key: ContainerKey) -> Option<&Container> {
        let (at, use_number) = place_of(key);
        self.places.get(at).filter(|place| place.use_number == use_number)?.container.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: ContainerKey) -> Option<&mut Container> {
        let (at, use_number) = place_of(key);
        self.places.get_mut(at).filter(|place| place.use_number == use_number)?.container.as_mut()
    }

    pub(crate) fn state(&self, key: ContainerKey) -> Option<State> {
        self.get(key).map(|container| container.state)
    }

    pub(crate) fn set_state(&mut self, key: ContainerKey, state: State) {
        if let Some(container) = self.get_mut(key) {
            container.state = state;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Container> {
        self.places.iter().filter_map(|place| place.container.as_ref())
    }
}
