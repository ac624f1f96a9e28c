//! Run directories to analyse, made by the real writer.

use proofload_record::clock::{Clock, monotonic_ns};
use proofload_record::{End, Flags, NotSent, Note, Outcome, Row, Sink, Stamp};
use proofload_run_dir::{ClassEntry, Config, Finish, Manifest, PlanRow, State, Target, Writer};
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) const MS: u64 = 1_000_000;
const HOUR_NS: u64 = 3_600_000_000_000;
const ROWS_A_WORKER: usize = 8_000;

/// A run: its manifest and the rows in the order in which they ended.
pub(crate) struct Run {
    pub(crate) manifest: Manifest,
    pub(crate) rows: Vec<(Row, Note)>,
    /// Requests in the plan; those without a row stand at its end.
    pub(crate) planned: u32,
    pub(crate) finish: Finish,
}

impl Run {
    /// A complete run of `rows` against a server.
    pub(crate) fn of(rows: Vec<Row>) -> Self {
        let mut manifest = Manifest::new("proofload-replay", "0.1.0");
        manifest.latency_slo_ns = 10_000 * MS;
        manifest.target = Target { url: "http://127.0.0.1:9".into(), simulated: false };
        let class = |mode: &str, priority: &str, model: Option<&str>| ClassEntry {
            mode: mode.into(),
            priority: priority.into(),
            model: model.map(Into::into),
        };
        manifest.classes =
            vec![class("interactive", "mid", Some("small")), class("batch", "low", None)];
        Self {
            manifest,
            planned: rows.len() as u32,
            rows: rows.into_iter().map(|row| (row, Note::default())).collect(),
            finish: Finish { state: State::Complete, end_reason: None },
        }
    }

    /// Writes it to `dir`. Its clock stands still at 0, so that nothing of this machine gets in.
    pub(crate) fn write(&self, dir: &Path) {
        let running = self.write_rows(dir);
        running.finish(self.finish.clone()).unwrap();
    }

    /// Writes all but the end, as a kill would leave it.
    pub(crate) fn write_killed(&self, dir: &Path) {
        drop(self.write_rows(dir));
    }

    /// Writes all but the end, and goes on.
    pub(crate) fn write_rows(&self, dir: &Path) -> proofload_run_dir::Running {
        let config =
            Config { out: dir.to_owned(), manifest: self.manifest.clone(), keep_chunks: false };
        let mut writer = Writer::create(config).unwrap();
        let rows: BTreeMap<u32, &Row> = self.rows.iter().map(|(row, _)| (row.index, row)).collect();
        for index in 0..self.planned {
            let row = rows.get(&index);
            let entry = PlanRow {
                id: &format!("req-{}", index + 1),
                due_ns: row.map_or(HOUR_NS, |row| row.due.get().unwrap()),
                class: row.map_or(0, |row| row.class),
                offset: 0,
                len: 0,
                crc: 0,
            };
            writer.plan_entry(&entry).unwrap();
        }
        let clock = Clock::from_origin(monotonic_ns() + HOUR_NS);
        // As many as can hold all rows at once, since nobody waits for the writer.
        let workers = 1 + self.rows.len() / ROWS_A_WORKER;
        let (running, mut recorders) = writer.prepare(workers, || ()).unwrap().begin(clock);
        for (row, note) in &self.rows {
            let worker = row.index as usize % workers;
            let row = &Row { worker: worker as u16, ..*row };
            let recorder = &mut recorders[worker];
            recorder.released(row.lateness_ns().unwrap());
            if row.itl.count > 0 {
                let gap = row.itl.sum_ns / u64::from(row.itl.count);
                (0..row.itl.count).for_each(|_| recorder.gap(row.index, row.class, gap));
            }
            recorder.finished(row, note.clone());
        }
        drop(recorders);
        running
    }
}

/// A request of worker 0 that was released 50 us after it was due at `due_ms`.
pub(crate) fn request(index: u32, due_ms: u64, end: End) -> Row {
    let due = due_ms * MS;
    let mut row = Row::new(index, 0, 0, Stamp::at(due), end);
    row.started = Stamp::at(due + 50_000);
    row
}

/// A streamed answer: first token `ttft_ms` after due, then `tokens - 1` more every `tpot_ms`.
pub(crate) fn answer(index: u32, due_ms: u64, ttft_ms: u64, tpot_ms: u64, tokens: u32) -> Row {
    let mut row = request(index, due_ms, End::Sent(Outcome::Ok));
    let at = |ms: u64| Stamp::at((due_ms + ms) * MS);
    row.attempts = 1;
    row.status = 200;
    row.connected = Stamp::at(due_ms * MS + 250_000);
    row.written = Stamp::at(due_ms * MS + 300_000);
    row.tcp_ns = 150_000;
    row.first_byte = at(ttft_ms);
    row.first_token = at(ttft_ms);
    let last = ttft_ms + tpot_ms * u64::from(tokens - 1);
    row.last_token = at(last);
    row.done = at(last + 1);
    for flag in [Flags::STREAM_ASKED, Flags::STREAMED, Flags::USAGE, Flags::DONE_SEEN] {
        row.flags.set(flag);
    }
    row.prompt_tokens = Some(12);
    row.completion_tokens = Some(tokens);
    row.chunks = tokens;
    (1..tokens).for_each(|_| row.itl.add(tpot_ms * MS));
    row.bytes_out = 400;
    row.bytes_in = 200 * u64::from(tokens);
    row
}

/// A streamed answer that failed `after_ms` after it was due.
pub(crate) fn failure(
    index: u32,
    due_ms: u64,
    outcome: Outcome,
    status: u16,
    after_ms: u64,
) -> Row {
    let mut row = request(index, due_ms, End::Sent(outcome));
    row.flags.set(Flags::STREAM_ASKED);
    row.attempts = 1;
    row.status = status;
    row.done = Stamp::at((due_ms + after_ms) * MS);
    row
}

/// A request for a stream that never left.
pub(crate) fn not_sent(index: u32, due_ms: u64) -> Row {
    let mut row = request(index, due_ms, End::NotSent(NotSent::NoDescriptor));
    row.flags.set(Flags::STREAM_ASKED);
    row
}

/// `n` streamed answers a second apart, whose times look random and are always the same.
pub(crate) fn answers(n: u32) -> Vec<Row> {
    let row = |index: u32| {
        let noise = u64::from(index.wrapping_mul(2_654_435_761) >> 20);
        answer(
            index,
            u64::from(index) * 1_000,
            200 + noise % 150,
            8 + noise % 5,
            20 + noise as u32 % 7,
        )
    };
    (0..n).map(row).collect()
}
