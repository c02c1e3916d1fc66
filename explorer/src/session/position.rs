//! A place in a program: addresses with names and lines.

use crate::render::{Page, Style, brief, hex, serialize_hex};
use crate::symbols::Location;
use serde::Serialize;

/// What is known of a run-time code address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The address.
    #[serde(serialize_with = "serialize_hex")]
    pub pc: u64,
    /// The function; the innermost inlined one, if any is inlined here.
    pub function: Option<String>,
    /// Bytes from the start of the function; none of an inlined one, whose copies have no start.
    pub offset: Option<u64>,
    /// Absolute name of the source file.
    pub file: Option<String>,
    /// Its line, from 1.
    pub line: Option<u32>,
    /// Its column, from 1.
    pub column: Option<u32>,
    /// Path of the module.
    pub module: Option<String>,
    /// Whether the function is inlined into another here.
    pub inlined: bool,
}

/// What the frame the kernel made for a signal is called, as in gdb.
const SIGNAL_FRAME: &str = "<signal handler called>";

impl Place {
    /// The same place, as the frame that the kernel made for a signal: what a handler returns
    /// to is no function that the program called.
    pub fn of_signal_frame(self) -> Self {
        let function = Some(SIGNAL_FRAME.to_owned());
        Self { function, module: self.module, ..Self::bare(self.pc) }
    }

    /// Whether it is the frame that the kernel made for a signal.
    pub fn is_signal_frame(&self) -> bool {
        self.function.as_deref() == Some(SIGNAL_FRAME)
    }

    /// A place of which nothing but the address is known.
    pub fn bare(pc: u64) -> Self {
        Self { pc, ..Self::default() }
    }

    /// Sets file, line and column.
    pub fn set_location(&mut self, location: Option<Location>) {
        let Some(location) = location.filter(|location| location.line > 0) else { return };
        self.file = Some(location.file);
        self.line = Some(location.line);
        self.column = Some(location.column).filter(|column| *column > 0);
    }

    /// `main+12 at /src/prog.c:10`; without a function, its address.
    pub fn render(&self, page: &mut Page) {
        match (&self.function, &self.module) {
            (None, Some(module)) if self.line.is_none() => {
                page.put(Style::Address, hex(self.pc)).plain(" from ").put(Style::File, module);
            }
            _ => self.render_call(page, None),
        }
    }

    /// The same, with a long name of the function shortened.
    pub fn render_brief(&self, page: &mut Page) {
        let function = self.function.as_deref().map(brief);
        Self { function, ..self.clone() }.render(page);
    }

    /// The same with the arguments of the call: `main+12 (argc=1) at /src/prog.c:10`.
    pub fn render_call(&self, page: &mut Page, arguments: Option<&str>) {
        match &self.function {
            Some(function) => {
                page.put(Style::Function, function);
            }
            None => {
                page.plain("??");
            }
        }
        if self.is_signal_frame() {
            return;
        }
        if let Some(offset) = self.offset.filter(|offset| *offset > 0 && self.function.is_some()) {
            page.plain(format!("+{offset}"));
        }
        if let Some(arguments) = arguments {
            page.plain(format!(" ({arguments})"));
        }
        match (&self.file, self.line, &self.module) {
            (Some(file), Some(line), _) => {
                page.plain(" at ").put(Style::File, format!("{file}:{line}"));
            }
            (_, _, Some(module)) => {
                page.plain(" from ").put(Style::File, module);
            }
            _ => {}
        }
    }

    /// As a frame: the address, unless the kernel made it for a signal, and the call.
    pub fn render_frame(&self, page: &mut Page, arguments: Option<&str>) {
        if !self.is_signal_frame() {
            page.put(Style::Address, hex(self.pc)).plain(" in ");
        }
        self.render_call(page, arguments);
    }

    /// The address, then the call, without arguments.
    pub fn render_with_address(&self, page: &mut Page) {
        page.put(Style::Address, hex(self.pc)).plain(" in ");
        self.render_call(page, None);
    }
}
