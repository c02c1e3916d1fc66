//! How many there are, for who asks for a list of none.

use super::{CommandResult, Output};
use crate::render::{Page, thousands};
use serde::Serialize;

#[derive(Serialize)]
struct Total {
    total: u64,
    #[serde(skip)]
    what: &'static str,
}

impl Output for Total {
    fn render(&self, page: &mut Page) {
        page.line(format!("{} {}; none is shown.", thousands(self.total), self.what));
    }
}

/// The answer to a list with a count of 0: how many of `what` there are.
pub(super) fn total(total: u64, what: &'static str) -> CommandResult {
    Ok(Box::new(Total { total, what }))
}
