//! Functions, lines and breakpoints.

use std::process::Command;

use rdb_explorer::symbols::{DebugSearch, ModuleAddr, ModuleSymbols};

use crate::build::{C, CPP, Program, RUST, available, compile, run, symbols_of};
use crate::gdb::{break_addresses, gdb};

const VARIANTS: [&[&str]; 6] = [
    &["-g", "-gdwarf-4", "-O0"],
    &["-g", "-gdwarf-5", "-O0"],
    &["-g", "-gdwarf-5", "-O2"],
    &["-g", "-gdwarf-4", "-O2", "-no-pie"],
    &["-g", "-gdwarf-5", "-O0", "-static"],
    &["-g", "-gdwarf-5", "-O1", "-gz", "-fcf-protection"],
];

fn each(compiler: &str, extension: &str, text: &str, check: impl Fn(&Program, &[&str])) {
    for flags in VARIANTS {
        if let Some(program) = compile(compiler, extension, text, flags) {
            check(&program, flags);
        }
    }
}

/// Addresses to probe: all of the code that belongs to the program's own
/// source, and some around.
fn own_code(symbols: &ModuleSymbols) -> Vec<u64> {
    let names = symbols.functions();
    assert!(!names.is_empty());
    let own =
        ["main", "leaf", "middle", "deep", "compare", "bar", "use", "hidden", "speak", "bark"];
    let entries = own.iter().flat_map(|name| symbols.addresses_of_function(*name));
    let functions = entries.filter_map(|at| symbols.function_at(at.entry));
    let mut all: Vec<u64> = functions.flat_map(|f| f.start.0..f.end.0 + 4).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn frames_and_lines_equal_addr2line() {
    let check = |program: &Program, flags: &[&str]| {
        let symbols = program.symbols();
        let context = addr2line::Context::from_arc_dwarf(symbols.dwarf()).unwrap();
        let probes = own_code(&symbols);
        assert!(probes.len() > 40);
        for probe in probes {
            let mut expected = Vec::new();
            let mut frames = context.find_frames(probe).skip_all_loads().unwrap();
            while let Some(frame) = frames.next().unwrap() {
                let name = frame.function.map(|f| f.raw_name().unwrap().into_owned());
                let name = name.map(|name| rdb_explorer::symbols::demangle_short(&name));
                let at = frame.location.map(|l| {
                    (l.file.map(str::to_owned), l.line.unwrap_or(0), l.column.unwrap_or(0))
                });
                expected.push((name, at));
            }
            let got = symbols.frames_at(ModuleAddr(probe)).into_iter().map(|frame| {
                let at = frame.location.map(|l| (Some(l.file), l.line, l.column));
                (frame.function, at)
            });
            let got: Vec<_> = got.collect();
            if expected.is_empty() {
                continue; // Not DWARF's: start-up code of the C library.
            }
            // Where two rows share an address, is_stmt rows are preferred here.
            if got != expected && !same_but_first_location(&got, &expected) {
                panic!("{flags:?} at {probe:#x}: expected\n{expected:?}\ngot\n{got:?}");
            }
        }
    };
    each("gcc", "c", C, check);
    each("g++", "cc", CPP, check);
}

type Named = (Option<String>, Option<(Option<String>, u32, u32)>);

fn same_but_first_location(a: &[Named], b: &[Named]) -> bool {
    // Symbols qualify names for which DWARF has no linkage name.
    let same = |a: &Option<String>, b: &Option<String>| {
        a == b || a.as_ref().zip(b.as_ref()).is_some_and(|(a, b)| a.ends_with(&format!("::{b}")))
    };
    let outer = a.iter().zip(b).skip(1).all(|(a, b)| a.1 == b.1);
    a.len() == b.len() && outer && a.iter().zip(b).all(|(a, b)| same(&a.0, &b.0))
}

#[test]
fn lines_equal_gdb() {
    if !available("gdb") {
        return;
    }
    each("gcc", "c", C, |program, flags| {
        let symbols = program.symbols();
        let probes: Vec<_> =
            own_code(&symbols).into_iter().filter(|p| symbols.line_start(ModuleAddr(*p))).collect();
        assert!(probes.len() > 10);
        let commands: Vec<_> = probes.iter().map(|p| format!("info line *{p:#x}")).collect();
        let out = gdb(&program.binary, &commands);
        let answers: Vec<_> = out.lines().filter(|line| line.starts_with("Line ")).collect();
        assert_eq!(answers.len(), probes.len());
        for (probe, answer) in probes.iter().zip(answers) {
            let (range, at) = symbols.line_range(ModuleAddr(*probe)).unwrap();
            assert!(
                answer.starts_with(&format!("Line {} ", at.line)),
                "{flags:?}: {at:?} {answer}"
            );
            assert!(range.contains(&ModuleAddr(*probe)), "{flags:?}: {answer}");
        }
    });
}

#[test]
fn function_addresses_equal_nm() {
    if !available("nm") {
        return;
    }
    each("gcc", "c", C, |program, flags| {
        let symbols = program.symbols();
        for line in run(Command::new("nm").arg("-S").arg(&program.binary)).lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            let [address, size, kind, name] = words[..] else { continue };
            let address = u64::from_str_radix(address, 16).unwrap();
            let size = u64::from_str_radix(size, 16).unwrap();
            if name == "counter" {
                assert_eq!(symbols.data_symbol(name), Some((ModuleAddr(address), size)));
                assert_eq!(symbols.symbol_near(ModuleAddr(address + 2)), Some((name.into(), 2)));
            }
            let own = ["main", "leaf", "middle", "deep", "compare"];
            if kind.eq_ignore_ascii_case("t") && own.contains(&name) {
                let function = symbols.function_at(ModuleAddr(address + size - 1)).unwrap();
                assert_eq!((&*function.name, function.entry.0), (name, address), "{flags:?}");
                assert_eq!(function.end.0, address + size);
                assert_eq!(symbols.symbol_near(ModuleAddr(address + 1)), Some((name.into(), 1)));
            }
        }
        let main = symbols.addresses_of_function("main")[0].entry;
        let near = symbols.similar_functions("mian", 3);
        assert!(near.contains(&(1, "main".to_owned())), "{near:?}");
        assert!(symbols.functions_with_prefix("mid").contains(&"middle".to_owned()));
        assert_eq!(symbols.function_at(main).unwrap().linkage_name.as_deref(), Some("main"));
    });
}

#[test]
fn breakpoints_equal_gdb() {
    if !available("gdb") {
        return;
    }
    let check = |names: &'static [&'static str], marks: &'static [&'static str]| {
        move |program: &Program, flags: &[&str]| {
            let symbols = program.symbols();
            for name in names {
                let found = symbols.addresses_of_function(*name);
                let expected = break_addresses(&program.binary, name);
                assert_eq!(found.len(), expected.len(), "{flags:?} {name}");
                // gdb 13 ignores where inlined copies say they are entered.
                for at in found.iter().filter(|at| !at.inlined) {
                    assert!(
                        expected.contains(&at.address.0),
                        "{flags:?} {name} {at:?} {expected:?}"
                    );
                }
            }
            for mark in marks {
                let line = program.mark(mark);
                let file = program.source.file_name().unwrap().to_str().unwrap();
                let matched = symbols.addresses_of_line(file, line);
                let mut got: Vec<_> = matched.addresses.iter().map(|at| at.address.0).collect();
                got.sort_unstable();
                let expected = break_addresses(&program.binary, &format!("{file}:{line}"));
                assert_eq!(got, expected, "{flags:?} {mark}");
                // Optimised, a line may be left without code of its own.
                let exact = *mark != "comment";
                assert!(matched.exact == exact || !flags.contains(&"-O0"), "{flags:?} {mark}");
            }
        }
    };
    let c = ["main", "leaf", "middle", "deep", "compare"];
    let c: &'static [&'static str] = Box::leak(Box::new(c));
    each("gcc", "c", C, check(c, &["leaf", "main", "compare", "deep", "comment"]));
    let cpp = &["main", "ns::Foo<int>::bar", "Foo<long>::bar", "Foo::bar", "ns::use"];
    each("g++", "cc", CPP, check(cpp, &["bar", "plain", "overload", "hidden"]));
}

#[test]
fn inlined_copies_are_places_to_break() {
    each("gcc", "c", C, |program, flags| {
        let symbols = program.symbols();
        let copies = symbols.addresses_of_function("twice");
        assert!(copies.iter().any(|at| at.inlined), "{flags:?}");
        let copy = copies.iter().find(|at| at.inlined).unwrap();
        let frames = symbols.frames_at(copy.address);
        let names: Vec<_> = frames.iter().map(|f| f.function.clone().unwrap()).collect();
        assert_eq!(names, ["twice", "middle"], "{flags:?}");
        assert_eq!(frames[1].location.as_ref().unwrap().line, program.mark("middle"));
        let (range, _) = symbols.line_range(copy.address).unwrap();
        assert!(range.contains(&copy.address), "{flags:?}");
        if flags.contains(&"-O0") {
            let matched = symbols.addresses_of_line("fixture.c", program.mark("twice"));
            assert!(matched.exact && matched.addresses.iter().all(|at| at.inlined));
            assert!(symbols.line_start(matched.addresses[0].address));
        }
    });
}

#[test]
fn cpp_names_are_qualified() {
    each("g++", "cc", CPP, |program, _| {
        let symbols = program.symbols();
        let named = |name: &str| {
            let mut lines: Vec<_> = symbols
                .addresses_of_function(name)
                .iter()
                .map(|at| symbols.function_at(at.entry).unwrap().name)
                .collect();
            lines.sort();
            lines
        };
        assert_eq!(named("Foo::bar"), ["ns::Foo<int>::bar", "ns::Foo<long>::bar"]);
        assert_eq!(named("bar"), ["bar", "bar"]);
        assert_eq!(named("hidden"), ["ns::(anonymous namespace)::hidden"]);
        assert_eq!(named("_Z3bari"), ["bar"]);
    });
}

#[test]
fn rust_names_are_qualified() {
    let flags: [&[&str]; 2] = [&["-g"], &["-g", "-O", "-Cdebuginfo=2"]];
    for flags in flags {
        let Some(program) = compile("rustc", "rs", RUST, flags) else { return };
        let symbols = program.symbols();
        for (name, mark) in [("Dog::bark", "bark"), ("Dog::speak", "speak")] {
            let found = symbols.addresses_of_function(name);
            assert!(!found.is_empty(), "{flags:?} {name}");
            let frames = symbols.frames_at(found[0].address);
            let at = frames.last().unwrap().location.as_ref().unwrap();
            assert!(at.line.abs_diff(program.mark(mark)) <= 1, "{flags:?} {name} {at:?}");
        }
        let mains = symbols.addresses_of_function("fixture::main");
        assert_eq!(mains.len(), 1);
        if flags == ["-g"] {
            let at = symbols.location_at(mains[0].address).unwrap();
            assert_eq!(at.line, program.mark("main"));
        }
    }
}

#[test]
fn separate_debug_files_are_found_and_checked() {
    if !available("objcopy") {
        return;
    }
    let Some(program) = compile("gcc", "c", C, &["-g", "-O0", "-Wl,--build-id"]) else { return };
    let full = program.symbols();
    let directory = program.directory.path();
    let (debug, stripped) = (directory.join("fixture.debug"), directory.join("stripped"));
    run(Command::new("objcopy").arg("--only-keep-debug").arg(&program.binary).arg(&debug));
    let link = format!("--add-gnu-debuglink={}", debug.display());
    run(Command::new("objcopy").args(["-S", &link]).arg(&program.binary).arg(&stripped));
    let leaf = full.addresses_of_function("leaf");

    let beside = DebugSearch { directories: vec![], beside_module: true };
    let linked = symbols_of(&stripped, &beside);
    assert_eq!(linked.addresses_of_function("leaf"), leaf);
    assert_eq!(linked.location_at(leaf[0].address), full.location_at(leaf[0].address));

    let bare = symbols_of(&stripped, &DebugSearch::none());
    assert!(!bare.has_debug_info() && bare.addresses_of_function("leaf").is_empty());
    assert!(bare.location_at(leaf[0].address).is_none());
    let plt = (0..0x100).map(|n| ModuleAddr((leaf[0].entry.0 & !0xfff) + n));
    let plt = plt.filter_map(|at| bare.function_at(at)).any(|f| f.name == "qsort@plt");
    assert!(plt, "no stub of qsort");

    let id: String = full.build_id().unwrap().iter().map(|b| format!("{b:02x}")).collect();
    let place = directory.join("store/.build-id").join(&id[..2]);
    std::fs::create_dir_all(&place).unwrap();
    std::fs::copy(&debug, place.join(format!("{}.debug", &id[2..]))).unwrap();
    let by_id = symbols_of(&stripped, &DebugSearch::none().with(directory.join("store")));
    assert_eq!(by_id.addresses_of_function("leaf"), leaf);

    let mut wrong = std::fs::read(&debug).unwrap();
    *wrong.last_mut().unwrap() ^= 1;
    std::fs::write(&debug, wrong).unwrap();
    let refused = symbols_of(&stripped, &beside);
    assert!(!refused.has_debug_info());
    assert!(refused.notices()[0].contains("checksum"), "{:?}", refused.notices());
}

#[test]
fn files_have_absolute_names() {
    let Some(program) = compile("gcc", "c", C, &["-g"]) else { return };
    let files = program.symbols().source_files();
    assert!(files.contains(&program.source.display().to_string()), "{files:?}");
}
