//! `help`.

use super::resolve;
use super::{Argument, Arguments, COMMANDS, Command, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style};
use crate::session::Session;
use serde::Serialize;

#[derive(Serialize)]
struct Help {
    groups: Vec<Commands>,
    /// Whether it is of one command, in full.
    #[serde(skip)]
    full: bool,
}

#[derive(Serialize)]
struct Commands {
    name: &'static str,
    title: &'static str,
    commands: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    aliases: &'static [&'static str],
    usage: String,
    help: &'static str,
    details: &'static str,
    arguments: Vec<Parameter>,
}

#[derive(Serialize)]
struct Parameter {
    name: &'static str,
    help: &'static str,
}

impl Entry {
    fn new(command: &Command) -> Self {
        let parameter = |a: &Argument| Parameter { name: a.name, help: a.help };
        Self {
            name: command.name,
            aliases: command.aliases,
            usage: command.usage(),
            help: command.help,
            details: command.details,
            arguments: command.arguments.iter().map(parameter).collect(),
        }
    }

    fn render(&self, page: &mut Page) {
        page.wrap(2).put(Style::Heading, &self.usage).end();
        if !self.aliases.is_empty() {
            page.wrap(2).line(format!("also: {}", self.aliases.join(", ")));
        }
        page.wrap(0).line(format!("{}.", self.help));
        let names = self.arguments.iter().map(|argument| argument.name.len() + 1);
        let width = names.max().unwrap_or(0).max(10);
        for argument in &self.arguments {
            let name = format!("{:<width$}", argument.name);
            page.wrap(2 + width).plain("  ").put(Style::Heading, name);
            page.line(argument.help);
        }
        if !self.details.is_empty() {
            page.wrap(0).line(self.details);
        }
    }
}

impl Output for Help {
    fn render(&self, page: &mut Page) {
        let entries = || self.groups.iter().flat_map(|group| &group.commands);
        if self.full {
            return entries().for_each(|entry| entry.render(page));
        }
        let names = |entry: &Entry| match entry.aliases.first() {
            Some(alias) => format!("{} ({alias})", entry.name),
            None => entry.name.to_owned(),
        };
        let width = entries().map(|entry| names(entry).len()).max().unwrap_or(0);
        for group in &self.groups {
            page.put(Style::Heading, format!("{} ({})", group.title, group.name)).end();
            for entry in &group.commands {
                let name = format!("{:<width$}", names(entry));
                page.wrap(4 + width).plain("  ").put(Style::Function, name);
                page.line(format!("  {}", entry.help));
            }
        }
        page.line("`help COMMAND` says more. Unique beginnings of names will do.");
    }
}

fn group(group: Group) -> Commands {
    let commands = COMMANDS.iter().filter(|command| command.group == group);
    Commands {
        name: group.name(),
        title: group.title(),
        commands: commands.map(|command| Entry::new(command)).collect(),
    }
}

fn help(_: &mut Session, arguments: &Arguments) -> CommandResult {
    let Some(topic) = arguments.get("TOPIC") else {
        return Ok(Box::new(Help { groups: Group::ALL.map(group).into(), full: false }));
    };
    if let Some(found) = Group::ALL.into_iter().find(|group| group.name() == topic) {
        return Ok(Box::new(Help { groups: vec![group(found)], full: false }));
    }
    let command = resolve(topic)?.command;
    let (name, title) = (command.group.name(), command.group.title());
    let only = Commands { name, title, commands: vec![Entry::new(command)] };
    Ok(Box::new(Help { groups: vec![only], full: true }))
}

/// `help`.
pub static HELP: Command = Command {
    name: "help",
    aliases: &["h"],
    group: Group::Session,
    arguments: &[Argument {
        name: "TOPIC",
        form: Form::Rest,
        short: None,
        kind: Kind::Command,
        help: "a command, or position, moving, breakpoints, state, history, session",
    }],
    help: "list the commands, or explain one",
    details: "",
    run: help,
};
