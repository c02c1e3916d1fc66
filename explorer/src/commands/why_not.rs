//! `why-not`: the branch that kept code from running.

use super::position::source_line;
use super::{Argument, Command, CommandError, Form, Group, Kind, Output, operands};
use crate::render::{Page, Style, brief, hex, thousands};
use crate::session::{
    Condition, Decision, NotCalled, Operand, Place, Pointers, Reason, Running, Session, Unreached,
    WhyNot, value_text,
};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Answer {
    location: String,
    #[serde(flatten)]
    why_not: WhyNot,
    /// Texts of lines and instructions, by tracepoint.
    #[serde(skip)]
    texts: Texts,
}

/// Texts of lines and instructions, by tracepoint.
#[derive(Default)]
struct Texts {
    lines: BTreeMap<u64, String>,
    instructions: BTreeMap<u64, String>,
}

impl Output for Answer {
    fn render(&self, page: &mut Page) {
        let WhyNot { from, until, thread, ran, elsewhere, places, unmapped, .. } = &self.why_not;
        let thread = thread.map_or_else(String::new, |number| format!(" in thread {number}"));
        let line = self.why_not.line.map(|line| format!("Line {line}"));
        let what = line.as_ref().unwrap_or(&self.location);
        if let Some(ran) = ran {
            page.plain(format!("{what} ran{thread}: first at "));
            page.put(Style::Tracepoint, format!("#{}", thousands(*ran))).end();
            return self.render_others(page);
        }
        let (from, until) = (thousands(*from), thousands(*until));
        page.line(format!("{what} did not run{thread} from #{from} to #{until}."));
        self.render_others(page);
        if let Some((t, number)) = elsewhere {
            page.line(format!("Thread {number} ran it: first at #{}.", thousands(*t)));
        }
        places.iter().for_each(|place| self.texts.unreached(page, place, places.len() > 1, 0));
        if !unmapped.is_empty() {
            let names = unmapped.join(", ");
            let text = format!("Not mapped at #{from}, and not looked through: {names}.");
            page.put(Style::Dim, text).end();
        }
    }
}

impl Answer {
    /// When it ran outside of the stretch that is looked at.
    fn render_others(&self, page: &mut Page) {
        let WhyNot { from, until, last, next, .. } = self.why_not;
        let before = last.map(|t| (format!("Before #{} it ran last at ", thousands(from)), t));
        let after = next.map(|t| (format!("From #{} on it ran first at ", thousands(until)), t));
        for (text, t) in before.into_iter().chain(after) {
            page.plain(text).put(Style::Tracepoint, format!("#{}", thousands(t)));
            page.plain(".").end();
        }
    }
}

impl Texts {
    fn unreached(&self, page: &mut Page, one: &Unreached, named: bool, indent: usize) {
        let pad = "  ".repeat(indent);
        if named {
            page.plain(&pad);
            one.place.render_with_address(page);
            page.plain(":").end();
        }
        match &one.reason {
            Reason::Branch(decision) => self.decision(page, decision, &pad),
            Reason::NoInstruction { what } => page.line(format!("{pad}{what}.")),
            Reason::Unknown { what } => page.line(format!("{pad}Not known why: {what}.")),
            Reason::Elsewhere { tracepoint, led_to } => {
                page.plain(format!("{pad}ran at "));
                page.put(Style::Tracepoint, format!("#{}", thousands(*tracepoint)));
                page.plain(", and led to ");
                led_to.render_brief(page);
                page.end();
            }
            Reason::NotCalled(not_called) => self.not_called(page, not_called, indent),
        }
    }

    fn not_called(&self, page: &mut Page, one: &NotCalled, indent: usize) {
        let pad = "  ".repeat(indent);
        page.plain(&pad);
        if let Some(part) = one.part {
            page.plain("The part at ").put(Style::Address, hex(part)).plain(" of ");
        }
        page.put(Style::Function, brief(&one.function));
        match &one.running {
            _ if one.part.is_some() => page.plain(" was not entered"),
            Some(running) => render_running(page, running),
            None => page.plain(" was not entered"),
        };
        page.plain(match (one.callers.is_empty(), one.running.is_some()) {
            (false, _) if one.part.is_some() => ". It is entered from:",
            (false, _) => ". It is called from:",
            (true, true) => ".",
            (true, false) => {
                ", and no instruction calls it by its address: only a pointer leads there."
            }
        });
        page.end();
        one.callers.iter().for_each(|one| self.unreached(page, one, true, indent + 1));
        if one.more {
            page.put(Style::Dim, format!("{pad}  … and from elsewhere")).end();
        }
        if let Some(pointers) = &one.pointers {
            render_pointers(page, pointers, &pad);
        }
    }

    fn decision(&self, page: &mut Page, decision: &Decision, pad: &str) {
        let tracepoint = format!("#{}", thousands(decision.tracepoint));
        page.plain(pad).put(Style::Tracepoint, tracepoint).plain("  ");
        decision.place.render(page);
        page.end();
        if let (Some(line), Some(text)) =
            (decision.place.line, self.lines.get(&decision.tracepoint))
        {
            page.plain(pad).put(Style::Dim, line).plain("\t").plain(text).end();
        }
        if let Some(text) = self.instructions.get(&decision.tracepoint) {
            page.plain(pad).plain("\t").put(Style::Dim, text);
        }
        match &decision.condition {
            Some(condition) => self.condition(page, condition, pad),
            None => page.plain("  leads where a register or a table says").end(),
        }
        page.plain(pad).plain("\tled to ");
        decision.led_to.render(page);
        if decision.before {
            page.plain(", before the cursor");
        }
        if decision.times > 1 {
            let times = thousands(decision.times as u64);
            let over = if decision.more { "more than " } else { "" };
            page.plain(format!("; executed {over}{times} times in that time"));
        }
        page.end();
    }

    fn condition(&self, page: &mut Page, condition: &Condition, pad: &str) {
        let (name, taken) = (condition.name, if condition.held { "held" } else { "did not hold" });
        page.plain(format!("  jumps if {name}, which {taken}")).end();
        let compared = condition.compared_at.and_then(|at| self.instructions.get(&at));
        if let Some(compared) = compared {
            page.plain(pad).plain("\t").put(Style::Dim, compared);
            let operands: Vec<_> = condition.operands.iter().map(operand).collect();
            if !operands.is_empty() {
                page.plain("  where ").put(Style::Current, operands.join(", "));
            }
            page.end();
        }
    }
}

fn render_running<'a, 'p>(page: &'a mut Page<'p>, running: &Running) -> &'a mut Page<'p> {
    match running.entered {
        Some(t) => {
            page.plain(" was entered at ");
            page.put(Style::Tracepoint, format!("#{}", thousands(t)));
            page.plain(" and is still running");
        }
        None => {
            page.plain(" was entered before and is still running");
        }
    }
    page.plain(format!(" (frame {}); it was not entered again", running.frame))
}

fn render_pointers(page: &mut Page, pointers: &Pointers, pad: &str) {
    if pointers.sites.is_empty() {
        return page.line(format!("{pad}No call through a pointer ran."));
    }
    let some = if pointers.cut { ", as far as was looked" } else { "" };
    page.line(format!("{pad}Calls through pointers that ran{some}:"));
    for site in &pointers.sites {
        page.plain(format!("{pad}  "));
        page.put(Style::Tracepoint, format!("#{}", thousands(site.tracepoint))).plain("  ");
        site.place.render_brief(page);
        if site.times > 1 {
            page.plain(format!(", {} times", thousands(site.times as u64)));
        }
        let name = |to: &Place| to.function.as_deref().map_or_else(|| hex(to.pc), brief);
        let names: Vec<String> = site.led_to.iter().map(name).collect();
        page.plain(", to ").put(Style::Function, names.join(", "));
        if site.more > 0 {
            page.plain(format!(" and {} more", site.more));
        }
        page.end();
    }
    if pointers.more > 0 {
        page.put(Style::Dim, format!("{pad}  … and {} more places", pointers.more)).end();
    }
}

fn operand(operand: &Operand) -> String {
    let value = operand.shown.clone().unwrap_or_else(|| value_text(&operand.value));
    format!("{} = {value}", operand.name)
}

/// Adds the texts that belong to an answer.
fn add(session: &Session, one: &Unreached, texts: &mut Texts) -> Result<(), CommandError> {
    match &one.reason {
        Reason::NotCalled(one) => {
            one.callers.iter().try_for_each(|caller| add(session, caller, texts))
        }
        Reason::Unknown { .. } | Reason::NoInstruction { .. } | Reason::Elsewhere { .. } => Ok(()),
        Reason::Branch(decision) => {
            let t = decision.tracepoint;
            let place: &Place = &decision.place;
            texts.lines.extend(source_line(session, place).map(|text| (t, text)));
            let compared = decision.condition.as_ref().and_then(|c| c.compared_at);
            for t in [Some(t), compared].into_iter().flatten() {
                let text = operands::executed_at(session, t)?;
                texts.instructions.extend(text.map(|text| (t, text)));
            }
            Ok(())
        }
    }
}

/// `why-not`.
pub static WHY_NOT: Command = Command {
    name: "why-not",
    aliases: &["whynot"],
    group: Group::History,
    arguments: &[
        Argument {
            name: "WITHIN",
            form: Form::Option,
            short: None,
            kind: Kind::Count,
            help: "look at so many instructions from the cursor on; at all if left out",
        },
        Argument {
            name: "LOCATION",
            form: Form::RequiredRest,
            short: None,
            kind: Kind::Location,
            help: "FILE:LINE, LINE of the current file, FUNCTION, FILE:FUNCTION, or *ADDRESS",
        },
    ],
    help: "show which branch kept a line or function from running after the cursor",
    details: "Of the branches that the line depends on, the nearest that was executed: where it \
              led, its condition, and what was compared. For a function that was not entered, \
              what calls it is asked in turn, through stubs and slots of the dynamic linker too. \
              If only a pointer leads there, the calls through pointers that did run are shown. \
              With several threads, it is about the selected one.",
    run: |session, arguments| {
        let location = arguments.get("LOCATION").unwrap_or_default().trim().to_owned();
        let why_not = session.why_not(&location, arguments.count("WITHIN"))?;
        let mut texts = Texts::default();
        why_not.places.iter().try_for_each(|place| add(session, place, &mut texts))?;
        Ok(Box::new(Answer { location, why_not, texts }))
    },
};
