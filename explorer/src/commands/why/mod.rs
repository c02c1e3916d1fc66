//! `why`: where a value came from.

mod repeats;
mod row;
mod tree;

use super::asked::{EXPRESSION, SIZE};
use super::executions::NUMBER;
use super::position::source_line;
use super::{Argument, Command, CommandError, Form, Group, Kind, Output, operands};
use crate::render::{Page, Style};
use crate::session::{Beginning, Link, Note, Question, Reach, Session, Why};
use serde::Serialize;
use tree::Tree;

/// Links one behind the other when nobody says how many, and the most.
const COUNT: u64 = 24;
const MAX_COUNT: u64 = 200;

/// Most links of one answer; and of one in which rounds of loops are told together, as many of
/// these.
const MOST_LINKS: usize = 256;
const MOST_FOLLOWED: usize = 2048;

/// Links in all that are shown when nobody says how many.
const LINKS: u64 = 60;

#[derive(Serialize)]
struct Answer {
    expression: String,
    tracepoint: u64,
    /// Whether the value is kept nowhere, and its operands were followed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    operands: bool,
    /// Bytes of the value that are padding, and were not followed.
    #[serde(skip_serializing_if = "crate::render::is_zero")]
    padding: u64,
    links: Vec<Row>,
    more: bool,
    /// The same with as many rounds of loops more as are told together, for text.
    #[serde(skip)]
    folded: Option<(Vec<Row>, bool)>,
    /// Whether text shows what only carries a value, too.
    #[serde(skip)]
    all: bool,
    /// Most links that text shows.
    #[serde(skip)]
    most: usize,
    /// Most rows one behind the other that it shows.
    #[serde(skip)]
    depth: usize,
}

/// A link, with the text of its line and of its instruction.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    link: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instruction: Option<String>,
    /// Instructions of its origins that are others.
    #[serde(skip)]
    beginnings: Vec<Option<String>>,
    /// Instructions of its notes that are others.
    #[serde(skip)]
    noted: Vec<Option<String>>,
}

impl Output for Answer {
    fn render(&self, page: &mut Page) {
        if self.operands {
            let text =
                format!("{} is kept nowhere: here is what it is computed of.", self.expression);
            page.put(Style::Dim, text).end();
        }
        if self.padding > 0 {
            let text =
                format!("{} bytes of padding between its members are left out.", self.padding);
            page.put(Style::Dim, text).end();
        }
        let own = || (self.links.as_slice(), self.more);
        let (links, more) = self.folded.as_ref().map_or_else(own, |(links, more)| (links, *more));
        let tree = Tree::new(links, self.all, (self.most, self.depth));
        tree.render(page);
        let (shown, left_out) = tree.counts();
        if left_out > 0 {
            let all = shown + left_out;
            let text = format!("{left_out} more links are not shown: --links {all} shows them.");
            page.put(Style::Dim, text).end();
        }
        if more || tree.is_cut() {
            page.put(Style::Dim, "There is more; say how far with -c, or jump and ask there.")
                .end();
        }
    }
}

fn answer(
    session: &Session,
    expression: &str,
    question: &Question,
    why: Why,
) -> Result<Answer, CommandError> {
    let text = |t: u64| Ok::<_, CommandError>(operands::executed_at(session, t)?);
    let row = |link: Link| {
        let source = link.place.as_ref().and_then(|place| source_line(session, place));
        let shown = link.computed_at.or(link.tracepoint).filter(|_| !link.steps.is_empty());
        let instruction = shown.map(text).transpose()?.flatten();
        let another = |at: Option<u64>| {
            let told = !link.steps.is_empty() && at != shown;
            at.filter(|_| told).map(text).transpose().map(Option::flatten)
        };
        let of_origin = |ending: &Beginning| another(ending.tracepoint);
        let beginnings = link.origins.iter().map(of_origin).collect::<Result<_, _>>()?;
        let of_note = |note: &Note| another(Some(note.tracepoint));
        let noted = link.notes.iter().map(of_note).collect::<Result<_, _>>()?;
        Ok::<_, CommandError>(Row { link, source, instruction, beginnings, noted })
    };
    let links = why.links.into_iter().map(row).collect::<Result<_, _>>()?;
    Ok(Answer {
        expression: expression.to_owned(),
        tracepoint: session.cursor(),
        operands: question.operands,
        padding: question.padding,
        links,
        more: why.more,
        folded: None,
        all: false,
        most: usize::MAX,
        depth: usize::MAX,
    })
}

/// Follows further what rounds of loops, which are told together, leave of `reach`.
fn fold(
    session: &Session,
    question: &Question,
    answer: &mut Answer,
    reach: Reach,
) -> Result<(), CommandError> {
    let asked = (session.thread()?, session.cursor());
    let (mut depth, mut more) = (reach.depth, answer.more);
    let is_open =
        |links: &[Row]| Tree::new(links, false, (usize::MAX, usize::MAX)).is_open(reach.depth);
    while more
        && depth < MOST_FOLLOWED
        && is_open(answer.folded.as_ref().map_or(&answer.links, |(links, _)| links))
    {
        depth = depth.saturating_mul(4).min(MOST_FOLLOWED);
        let why = session.why_of(
            &question.asked,
            asked,
            Reach { depth, links: MOST_FOLLOWED, ..reach },
        )?;
        let followed = self::answer(session, &answer.expression, question, why)?;
        more = followed.more;
        answer.folded = Some((followed.links, more));
    }
    Ok(())
}

const ADDRESSES: Argument = Argument {
    name: "--addresses",
    form: Form::Word,
    short: None,
    kind: Kind::Text,
    help: "follow the registers that make addresses, too",
};

const MOST: Argument = Argument {
    name: "LINKS",
    form: Form::Option,
    short: None,
    kind: Kind::Count,
    help: "show at most so many links in all, those nearest to the value; 60 if left out",
};

const ALL: Argument = Argument {
    name: "--all",
    form: Form::Word,
    short: Some("-v"),
    kind: Kind::Text,
    help: "show each move of saved registers and of libraries and each round of a loop, and \
           follow the stack pointer",
};

/// `why`.
pub static WHY: Command = Command {
    name: "why",
    aliases: &["origin"],
    group: Group::History,
    arguments: &[
        Argument { help: "at most N links one behind the other; 24 if left out", ..NUMBER },
        MOST,
        ADDRESSES,
        ALL,
        SIZE,
        EXPRESSION,
    ],
    help: "follow a value backwards to where it came from",
    details: "Moves, copies and arithmetic lead to what they read, up to constants, files, \
              arguments of the program, data of system calls, and what malloc or new returned. \
              What one visit of a source line does is one link; where several values come \
              together, each has its own branch. \
              Of an expression whose value is kept nowhere, the operands are followed. Moves \
              that only save a register, or that pass through code without sources of the \
              dynamic linker and of libraries, are one line, and do not count; rounds of a loop \
              that repeat the one before are one line, too, and count once; a way ends at the \
              stack pointer.",
    run: |session, arguments| {
        let expression = arguments.get(EXPRESSION.name).unwrap_or_default();
        let question = session.question(expression, arguments.count(SIZE.name));
        let question = question.map_err(CommandError::Other)?;
        let depth = arguments.count(NUMBER.name).unwrap_or(COUNT).clamp(1, MAX_COUNT) as usize;
        let addresses = arguments.get(ADDRESSES.name).is_some();
        let all = arguments.get(ALL.name).is_some();
        let reach = Reach { depth, links: MOST_LINKS, addresses, stack: all };
        let asked = (session.thread()?, session.cursor());
        let why = session.why_of(&question.asked, asked, reach)?;
        let most = arguments.count(MOST.name).unwrap_or(LINKS);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut answer = answer(session, expression, &question, why)?;
        if all {
            return Ok(Box::new(Answer { all, most, ..answer }));
        }
        fold(session, &question, &mut answer, reach)?;
        Ok(Box::new(Answer { most, depth, ..answer }))
    },
};
