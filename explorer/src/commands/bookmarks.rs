//! `bookmark`: tracepoints with names.

use super::executions::{head, place_cells};
use super::jumping;
use super::position::Position;
use super::processes;
use super::{Argument, Arguments, Command, CommandError, CommandResult, Form, Group, Kind, Output};
use crate::render::{Page, Style, Table, hex, thousands};
use crate::session::{Bookmark, Place, Places, Session};
use serde::Serialize;

/// A bookmark with its place.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    bookmark: Bookmark,
    /// Whether it is at the cursor.
    current: bool,
    /// Nothing where history cannot be read.
    #[serde(flatten)]
    place: Option<Place>,
}

#[derive(Serialize)]
struct List {
    bookmarks: Vec<Listed>,
}

impl Output for List {
    fn render(&self, page: &mut Page) {
        if self.bookmarks.is_empty() {
            return page.line("No bookmarks.");
        }
        let heading = ["", "tracepoint", "name", "pc", "function", "where"];
        let mut table = Table::new(&heading).numbers(&[1]);
        for Listed { bookmark, current, place } in &self.bookmarks {
            let mut cells = head(*current, bookmark.tracepoint, None);
            cells.push(bookmark.name.clone());
            let elsewhere = || bookmark.process.map_or_else(|| "?".into(), |id| format!("in {id}"));
            cells.push(place.as_ref().map_or_else(elsewhere, |place| hex(place.pc)));
            cells.extend(place.as_ref().map(place_cells).unwrap_or_default());
            table.row(cells);
        }
        table.render(page);
    }
}

fn list(session: &mut Session) -> CommandResult {
    let all: Vec<Bookmark> = session.bookmarks().iter().cloned().collect();
    let mut places = Places::new(session);
    let here = |bookmark: &Bookmark| bookmark.process == session.timeline().other_process();
    let mut listed = |bookmark: Bookmark| Listed {
        current: here(&bookmark) && bookmark.tracepoint == session.cursor(),
        place: Some(bookmark.tracepoint)
            .filter(|_| here(&bookmark))
            .and_then(|t| places.of(t).ok().map(|(place, _)| place.as_ref().clone())),
        bookmark,
    };
    Ok(Box::new(List { bookmarks: all.into_iter().map(&mut listed).collect() }))
}

/// What became of a bookmark.
#[derive(Serialize)]
struct Changed {
    #[serde(skip)]
    done: &'static str,
    #[serde(flatten)]
    bookmark: Bookmark,
}

impl Output for Changed {
    fn render(&self, page: &mut Page) {
        let Bookmark { name, tracepoint, .. } = &self.bookmark;
        page.put(Style::Heading, format!("Bookmark {name}")).plain(" at ");
        page.put(Style::Tracepoint, format!("#{}", thousands(*tracepoint)));
        page.line(format!("{}.", self.done));
    }
}

fn changed(done: &'static str, bookmark: Bookmark) -> CommandResult {
    Ok(Box::new(Changed { done, bookmark }))
}

/// The tracepoint of `-t`, else the cursor.
fn target(session: &Session, arguments: &Arguments) -> Result<u64, CommandError> {
    let target = jumping::argument(session, arguments, AT.name)?.unwrap_or(session.cursor());
    session.timeline().pc(target)?;
    Ok(target)
}

fn name<'a>(arguments: &'a Arguments, argument: &Argument) -> &'a str {
    arguments.get(argument.name).unwrap_or_default()
}

const NAME: Argument = Argument {
    name: "NAME",
    form: Form::Required,
    short: Some("-n"),
    kind: Kind::Bookmark,
    help: "the bookmark's name; with blanks, in quotes",
};

const NEW: Argument = Argument { name: "NEW", kind: Kind::Text, short: None, ..NAME };

const AT: Argument = Argument {
    name: "T",
    form: Form::Option,
    short: Some("-t"),
    kind: Kind::Tracepoint,
    help: "a tracepoint as jump takes it; the cursor's if left out",
};

/// `bookmark`.
pub static BOOKMARK: Command = Command {
    name: "bookmark",
    aliases: &["bm", "bookmark list", "info bookmarks"],
    group: Group::Breakpoints,
    arguments: &[],
    help: "list the bookmarks, where they are in history and in the program",
    details: "The one at the cursor is marked *. Bookmarks are kept in a file beside the trace: \
              run.trace.session for run.trace. A prompt also keeps breakpoints, watchpoints and \
              displays there, and takes them up again; -c, -x and pipes start without these, and \
              write the file only when they change a bookmark.",
    run: |session, _| list(session),
};

/// `bookmark create`.
pub static CREATE: Command = Command {
    name: "bookmark create",
    aliases: &["bookmark add"],
    group: Group::Breakpoints,
    arguments: &[
        Argument {
            name: "NAME",
            form: Form::Optional,
            short: Some("-n"),
            kind: Kind::Text,
            help: "its name, with blanks in quotes; the first free number if left out",
        },
        AT,
    ],
    help: "give a tracepoint a name",
    details: "",
    run: |session, arguments| {
        let target = target(session, arguments)?;
        changed(" created", session.bookmarks().create(arguments.get(NAME.name), target)?)
    },
};

/// `bookmark jump`.
pub static JUMP: Command = Command {
    name: "bookmark jump",
    aliases: &["goto-bookmark"],
    group: Group::Breakpoints,
    arguments: &[NAME],
    help: "go to a bookmark",
    details: "",
    run: |session, arguments| {
        let target = session.bookmarks().get(name(arguments, &NAME))?.clone();
        let first = session.processes().first().map(|process| process.id);
        if let Some(id) = target.process.or(first) {
            processes::go_to(session, id)?;
        }
        session.jump(target.tracepoint)?;
        Position::result(session)
    },
};

/// `bookmark move`.
pub static MOVE: Command = Command {
    name: "bookmark move",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[NAME, AT],
    help: "put a bookmark at the cursor, or at another tracepoint",
    details: "",
    run: |session, arguments| {
        let target = target(session, arguments)?;
        changed(" now", session.bookmarks().set(name(arguments, &NAME), target)?)
    },
};

/// `bookmark rename`.
pub static RENAME: Command = Command {
    name: "bookmark rename",
    aliases: &[],
    group: Group::Breakpoints,
    arguments: &[NAME, NEW],
    help: "give a bookmark another name",
    details: "",
    run: |session, arguments| {
        let (old, new) = (name(arguments, &NAME), name(arguments, &NEW));
        changed(" renamed", session.bookmarks().rename(old, new)?)
    },
};

/// `bookmark delete`.
pub static DELETE: Command = Command {
    name: "bookmark delete",
    aliases: &["delete bookmark"],
    group: Group::Breakpoints,
    arguments: &[NAME],
    help: "delete a bookmark",
    details: "",
    run: |session, arguments| {
        changed(" deleted", session.bookmarks().delete(name(arguments, &NAME))?)
    },
};
