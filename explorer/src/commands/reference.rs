//! The command reference of the README, as Markdown.

use super::{COMMANDS, Command, Group};
use std::fmt::Write;

/// All commands by group, from the table.
pub fn reference() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        let _ = writeln!(text, "### {}\n", group.title());
        let _ = writeln!(text, "| command | also | what it does |\n|---|---|---|");
        for command in COMMANDS.iter().filter(|command| command.group == group) {
            let _ = writeln!(text, "{}", row(command));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn row(command: &Command) -> String {
    let aliases: Vec<_> = command.aliases.iter().map(|alias| format!("`{alias}`")).collect();
    let usage = command.usage().replace('|', "\\|");
    format!("| `{usage}` | {} | {} |", aliases.join(" "), command.help.replace('|', "\\|"))
}
