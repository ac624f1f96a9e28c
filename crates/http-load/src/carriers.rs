//! Tasks that see one request after another to its end.
//!
//! A task of its own for each request would be a large allocation, made, filled and freed for each;
//! so a task whose request has ended waits for the next. There are as many as were ever in flight
//! at once.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// The tasks of one worker that have nothing to do; `J` is the request with all that belongs to it.
pub(crate) struct Carriers<J> {
    idle: Rc<RefCell<Vec<Rc<Slot<J>>>>>,
}

/// Where a task waits for its next request.
struct Slot<J> {
    job: Cell<Option<J>>,
    waker: Cell<Option<Waker>>,
}

impl<J: 'static> Carriers<J> {
    pub(crate) fn new() -> Self {
        Self { idle: Rc::default() }
    }

    /// Hands `job` to an idle task, or to a new one, in the `LocalSet` around it. Each sees its jobs
    /// to their ends with `carry`; a job that was handed over and not begun is dropped with its task.
    pub(crate) fn give(&self, job: J, carry: impl AsyncFn(&mut J) + 'static) {
        let idle = self.idle.borrow_mut().pop();
        if let Some(slot) = idle {
            slot.job.set(Some(job));
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
            return;
        }
        let slot = Rc::new(Slot { job: Cell::new(Some(job)), waker: Cell::new(None) });
        let idle = Rc::downgrade(&self.idle);
        tokio::task::spawn_local(async move {
            loop {
                let mut job = slot.next().await;
                carry(&mut job).await;
                drop(job);
                // Without the others there will be no next job.
                let Some(idle) = idle.upgrade() else { return };
                idle.borrow_mut().push(Rc::clone(&slot));
            }
        });
    }
}

impl<J> Slot<J> {
    async fn next(&self) -> J {
        poll_fn(|cx| match self.job.take() {
            Some(job) => Poll::Ready(job),
            None => {
                self.waker.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::Carriers;
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;
    use tokio::task::{LocalSet, yield_now};

    /// Says when it goes.
    struct Job(u32, Rc<RefCell<Vec<u32>>>);

    impl Drop for Job {
        fn drop(&mut self) {
            self.1.borrow_mut().push(self.0);
        }
    }

    #[test]
    fn a_task_takes_one_job_after_another_and_none_is_lost() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (ended, begun) = (Rc::<RefCell<Vec<u32>>>::default(), Rc::new(Cell::new(0)));
        let tasks = LocalSet::new();
        let carriers = Carriers::new();
        let give = |number| {
            let begun = Rc::clone(&begun);
            carriers.give(Job(number, Rc::clone(&ended)), async move |job: &mut Job| {
                begun.set(begun.get() + 1);
                if job.0 == 99 {
                    std::future::pending::<()>().await;
                }
            });
        };
        tasks.block_on(&runtime, async {
            for number in 0..3 {
                give(number);
                yield_now().await;
                yield_now().await;
            }
            assert_eq!((&**ended.borrow(), begun.get()), (&[0, 1, 2][..], 3));
            assert_eq!(carriers.idle.borrow().len(), 1, "one task took all three");
            give(99);
            give(4);
            yield_now().await;
            yield_now().await;
            assert_eq!((&**ended.borrow(), begun.get()), (&[0, 1, 2, 4][..], 5));
            // Handed over, and its task never gets a turn.
            give(5);
        });
        drop(tasks);
        drop(carriers);
        ended.borrow_mut()[4..].sort_unstable();
        assert_eq!((&**ended.borrow(), begun.get()), (&[0, 1, 2, 4, 5, 99][..], 5));
    }
}
