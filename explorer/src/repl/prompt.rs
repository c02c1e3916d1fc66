//! The interactive prompt.

use super::{Answerer, complete, history};
use crate::commands::resolve;
use crate::session::Session;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::HistoryHinter;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Context, Editor, Helper, Hinter, Validator};
use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

/// What the user is asked with.
const PROMPT: &str = "(rdb) ";

#[derive(Helper, Hinter, Validator)]
struct Assistant {
    session: Rc<RefCell<Session>>,
    #[rustyline(Hinter)]
    hinter: HistoryHinter,
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..position).unwrap_or(line);
        Ok(complete::complete(&self.session.borrow(), typed))
    }
}

impl Highlighter for Assistant {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        match self.session.borrow().settings().color {
            true => Cow::Owned(format!("\x1b[1m{prompt}\x1b[0m")),
            false => Cow::Borrowed(prompt),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        match self.session.borrow().settings().color {
            true => Cow::Owned(format!("\x1b[2m{hint}\x1b[0m")),
            false => Cow::Borrowed(hint),
        }
    }
}

/// Takes up the session where it was left, then asks for commands until `quit` or Ctrl-D. An empty line repeats the last.
///
/// # Errors
/// When the terminal cannot be used, or an answer not be written.
pub fn prompt(mut session: Session, answerer: &mut Answerer<'_>) -> io::Result<()> {
    session.restore();
    answerer.notices(&session)?;
    let session = Rc::new(RefCell::new(session));
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true);
    let editor = Editor::<Assistant, DefaultHistory>::with_config(config.build());
    let mut editor = editor.map_err(io::Error::other)?;
    let session_of_helper = Rc::clone(&session);
    editor.set_helper(Some(Assistant {
        session: session_of_helper,
        hinter: HistoryHinter::default(),
    }));
    let history = history::file();
    if let Some(file) = &history {
        // No history yet, or none that can be read: start without.
        let _ = editor.load_history(file);
    }
    let mut last = String::new();
    while !session.borrow().finished {
        match editor.readline(PROMPT) {
            Ok(line) => {
                let line = if line.trim().is_empty() { again(&last) } else { line };
                answerer.run(&mut session.borrow_mut(), &line)?;
                last = line;
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(io::Error::other(error)),
        }
    }
    if let Some(file) = &history {
        // What cannot be kept is forgotten: no reason to bother anyone.
        let _ = editor.save_history(file);
    }
    Ok(())
}

/// What an empty line means after `last`: the same again; `x` and `list` go on
/// behind what they showed.
fn again(last: &str) -> String {
    let Ok(resolved) = resolve(last) else { return last.to_owned() };
    match resolved.command.name {
        "x" => match resolved.rest.split_whitespace().next() {
            Some(format) if format.starts_with('/') => format!("x{format}"),
            _ => "x".to_owned(),
        },
        "list" => "list".to_owned(),
        _ => last.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::again;

    #[test]
    fn an_empty_line_repeats_or_goes_on() {
        assert_eq!(again("sb 3"), "sb 3");
        assert_eq!(again("x/4xg $rsp"), "x/4xg");
        assert_eq!(again("x main"), "x");
        assert_eq!(again("l main"), "list");
        assert_eq!(again(""), "");
    }
}
