//! Completion, from the command table and the trace.

use crate::commands::{self, Argument, Form, Kind};
use crate::session::registers::{Class, names};
use crate::session::{SETTINGS, Session};
use crate::symbols::{DeclaredKind, ModuleSymbols};
use rdb_schema::syscalls::SYSCALLS;

/// Most candidates offered.
const MOST: usize = 200;

/// What may stand at the end of `line`: where the completed word begins, and
/// the candidates for it.
pub fn complete(session: &Session, line: &str) -> (usize, Vec<String>) {
    let word_start = line.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let word = &line[word_start..];
    let mut found: Vec<String> = match commands::resolve(line) {
        Ok(resolved) if word_start > 0 => arguments(session, resolved.command.arguments, word),
        _ => Vec::new(),
    };
    // A command's second word, or its first.
    let whole = line.trim_start();
    let tails = commands::candidates(whole).into_iter();
    let skip = whole.len() - word.len();
    found.extend(tails.filter_map(|name| name.get(skip..)).map(str::to_owned));
    found.sort_unstable();
    found.dedup();
    found.truncate(MOST);
    (word_start, found)
}

fn arguments(session: &Session, arguments: &[Argument], word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for argument in arguments {
        if argument.form == Form::Option && argument.short.is_none() {
            found.push(format!("--{}", argument.name.to_ascii_lowercase()));
        }
        found.extend(of_kind(session, argument.kind, word));
    }
    found.retain(|candidate| candidate.starts_with(word));
    found
}

fn of_kind(session: &Session, kind: Kind, word: &str) -> Vec<String> {
    let owned = |name: &str| name.to_owned();
    match kind {
        Kind::Count | Kind::EitherEnd | Kind::Path | Kind::Pattern | Kind::Text => Vec::new(),
        Kind::Tracepoint => ["start", "end"].map(owned).into(),
        Kind::Bookmark => {
            session.known_bookmarks().iter().map(|bookmark| bookmark.name.clone()).collect()
        }
        Kind::Command => commands::candidates(word).into_iter().map(owned).collect(),
        Kind::Setting => SETTINGS.iter().map(|setting| setting.name.to_owned()).collect(),
        Kind::Syscall => SYSCALLS.iter().map(|call| call.name.to_owned()).collect(),
        Kind::Registers => registers(session, ""),
        Kind::Expression if word.starts_with('$') => registers(session, "$"),
        Kind::Expression => {
            let mut found = variables(session, word);
            found.extend(functions(session, word));
            found
        }
        Kind::Location => {
            let mut found = functions(session, word);
            found.extend(files(session));
            found
        }
    }
}

fn registers(session: &Session, prefix: &str) -> Vec<String> {
    let xcr0 = session.timeline().header().host.xcr0;
    let classes = [Class::General, Class::Float, Class::Vector];
    let all = classes.into_iter().flat_map(|class| names(class, xcr0));
    all.map(|name| format!("{prefix}{name}")).collect()
}

fn modules(session: &Session) -> impl Iterator<Item = &ModuleSymbols> {
    let images = session.locator().images();
    images.modules().filter_map(|index| images.symbols(session.timeline(), index))
}

fn functions(session: &Session, word: &str) -> Vec<String> {
    modules(session).flat_map(|module| module.functions_with_prefix(word)).take(MOST * 4).collect()
}

/// Variables of the selected frame, and of its module.
fn variables(session: &Session, word: &str) -> Vec<String> {
    let Ok(scene) = session.scene() else { return Vec::new() };
    let locals = scene.variables().unwrap_or_default();
    let mut found: Vec<String> = locals.iter().map(|variable| variable.name.to_string()).collect();
    if let Some(dies) = scene.view().and_then(|view| view.dies()) {
        let names = dies.declared().names(DeclaredKind::Variable);
        found.extend(names.filter(|name| name.starts_with(word)).take(MOST).map(str::to_owned));
    }
    found
}

/// Source files by their last component, ready for a line number.
fn files(session: &Session) -> Vec<String> {
    let all = modules(session).flat_map(ModuleSymbols::source_files);
    all.filter_map(|file| Some(format!("{}:", file.rsplit('/').next()?))).collect()
}
