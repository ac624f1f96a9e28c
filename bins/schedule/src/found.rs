//! What all runs came to: what is printed of it, what is kept, and with which code it ends.

use proofload_charts::Scene;
use proofload_launch::{Code, Exit, Session};
use proofload_run_dir::Bare;
use proofload_strategies::Strategy;
use serde_json::Value;

use crate::args::Args;
use crate::block::{seconds, short};
use crate::compare::{self, claim_rows, claims, median_run, side_by_side};
use crate::files::picture;
use crate::improve::{Improvement, improvement_rows, improvements};
use crate::redis::{self, Delivered};
use crate::results::{Deadline, Results};
use crate::scenario::{Scenario, Which};
use crate::series::Run;
use crate::stage::Kind;
use crate::{figures, page, pictures, scaling};

/// Everything that was found out.
pub(crate) struct Found<'a> {
    pub(crate) kind: &'a Kind,
    pub(crate) scenario: &'a Scenario,
    pub(crate) strategies: Vec<Strategy>,
    pub(crate) judged: Strategy,
    pub(crate) runs: &'a [Run],
    pub(crate) scaling: Option<scaling::Found>,
    pub(crate) claims: Vec<compare::Claim>,
    pub(crate) improvements: Vec<Improvement>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) interrupted: bool,
    /// With workers at work, on a server.
    pub(crate) deliveries: Vec<Delivered>,
    /// What was run, as files keep it.
    pub(crate) record: &'a Value,
}

impl<'a> Found<'a> {
    pub(crate) fn of(
        args: &Args,
        kind: &'a Kind,
        scenario: &'a Scenario,
        record: &'a Value,
        judged: Strategy,
        runs: &'a [Run],
        scaling: Option<scaling::Found>,
    ) -> Self {
        let strategies = args.strategy.strategies();
        let compared = args.strategy == Which::All;
        let claims = if compared { claims(runs, scenario) } else { Vec::new() };
        let improvements =
            if compared { improvements(runs, scenario, &strategies) } else { Vec::new() };
        let own = || runs.iter().filter(move |run| run.strategy == judged);
        let in_time = own().filter(|run| run.total < scenario.target).count();
        let deadline = Deadline::of(own().count() as u64, in_time as u64);
        Self {
            kind,
            scenario,
            strategies,
            judged,
            runs,
            scaling,
            claims,
            improvements,
            deadline,
            interrupted: false,
            deliveries: Vec::new(),
            record,
        }
    }

    pub(crate) fn own(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.strategy == self.judged)
    }

    /// The run with the median total; where some miss a goal, of those, so that a block that ends with
    /// `PASSED` speaks for all.
    fn shown(&self) -> Option<&Run> {
        let mut failed: Vec<&Run> = self.own().filter(|run| !run.meets_all()).collect();
        failed.sort_by_key(|run| run.total);
        let middle = failed.len().saturating_sub(1) / 2;
        failed.get(middle).copied().or_else(|| median_run(self.runs, self.judged))
    }

    pub(crate) fn results(&self) -> Results<'_> {
        Results {
            scenario: self.scenario,
            strategies: &self.strategies,
            judged: self.judged,
            runs: self.runs,
            claims: &self.claims,
            improvements: &self.improvements,
            deadline: self.deadline,
            scaling: self.scaling.as_ref(),
            state: if self.interrupted { "interrupted" } else { "complete" },
            kind: self.kind,
            deliveries: &self.deliveries,
        }
    }

    /// The strategies side by side, what they save, and what the source claims.
    pub(crate) fn tables(&self) -> [Vec<Vec<String>>; 3] {
        [
            side_by_side(self.runs, &self.strategies),
            improvement_rows(&self.improvements),
            claim_rows(&self.claims),
        ]
    }

    /// What the server counted of each run beside what we did.
    pub(crate) fn truths(&self) -> Vec<Vec<String>> {
        let head = ["Strategy", "Run", "Commands by the server's INFO", "Delivered"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for run in self.runs {
            let Some(wire) = &run.wire else { continue };
            let delivered = wire.side.delivered.map_or_else(String::new, |n| n.to_string());
            let (name, number) = (run.strategy.name().to_owned(), run.number.to_string());
            rows.push(vec![name, number, wire.side.truth.text(), delivered]);
        }
        rows
    }

    /// How many runs the server counted as we did.
    fn truth(&self) -> Option<String> {
        let wires: Vec<_> = self.runs.iter().filter_map(|run| run.wire.as_ref()).collect();
        let equal = wires.iter().filter(|wire| wire.side.truth.is_equal()).count();
        let text = format!(
            "Runs of which the server's own INFO counts as many commands as we do: {equal} of {}",
            wires.len()
        );
        (!wires.is_empty()).then_some(text)
    }

    /// Gives the names of the files.
    pub(crate) fn write(&self, args: &Args, dir: &Bare) -> anyhow::Result<Vec<String>> {
        let mut files = vec!["results.json".to_owned(), "summary.csv".into(), "batches.csv".into()];
        let json = format!("{:#}\n", self.results().json());
        dir.put("results.json", json.as_bytes()).map_err(Exit::unwritable)?;
        let pictures = self.pictures();
        for (name, scene) in &pictures {
            picture(dir, name, scene)?;
        }
        if !pictures.is_empty() {
            files.push("charts/".to_owned());
        }
        let page = proofload_report::html(&page::document(self, pictures))?;
        dir.put("report.html", page.as_bytes()).map_err(Exit::unwritable)?;
        files.push("report.html".to_owned());
        if args.is_stress() {
            dir.put("stress_test_results.txt", self.stress().as_bytes())
                .map_err(Exit::unwritable)?;
            files.push("stress_test_results.txt".to_owned());
        }
        Ok(files)
    }

    fn pictures(&self) -> Vec<(&'static str, Scene)> {
        let Some(run) = median_run(self.runs, self.judged) else { return Vec::new() };
        let mut pictures = vec![
            ("distribution", pictures::distribution(run)),
            ("phases", pictures::phases(self.runs, &self.strategies)),
        ];
        if let Some(scaling::Found::Measured(found)) = &self.scaling {
            pictures.push(("scaling", pictures::scaling(found)));
        }
        pictures
    }

    /// What the source's stress test keeps of each run, and the average that its awk line prints.
    fn stress(&self) -> String {
        let kept = ["Total duration:", "Lock acquisitions:", "PASS", "FAIL"];
        let mut text = String::new();
        let (mut sum, mut count) = (0.0, 0);
        for run in self.own() {
            for line in run.block.lines().filter(|line| kept.iter().any(|word| line.contains(word)))
            {
                text.push_str(line);
                text.push('\n');
            }
            sum += run.total.as_secs_f64();
            count += 1;
        }
        if count > 0 {
            text.push_str(&format!("Average: {:.6} Count: {count}\n", sum / f64::from(count)));
        }
        text
    }

    pub(crate) fn print(&self, args: &Args, session: &mut Session) -> anyhow::Result<()> {
        let out = session.out();
        if args.verbose {
            for run in self.own() {
                writeln!(out, "{}", run.block)?;
            }
        } else if let Some(run) = self.shown() {
            writeln!(out, "{}", run.block)?;
        }
        let (own, met) = (self.own().count(), self.own().filter(|run| run.meets_all()).count());
        if own == 0 {
            writeln!(out, "No run was finished.")?;
            return Ok(());
        }
        let name = self.judged.name();
        writeln!(out, "Runs of {name} that meet every goal: {met} of {own}")?;
        for run in self.own().filter(|run| !run.meets_all()).take(3) {
            let missed = run.goals.iter().filter(|goal| !goal.met).map(|goal| goal.name);
            let missed: Vec<_> = missed.collect();
            writeln!(out, "  run {} ({}): {}", run.number, seconds(run.total), missed.join(", "))?;
        }
        if let Some(deadline) = self.deadline {
            writeln!(out, "{}", deadline.text(&short(self.scenario.target)))?;
        }
        if self.strategies.len() > 1 {
            writeln!(
                out,
                "\nMedians of {own} runs each [95% interval], in turns there and back:\n"
            )?;
            let [side_by_side, improvements, claims] = compare::texts(self.tables());
            write!(out, "{side_by_side}")?;
            writeln!(
                out,
                "\nAn improvement is the median of those of all pairs of a run of old and one of the \
                 other:\n"
            )?;
            writeln!(out, "{improvements}")?;
            write!(out, "{claims}")?;
        }
        if let Some(truth) = self.truth() {
            writeln!(out, "\n{truth}")?;
            for run in self.runs {
                let Some(wire) = &run.wire else { continue };
                if !wire.side.truth.is_equal() {
                    let (name, text) = (run.strategy.name(), wire.side.truth.text());
                    writeln!(out, "  {name}, run {}: {text}", run.number)?;
                }
            }
        }
        if !self.deliveries.is_empty() {
            let rows = redis::delivery_rows(&self.deliveries);
            write!(out, "\n{}", compare::table(&rows, &[]))?;
        }
        for one in self.deliveries.iter().filter(|one| !one.faults.is_empty()) {
            writeln!(out, "  {}: {}", one.strategy, one.faults.join("; "))?;
        }
        let grows = match &self.scaling {
            None => return Ok(()),
            Some(scaling::Found::Measured(found)) => {
                format!("grows as their number to the power {}", figures::slope_text(&found.slope))
            }
            Some(scaling::Found::NotMeasured(why)) => format!("is not measured: {why}"),
        };
        writeln!(out, "\nFrom 100 to 10,000 containers time without the window {grows}")?;
        Ok(())
    }

    pub(crate) fn code(&self, args: &Args) -> Code {
        if self.interrupted {
            return Code::Interrupted;
        }
        let is_delivered = self.deliveries.iter().all(|one| one.faults.is_empty());
        let is_met = self.own().all(Run::meets_all) && is_delivered;
        let goals = if is_met { Code::Ok } else { Code::NotMet };
        let gate = match self.deadline.and_then(|deadline| deadline.met) {
            _ if !args.gate => Code::Ok,
            Some(true) => Code::Ok,
            Some(false) => Code::NotMet,
            None if args.run.allow_undecided => Code::Ok,
            None => Code::Undecided,
        };
        goals.graver(gate)
    }
}
