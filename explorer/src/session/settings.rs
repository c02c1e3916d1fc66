//! What `set` sets.

use std::path::PathBuf;

/// Assembler syntax.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavor {
    /// Intel's: destination first.
    #[default]
    Intel,
    /// AT&T's, as GNU as writes it.
    Att,
}

/// The settings of a session.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether text is coloured.
    pub color: bool,
    /// Assembler syntax.
    pub flavor: Flavor,
    /// Whether steps go through all threads as they take turns, not through one.
    pub step_all_threads: bool,
    /// Lines `list` shows at a time.
    pub list_size: u32,
    /// Whether the prompt shows long answers page by page.
    pub pagination: bool,
    /// Replaced leading directories of sources: (as compiled, as found here).
    pub substitutions: Vec<(PathBuf, PathBuf)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            color: false,
            flavor: Flavor::Intel,
            step_all_threads: false,
            list_size: 10,
            pagination: true,
            substitutions: Vec::new(),
        }
    }
}

/// A setting `set` and `show` know.
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it does, one line.
    pub help: &'static str,
    /// Sets it; the error says which values there are.
    pub set: fn(&mut Settings, &str) -> Result<(), String>,
    /// Its value, as text.
    pub show: fn(&Settings) -> String,
}

/// All settings.
pub static SETTINGS: &[Setting] = &[
    Setting {
        name: "color",
        help: "colour text: on or off",
        set: |settings, value| {
            settings.color = one_of(value, &[("on", true), ("off", false)])?;
            Ok(())
        },
        show: |settings| if settings.color { "on" } else { "off" }.to_owned(),
    },
    Setting {
        name: "disassembly-flavor",
        help: "assembler syntax: intel (the default) or att",
        set: |settings, value| {
            settings.flavor = one_of(value, &[("intel", Flavor::Intel), ("att", Flavor::Att)])?;
            Ok(())
        },
        show: |settings| if settings.flavor == Flavor::Att { "att" } else { "intel" }.to_owned(),
    },
    Setting {
        name: "listsize",
        help: "source lines that list shows at a time, 1 to 10000",
        set: |settings, value| {
            let size = value.parse().ok().filter(|size| (1..=10_000).contains(size));
            settings.list_size = size.ok_or("a number from 1 to 10000 is needed")?;
            Ok(())
        },
        show: |settings| settings.list_size.to_string(),
    },
    Setting {
        name: "step-threads",
        help: "steps go through one thread's instructions (one, the default) or through all",
        set: |settings, value| {
            settings.step_all_threads = one_of(value, &[("one", false), ("all", true)])?;
            Ok(())
        },
        show: |settings| if settings.step_all_threads { "all" } else { "one" }.to_owned(),
    },
    Setting {
        name: "pagination",
        help: "show long answers page by page at the prompt, with $PAGER or less: on or off",
        set: |settings, value| {
            settings.pagination = one_of(value, &[("on", true), ("off", false)])?;
            Ok(())
        },
        show: |settings| if settings.pagination { "on" } else { "off" }.to_owned(),
    },
    Setting {
        name: "substitute-path",
        help: "FROM TO: sources compiled in directory FROM are in TO on this machine",
        set: |settings, value| {
            let (from, to) = value.trim().split_once(' ').ok_or("two directories are needed")?;
            settings.substitutions.push((from.into(), to.trim().into()));
            Ok(())
        },
        show: |settings| {
            let pair =
                |(from, to): &(PathBuf, PathBuf)| format!("{} -> {}", from.display(), to.display());
            settings.substitutions.iter().map(pair).collect::<Vec<_>>().join(", ")
        },
    },
];

fn one_of<T: Copy>(value: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice);
    let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" or ");
    found.ok_or_else(|| format!("{} is needed", names()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_take_what_they_show() {
        for setting in SETTINGS.iter().filter(|setting| setting.name != "substitute-path") {
            let mut settings = Settings::default();
            let shown = (setting.show)(&settings);
            assert_eq!((setting.set)(&mut settings, &shown), Ok(()), "{}", setting.name);
            assert!((setting.set)(&mut settings, "nonsense").is_err(), "{}", setting.name);
        }
    }
}
