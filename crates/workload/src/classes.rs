//! Modes, priorities and models, each combination a number.

use crate::index::Row;
use proofload_record::{Class, Mode, Priority};
use std::collections::HashMap;

/// Numbers the classes as they are met.
#[derive(Default)]
pub(crate) struct Classes {
    models: HashMap<Box<str>, u32>,
    numbers: HashMap<(u32, Mode, Priority), u16>,
    list: Vec<Class>,
}

impl Classes {
    /// `None` when there are too many.
    pub(crate) fn number(
        &mut self,
        model: Option<&str>,
        mode: Mode,
        priority: Priority,
    ) -> Option<u16> {
        let model_number = match model {
            None => 0,
            Some(model) => match self.models.get(model) {
                Some(&number) => number,
                None => {
                    let number = self.models.len() as u32 + 1;
                    self.models.insert(model.into(), number);
                    number
                }
            },
        };
        if let Some(&number) = self.numbers.get(&(model_number, mode, priority)) {
            return Some(number);
        }
        let number = u16::try_from(self.list.len()).ok().filter(|&number| number < u16::MAX)?;
        self.numbers.insert((model_number, mode, priority), number);
        self.list.push(Class { mode, priority, model: model.map(Into::into) });
        Some(number)
    }

    /// Numbers them anew, as the sorted `rows` first have them.
    pub(crate) fn in_order_of(self, rows: &mut [Row]) -> Vec<Class> {
        let mut list: Vec<Option<Class>> = self.list.into_iter().map(Some).collect();
        let mut new_numbers = vec![0; list.len()];
        let mut classes = Vec::with_capacity(list.len());
        for row in rows {
            let old = usize::from(row.class);
            if let Some(class) = list[old].take() {
                new_numbers[old] = classes.len() as u16;
                classes.push(class);
            }
            row.class = new_numbers[old];
        }
        classes
    }
}
