//! `quit`.

use super::{Command, Group, Output};
use crate::render::Page;
use serde::Serialize;

#[derive(Serialize)]
struct Farewell {
    quit: bool,
}

impl Output for Farewell {
    fn render(&self, _: &mut Page) {}
}

/// `quit`.
pub static QUIT: Command = Command {
    name: "quit",
    aliases: &["q", "exit"],
    group: Group::Session,
    arguments: &[],
    help: "leave the explorer",
    details: "Ctrl-D does the same.",
    run: |session, _| {
        session.finished = true;
        Ok(Box::new(Farewell { quit: true }))
    },
};
