//! `modules`.

use super::{Command, Group, Output};
use crate::render::{Page, Table, hex};
use crate::session::Session;
use crate::symbols::ModuleSymbols;
use crate::timeline::ModuleInfo;
use serde::Serialize;

#[derive(Serialize)]
struct Modules {
    modules: Vec<Module>,
}

#[derive(Serialize)]
struct Module {
    index: u32,
    path: String,
    build_id: String,
    /// Bytes of the file.
    size: u64,
    /// Run-time minus module addresses, wherever it was ever mapped.
    biases: Vec<String>,
    debug_info: bool,
    notices: Vec<String>,
}

impl Module {
    fn new(session: &Session, info: &ModuleInfo) -> Self {
        let images = session.locator().images();
        let symbols = images.symbols(session.timeline(), info.index);
        Self {
            index: info.index,
            path: info.path.clone(),
            build_id: info.build_id.iter().map(|byte| format!("{byte:02x}")).collect(),
            size: info.size,
            biases: images.biases(session.timeline(), info.index).into_iter().map(hex).collect(),
            debug_info: symbols.is_some_and(ModuleSymbols::has_debug_info),
            notices: symbols.map(ModuleSymbols::notices).unwrap_or_default(),
        }
    }
}

impl Output for Modules {
    fn render(&self, page: &mut Page) {
        let mut table =
            Table::new(&["num", "loaded at", "debug", "build-id", "path"]).numbers(&[0]);
        for module in &self.modules {
            table.row(vec![
                module.index.to_string(),
                module.biases.join(","),
                if module.debug_info { "yes" } else { "no" }.to_owned(),
                module.build_id.chars().take(16).collect(),
                module.path.clone(),
            ]);
        }
        table.render(page);
        for notice in self.modules.iter().flat_map(|module| &module.notices) {
            page.line(notice);
        }
    }
}

/// `modules`.
pub static MODULES: Command = Command {
    name: "modules",
    aliases: &["info modules", "info sharedlibrary"],
    group: Group::State,
    arguments: &[],
    help: "list the ELF files of the trace",
    details: "Shows where each was mapped (its load bias), whether it has debug information, and \
              its build-id.",
    run: |session, _| {
        let interrupt = session.interrupt.clone();
        session.locator().complete(session.timeline(), &|| interrupt.raised())?;
        let modules = session.timeline().modules();
        Ok(Box::new(Modules { modules: modules.iter().map(|m| Module::new(session, m)).collect() }))
    },
};
