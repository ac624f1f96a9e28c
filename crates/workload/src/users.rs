//! A closed loop: users who wait for an answer before they ask again.

/// What a worker is to do next; `R` is the request, or where it stands in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<R> {
    /// Let this request go at `due_ns` after the run began, or now if that has passed.
    Due {
        /// Nanoseconds since the run began.
        due_ns: u64,
        /// What to send.
        request: R,
    },
    /// Ask again when a request has ended.
    AfterCompletion,
    /// There is nothing more to send.
    Done,
}

/// Users without think time, who share a number of requests: each asks, waits for the end of the
/// answer, and asks again.
///
/// What such a loop measures is the service time at this number of users. It says nothing about a
/// rate: a server that stalls is asked less (closed-loop latency hides what an open loop shows).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Users {
    users: u32,
    next: u32,
    step: u32,
    end: u32,
}

impl Users {
    /// `users` who send `requests` together.
    #[must_use]
    pub const fn new(users: u32, requests: u32) -> Self {
        Self { users, next: 0, step: 1, end: requests }
    }

    /// Requests in all.
    #[must_use]
    pub const fn requests(&self) -> u32 {
        self.end
    }

    /// The part of worker `worker` of `workers`: every `workers`-th request from the `worker`-th on,
    /// and its share of the users. A worker of more workers than users has none.
    #[must_use]
    pub const fn slice(&self, worker: u32, workers: u32) -> Self {
        let users = (self.users + workers - 1 - worker) / workers;
        Self { users, next: worker, step: workers, end: self.end }
    }

    /// What is to be done at `now_ns` while `in_flight` of these users wait for an answer. Gives
    /// the request's place among all.
    pub const fn next(&mut self, now_ns: u64, in_flight: u32) -> Next<u32> {
        if self.next >= self.end || self.users == 0 {
            return Next::Done;
        }
        if in_flight >= self.users {
            return Next::AfterCompletion;
        }
        let request = self.next;
        self.next = request.saturating_add(self.step);
        Next::Due { due_ns: now_ns, request }
    }
}

#[cfg(test)]
mod tests {
    use super::{Next, Users};

    #[test]
    fn no_user_asks_before_the_last_answer_has_ended() {
        let mut users = Users::new(2, 4);
        let due = |request| Next::Due { due_ns: 7, request };
        for (in_flight, want) in [
            (0, due(0)),
            (1, due(1)),
            (2, Next::AfterCompletion),
            (1, due(2)),
            (2, Next::AfterCompletion),
            (0, due(3)),
            (1, Next::Done),
        ] {
            assert_eq!(users.next(7, in_flight), want, "{in_flight} in flight");
        }
    }

    #[test]
    fn slices_share_users_and_requests_exactly() {
        for (users, requests, workers) in [(5, 11, 3), (64, 100, 2), (1, 3, 2), (7, 0, 2)] {
            let all = Users::new(users, requests);
            let slices: Vec<_> = (0..workers).map(|worker| all.slice(worker, workers)).collect();
            assert_eq!(slices.iter().map(|slice| slice.users).sum::<u32>(), users);
            let mut sent: Vec<u32> = Vec::new();
            for mut slice in slices.into_iter().filter(|slice| slice.users > 0) {
                while let Next::Due { request, .. } = slice.next(0, 0) {
                    sent.push(request);
                }
            }
            sent.sort_unstable();
            let served = if users < workers { requests.div_ceil(workers) } else { requests };
            assert_eq!(sent.len() as u32, served, "{users} users, {workers} workers");
        }
    }
}
