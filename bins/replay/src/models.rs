//! Which models are asked for: those of the workload, others in their place by `--model-map`, and
//! none that the target is known not to have.

use std::fmt::Write;

use anyhow::anyhow;
use proofload_launch::{Exit, Session};
use proofload_openai::models::is_listed_as;
use proofload_verdict::slo::nearest;
use proofload_workload::{ModelMap, Plan, Workload};

use crate::args::Args;
use crate::server_log::Log;
use crate::target::Reached;

/// Models that are named one by one.
const SHOWN: usize = 8;
/// The longest name of a model, as in a workload.
const NAME_MAX_BYTES: usize = 1024;

/// `OLD=NEW`.
pub(crate) fn parse_pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(old, new)| !old.is_empty() && !new.is_empty());
    let (old, new) = pair.ok_or("expected OLD=NEW, such as gpt-4=llama-70b, or '*=NEW' for all")?;
    if new.len() > NAME_MAX_BYTES {
        return Err(format!("expected a model of at most {NAME_MAX_BYTES} bytes"));
    }
    Ok((old.to_owned(), new.to_owned()))
}

/// The pairs of `--model-map`, each of a model that `workload` names.
pub(crate) fn map(pairs: &[(String, String)], workload: &Workload) -> anyhow::Result<ModelMap> {
    let named = workload.models();
    let mut map = ModelMap::default();
    for (old, new) in pairs {
        if named.is_empty() {
            let error = anyhow!("--model-map: no row of the workload names a model");
            return Err(Exit::usage(error).into());
        }
        if old != ModelMap::ALL && !named.contains(&old.as_str()) {
            let mut text = format!("--model-map: no row of the workload names {}", shown(old));
            if let Some(near) = nearest(old, named.iter().copied()) {
                let _ = write!(text, "; the nearest that one does is {}", shown(near));
            }
            return Err(Exit::usage(anyhow!(text)).into());
        }
        map.add(old, new).map_err(|error| Exit::usage(anyhow!("--model-map: {error}")))?;
    }
    Ok(map)
}

/// A model that the target does not list.
struct Missing<'a> {
    model: &'a str,
    requests: u64,
}

/// Looks that the target lists every model of `plan`, before anything is sent. Where it lists none,
/// the table of models in the server's log is asked, and where there is none either, nobody knows.
pub(crate) fn check(
    args: &Args,
    plan: &Plan,
    reached: &Reached,
    log: Option<&Log>,
    session: &Session,
) -> anyhow::Result<()> {
    if plan.classes().iter().all(|class| class.model.is_none()) {
        return Ok(());
    }
    let tabled = || log.and_then(Log::models);
    let (listed, who) = match &reached.models {
        Ok(listed) => (listed.clone(), format!("/v1/models of {}", reached.url)),
        Err(reason) => {
            // Also under --quiet: it is no progress, and nobody can see it afterwards.
            session.tell(&format!(
                "note: {} does not tell which models it has ({reason}), so a model that it does \
                 not have is seen when its requests fail",
                reached.url
            ));
            match tabled() {
                Some(listed) => (listed, "the table of models in the server log".to_owned()),
                None => return Ok(()),
            }
        }
    };
    let missing = missing(plan, &listed);
    if missing.is_empty() {
        return Ok(());
    }
    let mut text = format!("{who} does not list {}", counted(&missing, plan));
    for Missing { model, requests } in missing.iter().take(SHOWN) {
        let plural = if *requests == 1 { "" } else { "s" };
        let _ = write!(text, "\n  {}, {requests} request{plural}", shown(model));
        let concrete = listed.iter().map(String::as_str).filter(|listed| !listed.contains('*'));
        if let Some(near) = nearest(model, concrete) {
            for old in olds(args, model) {
                let _ = write!(text, "; --model-map {}", quoted(&format!("{old}={near}")));
            }
        }
    }
    let names: Vec<_> = listed.iter().take(SHOWN).map(|model| shown(model)).collect();
    let rest = match listed.len().saturating_sub(SHOWN) {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    let _ = write!(text, "\n  listed: {}{rest}", names.join(", "));
    if args.allow_unknown_models {
        session.warn(&format!("{text}\n  asked for all the same, by --allow-unknown-models"));
        return Ok(());
    }
    if reached.models.is_ok()
        && let Some(tabled) = tabled()
        && missing.iter().all(|missing| is_listed(missing.model, &tabled))
    {
        text.push_str("\n  the server log has them in its table of models; may this key use them?");
    }
    text.push_str(
        "\n  nothing was sent; map them, or send all the same with --allow-unknown-models",
    );
    Err(Exit::bad_input(anyhow!(text)).into())
}

/// What is missing, each once, in the order of the plan.
fn missing<'a>(plan: &'a Plan, listed: &[String]) -> Vec<Missing<'a>> {
    let mut by_class = vec![0_u64; plan.classes().len()];
    (0..plan.len()).for_each(|index| by_class[usize::from(plan.class(index))] += 1);
    let mut missing: Vec<Missing<'_>> = Vec::new();
    for (class, requests) in plan.classes().iter().zip(by_class) {
        let Some(model) = class.model.as_deref() else { continue };
        if let Some(known) = missing.iter_mut().find(|missing| missing.model == model) {
            known.requests += requests;
        } else if !is_listed(model, listed) {
            missing.push(Missing { model, requests });
        }
    }
    missing
}

fn is_listed(model: &str, listed: &[String]) -> bool {
    listed.iter().any(|listed| is_listed_as(model, listed))
}

fn counted(missing: &[Missing<'_>], plan: &Plan) -> String {
    let mut models: Vec<_> = plan.classes().iter().filter_map(|c| c.model.as_deref()).collect();
    models.sort_unstable();
    models.dedup();
    match (missing.len(), models.len()) {
        (1, 1) => "the model that is asked for".to_owned(),
        (some, all) => format!("{some} of the {all} models that are asked for"),
    }
}

/// What stands before the `=` of the pair that would replace `model`.
fn olds<'a>(args: &'a Args, model: &'a str) -> Vec<&'a str> {
    let pairs = args.model_map.iter().filter(|(_, new)| new == model);
    let olds: Vec<_> = pairs.map(|(old, _)| old.as_str()).collect();
    if olds.is_empty() { vec![model] } else { olds }
}

/// A name as it may be shown: what a terminal would obey is escaped.
fn shown(model: &str) -> String {
    format!("`{}`", model.escape_debug())
}

/// An argument as a shell takes it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:/@+-=".contains(c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''").escape_default())
}

#[cfg(test)]
mod tests {
    use super::{parse_pair, quoted};

    #[test]
    fn a_pair_has_two_names() {
        let pair = |old: &str, new: &str| Ok((old.to_owned(), new.to_owned()));
        for (text, want) in [
            ("a=b", pair("a", "b")),
            ("*=b", pair("*", "b")),
            ("a=b=c", pair("a", "b=c")),
            ("a", Err("OLD=NEW")),
            ("=b", Err("OLD=NEW")),
            ("a=", Err("OLD=NEW")),
        ] {
            match want {
                Ok(_) => assert_eq!(parse_pair(text).ok(), want.ok(), "{text}"),
                Err(hint) => assert!(parse_pair(text).unwrap_err().contains(hint), "{text}"),
            }
        }
        assert!(parse_pair(&format!("a={}", "n".repeat(1_025))).is_err());
    }

    #[test]
    fn a_shell_takes_the_pair_as_it_is() {
        for (text, want) in
            [("a/b=c:7", "a/b=c:7"), ("*=c", "'*=c'"), ("a b=\u{1b}", "'a b=\\u{1b}'")]
        {
            assert_eq!(quoted(text), want);
        }
    }
}
