//! `index`: makes the index before a question needs it.

use super::{Arguments, Command, CommandResult, Group, Output};
use crate::render::{Page, thousands};
use crate::session::Session;
use serde::Serialize;

#[derive(Serialize)]
struct IndexMade {
    bytes: u64,
    /// Whether it stands beside the trace, for the next time.
    kept: bool,
}

impl Output for IndexMade {
    fn render(&self, page: &mut Page) {
        let bytes = thousands(self.bytes);
        page.line(&match self.kept {
            true => format!("The index takes {bytes} bytes, beside the trace."),
            false => format!("The index takes {bytes} bytes, and lasts as long as this session."),
        });
    }
}

fn index(session: &mut Session, _: &Arguments) -> CommandResult {
    let (bytes, kept) = session.make_index()?;
    Ok(Box::new(IndexMade { bytes, kept }))
}

/// `index`.
pub static INDEX: Command = Command {
    name: "index",
    aliases: &[],
    group: Group::History,
    arguments: &[],
    help: "make the index that questions over the whole history use, if there is none",
    details: "The first such question makes it, too. rdb-record --index makes it right after \
              recording.",
    run: index,
};
