//! Values printed, and convenience variables.

use crate::values::Value;

/// Most values and variables kept; older ones are forgotten.
const MAX_KEPT: usize = 10_000;

/// What `$1`, `$` and `$name` mean.
#[derive(Clone, Default)]
pub struct ValueHistory {
    values: Vec<Value>,
    /// The number of the first value kept, minus 1.
    forgotten: u64,
    variables: Vec<(String, Value)>,
}

impl ValueHistory {
    /// Keeps a value; its number.
    pub fn keep(&mut self, value: Value) -> u64 {
        if self.values.len() >= MAX_KEPT {
            self.values.remove(0);
            self.forgotten += 1;
        }
        self.values.push(value);
        self.forgotten + self.values.len() as u64
    }

    /// A value by number, or so many back from the last.
    pub fn value(&self, number: Option<u64>, back: u64) -> Option<Value> {
        let last = self.forgotten + self.values.len() as u64;
        let number = number.unwrap_or(last).checked_sub(back)?;
        let index = number.checked_sub(self.forgotten)?.checked_sub(1)?;
        self.values.get(usize::try_from(index).ok()?).cloned()
    }

    /// A convenience variable.
    pub fn convenience(&self, name: &str) -> Option<Value> {
        let found = self.variables.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }

    /// Assigns to a convenience variable.
    pub fn assign(&mut self, name: &str, value: Value) {
        self.variables.retain(|(known, _)| known != name);
        if self.variables.len() < MAX_KEPT {
            self.variables.push((name.to_owned(), value));
        }
    }
}
