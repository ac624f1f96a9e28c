//! Sending to other models than the workload names.

use proofload_record::Class;
use std::collections::HashMap;

/// Which model stands in the place of which.
///
/// ```
/// # use proofload_workload::ModelMap;
/// let mut models = ModelMap::default();
/// models.add("gpt-4", "llama-70b")?;
/// models.add(ModelMap::ALL, "llama-8b")?;
/// assert_eq!((models.of("gpt-4"), models.of("gpt-3")), ("llama-70b", "llama-8b"));
/// # Ok::<(), proofload_workload::MappedTwice>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelMap {
    pairs: Vec<(Box<str>, Box<str>)>,
}

/// A model that was mapped before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{old}` is mapped twice, to `{first}` and to `{second}`; keep one of them")]
pub struct MappedTwice {
    /// The model.
    pub old: String,
    /// What it was mapped to.
    pub first: String,
    /// What it should be mapped to as well.
    pub second: String,
}

impl ModelMap {
    /// In the place of a model's name: every model that has no pair of its own.
    pub const ALL: &str = "*";

    /// From now on `new` stands in the place of `old`.
    ///
    /// # Errors
    /// [`MappedTwice`], and nothing is changed.
    pub fn add(&mut self, old: &str, new: &str) -> Result<(), MappedTwice> {
        if let Some(first) = self.find(old) {
            let [old, first, second] = [old, first, new].map(str::to_owned);
            return Err(MappedTwice { old, first, second });
        }
        self.pairs.push((old.into(), new.into()));
        Ok(())
    }

    /// What is sent in the place of `model`: itself, where nothing else was said.
    #[must_use]
    pub fn of<'a>(&'a self, model: &'a str) -> &'a str {
        self.find(model).or_else(|| self.find(Self::ALL)).unwrap_or(model)
    }

    /// The pairs in the order in which they were added.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(old, new)| (&**old, &**new))
    }

    fn find(&self, model: &str) -> Option<&str> {
        self.pairs().find_map(|(old, new)| (old == model).then_some(new))
    }
}

/// The classes of a plan, as they are sent.
#[derive(Debug)]
pub(crate) struct Renamed {
    /// In the order in which the plan first has them.
    pub(crate) classes: Vec<Class>,
    /// By a row's class: the number among `classes`. Two models may have become one.
    pub(crate) numbers: Vec<u16>,
    /// By a row's class: the model to be sent, as JSON, where it is another one.
    pub(crate) models: Vec<Option<Box<str>>>,
}

impl Renamed {
    /// `classes` with their models put through `map`.
    pub(crate) fn new(classes: &[Class], map: &ModelMap) -> Self {
        let mut renamed = Self { classes: Vec::new(), numbers: Vec::new(), models: Vec::new() };
        let mut known = HashMap::new();
        for class in classes {
            let model = class.model.as_deref().map(|model| map.of(model));
            let is_new = model != class.model.as_deref();
            let json = model.filter(|_| is_new).map(serde_json::Value::from);
            renamed.models.push(json.map(|json| json.to_string().into()));
            let sent = Class { model: model.map(Into::into), ..class.clone() };
            let next = renamed.classes.len() as u16;
            let number =
                *known.entry((sent.mode, sent.priority, sent.model.clone())).or_insert(next);
            if number == next {
                renamed.classes.push(sent);
            }
            renamed.numbers.push(number);
        }
        renamed
    }
}

#[cfg(test)]
mod tests {
    use super::{ModelMap, Renamed};
    use proofload_record::{Class, Mode, Priority};

    fn map(pairs: &[(&str, &str)]) -> ModelMap {
        let mut map = ModelMap::default();
        pairs.iter().for_each(|(old, new)| map.add(old, new).unwrap());
        map
    }

    #[test]
    fn a_pair_of_its_own_wins_and_one_more_is_refused() {
        let mut map = map(&[("*", "all"), ("a", "b"), ("b", "b")]);
        for (model, want) in [("a", "b"), ("b", "b"), ("c", "all"), ("all", "all")] {
            assert_eq!(map.of(model), want, "{model}");
        }
        let refused = map.add("a", "c").unwrap_err().to_string();
        assert_eq!(refused, "`a` is mapped twice, to `b` and to `c`; keep one of them");
        assert!(map.add("*", "all").is_err());
        assert_eq!(map.of("a"), "b");
        assert_eq!(ModelMap::default().of("a"), "a");
    }

    #[test]
    fn models_that_become_one_share_a_class_and_none_stays_none() {
        let class = |mode, model: Option<&str>| Class {
            mode,
            priority: Priority::Mid,
            model: model.map(Into::into),
        };
        let (live, batch) = (Mode::Interactive, Mode::Batch);
        let classes = [
            class(live, None),
            class(live, Some("a")),
            class(batch, Some("a")),
            class(live, Some("b")),
            class(live, Some("\"q\"")),
        ];
        let renamed = Renamed::new(&classes, &map(&[("a", "x\"y"), ("b", "x\"y")]));
        let want = [
            class(live, None),
            class(live, Some("x\"y")),
            class(batch, Some("x\"y")),
            class(live, Some("\"q\"")),
        ];
        assert_eq!(renamed.classes, want);
        assert_eq!(renamed.numbers, [0, 1, 2, 1, 3]);
        let json = Some(r#""x\"y""#);
        let models: Vec<_> = renamed.models.iter().map(Option::as_deref).collect();
        assert_eq!(models, [None, json, json, json, None]);
        assert_eq!(Renamed::new(&classes, &ModelMap::default()).classes, classes);
    }
}
