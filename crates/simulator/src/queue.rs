//! A model: its speed, its batch slots and the one queue before them.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How fast a model is, and how much it takes at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Speed {
    /// Time for a token of the prompt.
    pub(crate) prefill: Duration,
    /// Time for a token of the answer, where no other slot is busy.
    pub(crate) decode: Duration,
    /// Requests that are decoded side by side.
    pub(crate) slots: usize,
    /// Requests that wait at most.
    pub(crate) queue: usize,
}

/// The order in the queue: the most urgent first, then the one that came first.
type Place = (Reverse<u8>, u64);

#[derive(Default)]
struct State {
    busy: usize,
    arrivals: u64,
    /// Nobody waits while a slot is free.
    waiting: BTreeMap<Place, oneshot::Sender<Slot>>,
    /// When it is or was loaded; none before its first request.
    loaded_at: Option<Instant>,
}

/// A model with its slots and its queue.
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) speed: Speed,
    state: RefCell<State>,
}

/// The queue is full.
#[derive(Debug)]
pub(crate) struct Full;

/// One of a model's slots; the next in the queue has it when it is dropped.
pub(crate) struct Slot {
    model: Rc<Model>,
}

/// A place in the queue, given up when the client leaves.
struct Waiting<'a> {
    model: &'a Model,
    place: Place,
}

impl Model {
    pub(crate) fn new(name: String, speed: Speed) -> Self {
        Self { name, speed, state: RefCell::default() }
    }

    /// Requests that wait.
    pub(crate) fn waiting(&self) -> u32 {
        u32::try_from(self.state.borrow().waiting.len()).unwrap_or(u32::MAX)
    }

    /// When it will be loaded, where that is still ahead. Its first request begins to load it.
    pub(crate) fn loaded_at(&self, load: Duration) -> Option<Instant> {
        let now = Instant::now();
        let loaded_at = *self.state.borrow_mut().loaded_at.get_or_insert(now + load);
        (loaded_at > now).then_some(loaded_at)
    }

    /// Waits for a slot.
    ///
    /// # Errors
    /// [`Full`] at once, where the queue has no place left.
    pub(crate) async fn enter(self: &Rc<Self>, priority: u8) -> Result<Slot, Full> {
        let (place, turn) = {
            let state = &mut *self.state.borrow_mut();
            if state.busy < self.speed.slots {
                state.busy += 1;
                return Ok(Slot { model: Rc::clone(self) });
            }
            if state.waiting.len() >= self.speed.queue {
                return Err(Full);
            }
            state.arrivals += 1;
            let place = (Reverse(priority), state.arrivals);
            let (sender, turn) = oneshot::channel();
            state.waiting.insert(place, sender);
            (place, turn)
        };
        let _waiting = Waiting { model: self, place };
        // The sender leaves the queue only by giving the slot, or through `_waiting`.
        turn.await.map_err(|_| Full)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.model.state.borrow_mut().waiting.remove(&self.place);
    }
}

impl Slot {
    /// Slots of the model that are busy beside this one.
    pub(crate) fn others_busy(&self) -> usize {
        self.model.state.borrow().busy - 1
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let next = {
            let state = &mut *self.model.state.borrow_mut();
            let next = state.waiting.pop_first();
            if next.is_none() {
                state.busy -= 1;
            }
            next
        };
        if let Some((_, sender)) = next {
            // Where that client has just left, the slot comes back and is dropped in its turn.
            drop(sender.send(Self { model: Rc::clone(&self.model) }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Full, Model, Slot, Speed};
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::time::Duration;
    use tokio::task::{LocalSet, spawn_local, yield_now};

    fn model(slots: usize, queue: usize) -> Rc<Model> {
        let speed = Speed { prefill: Duration::ZERO, decode: Duration::ZERO, slots, queue };
        Rc::new(Model::new("m".to_owned(), speed))
    }

    fn run(work: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        LocalSet::new().block_on(&runtime, work);
    }

    async fn take(model: &Rc<Model>) -> Slot {
        model.enter(5).await.unwrap_or_else(|Full| panic!("no free slot"))
    }

    #[test]
    fn the_urgent_go_first_and_equals_in_order() {
        run(async {
            let model = model(1, 10);
            let slot = take(&model).await;
            let order = Rc::new(RefCell::new(Vec::new()));
            for (name, priority) in [("a", 1), ("b", 5), ("c", 10), ("d", 5), ("e", 10)] {
                let (model, order) = (Rc::clone(&model), Rc::clone(&order));
                spawn_local(async move {
                    let _slot = model.enter(priority).await;
                    order.borrow_mut().push(name);
                });
                yield_now().await;
            }
            assert_eq!(model.waiting(), 5);
            drop(slot);
            while order.borrow().len() < 5 {
                yield_now().await;
            }
            assert_eq!(*order.borrow(), ["c", "e", "b", "d", "a"]);
            assert_eq!(take(&model).await.others_busy(), 0, "every slot came back");
        });
    }

    #[test]
    fn a_model_is_loaded_once() {
        let model = model(1, 1);
        let loaded_at = model.loaded_at(Duration::from_secs(9));
        assert!(loaded_at.is_some());
        assert_eq!(
            model.loaded_at(Duration::from_secs(9)),
            loaded_at,
            "a second one waits as well"
        );
        let at_once = Model::new("m".to_owned(), model.speed);
        assert_eq!(at_once.loaded_at(Duration::ZERO), None);
    }

    #[test]
    fn who_leaves_gives_up_the_place_and_a_full_queue_refuses() {
        run(async {
            let model = model(1, 1);
            let slot = take(&model).await;
            let waiter = spawn_local({
                let model = Rc::clone(&model);
                async move { drop(model.enter(5).await) }
            });
            yield_now().await;
            assert!(model.enter(10).await.is_err(), "one waits already");
            waiter.abort();
            drop(waiter.await);
            assert_eq!(model.waiting(), 0);
            drop(slot);
            take(&model).await;
        });
    }

    #[test]
    fn a_slot_given_to_one_who_left_at_that_moment_is_not_lost() {
        run(async {
            let model = model(1, 2);
            let slot = take(&model).await;
            let waiter = spawn_local({
                let model = Rc::clone(&model);
                async move { drop(model.enter(5).await) }
            });
            yield_now().await;
            drop(slot);
            waiter.abort();
            drop(waiter.await);
            assert_eq!(take(&model).await.others_busy(), 0);
        });
    }
}
