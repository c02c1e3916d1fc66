//! `maps`.

use super::{Command, Group, Output};
use crate::render::{Page, Table, serialize_hex};
use crate::session::Session;
use rdb_schema::space::{Base, Mapping, PROT_EXEC, PROT_READ, PROT_WRITE};
use serde::Serialize;

#[derive(Serialize)]
struct Maps {
    maps: Vec<Map>,
}

#[derive(Serialize)]
struct Map {
    #[serde(serialize_with = "serialize_hex")]
    start: u64,
    #[serde(serialize_with = "serialize_hex")]
    end: u64,
    protection: String,
    #[serde(serialize_with = "serialize_hex")]
    offset: u64,
    name: String,
    /// The module whose memory it is, if it has no bytes in a file: the rest of its `.bss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    bss_of: Option<String>,
}

impl Map {
    fn new(session: &Session, mapping: &Mapping) -> Self {
        // MAP_SHARED, MAP_PRIVATE: asm-generic/mman-common.h.
        let shared = mapping.flags & 3 == 1;
        let bit = |bit, letter| if mapping.protection & bit != 0 { letter } else { '-' };
        let protection = [bit(PROT_READ, 'r'), bit(PROT_WRITE, 'w'), bit(PROT_EXEC, 'x')];
        Self {
            start: mapping.start,
            end: mapping.end,
            protection: protection.iter().chain([if shared { &'s' } else { &'p' }]).collect(),
            offset: mapping.file_offset,
            name: String::from_utf8_lossy(&mapping.name).into_owned(),
            bss_of: bss_of(session, mapping).map(str::to_owned),
        }
    }

    /// What it is called in the table.
    fn title(&self) -> String {
        match &self.bss_of {
            Some(module) if self.name.is_empty() => format!(".bss of {module}"),
            _ => self.name.clone(),
        }
    }
}

/// The path of the module whose memory all of an anonymous mapping is.
fn bss_of<'s>(session: &'s Session, mapping: &Mapping) -> Option<&'s str> {
    if matches!(mapping.base, Base::Module(_)) {
        return None;
    }
    let images = session.locator().images();
    let at = |address| images.at(session.timeline(), session.cursor(), address);
    let (first, last) = (at(mapping.start)?, at(mapping.end.checked_sub(1)?)?);
    images.path(first.module).filter(|_| first == last)
}

/// Columns of a page below which the table leaves out what follows from other columns, or is
/// rarely asked for: the names would have no room.
const NARROW: usize = 80;

/// The headings of the table, and whether a narrow page has them.
const HEADING: [(&str, bool); 6] = [
    ("start", true),
    ("end", true),
    ("size", false),
    ("prot", true),
    ("offset", false),
    ("name", true),
];

impl Output for Maps {
    fn render(&self, page: &mut Page) {
        let narrow = page.width().is_some_and(|width| width < NARROW);
        let shown = |column: usize| !narrow || HEADING.get(column).is_some_and(|(_, kept)| *kept);
        let heading = HEADING.iter().filter(|(_, kept)| *kept || !narrow);
        let heading: Vec<&str> = heading.map(|(name, _)| *name).collect();
        let mut table = Table::new(&heading).ends(heading.len() - 1);
        for map in &self.maps {
            let cells = [
                format!("{:#x}", map.start),
                format!("{:#x}", map.end),
                format!("{:#x}", map.end.saturating_sub(map.start)),
                map.protection.clone(),
                format!("{:#x}", map.offset),
                map.title(),
            ];
            let cells = cells.into_iter().enumerate().filter(|(column, _)| shown(*column));
            table.row(cells.map(|(_, cell)| cell));
        }
        table.render(page);
    }
}

/// `maps`.
pub static MAPS: Command = Command {
    name: "maps",
    aliases: &["info maps", "info mappings"],
    group: Group::State,
    arguments: &[],
    help: "list the mappings of the address space",
    details: "",
    run: |session, _| {
        let space = session.timeline().space(session.cursor())?;
        Ok(Box::new(Maps {
            maps: space.iter().map(|mapping| Map::new(session, mapping)).collect(),
        }))
    },
};
