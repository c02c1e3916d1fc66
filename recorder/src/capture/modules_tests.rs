use super::*;
use crate::capture::mappings;
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// A `cat` of this executable that waits for input; it has run once `echo` came back.
struct Cat(Child);

impl Cat {
    fn start(executable: &std::path::Path) -> Self {
        let mut child =
            Command::new(executable).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        let mut byte = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut byte).unwrap();
        Self(child)
    }

    fn mapping(&self, part: &str) -> Mapping {
        let all = mappings(self.0.id()).unwrap();
        all.into_iter().find(|m| String::from_utf8_lossy(&m.name).contains(part)).unwrap()
    }
}

impl Drop for Cat {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_deleted_copy_is_the_same_module_as_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copied-cat");
    std::fs::copy("/bin/cat", &copy).unwrap();
    let (original, deleted) = (Cat::start("/bin/cat".as_ref()), Cat::start(&copy));
    std::fs::remove_file(&copy).unwrap();

    let mut catalog = ModuleCatalog::new();
    let (index, module) = catalog.find(deleted.0.id(), &deleted.mapping("copied-cat")).unwrap();
    let module = module.unwrap();
    let truth = std::fs::read("/bin/cat").unwrap();
    assert_eq!((index, module.index), (0, 0));
    assert!(module.path.ends_with(b"copied-cat (deleted)"));
    assert!(module.size == truth.len() as u64 && catalog.bytes(0) == Some(truth.as_slice()));
    assert!(!module.build_id.is_empty());

    let again = catalog.find(deleted.0.id(), &deleted.mapping("copied-cat")).unwrap();
    let same = catalog.find(original.0.id(), &original.mapping("/cat")).unwrap();
    let libc = catalog.find(original.0.id(), &original.mapping("libc.so")).unwrap();
    assert!(again == (0, None) && same == (0, None));
    assert!(libc.0 == 1 && libc.1.is_some());
    assert!(catalog.bytes(2).is_none());
    assert!(catalog.find(original.0.id(), &original.mapping("[stack]")).is_none());
}

#[test]
fn without_the_mappings_own_link_the_path_or_the_executable_is_found() {
    let cat = Cat::start("/bin/cat".as_ref());
    let mut mapping = cat.mapping("/cat");
    // Bounds that no mapping has: no such link in map_files.
    mapping.end += 4096;
    let mut catalog = ModuleCatalog::new();
    assert!(catalog.find(cat.0.id(), &mapping).is_some());
    mapping.name = b"/bin/true".to_vec();
    assert!(catalog.find(cat.0.id(), &mapping).is_some());
    mapping.inode += 1;
    assert!(catalog.find(cat.0.id(), &mapping).is_none());
}

#[test]
fn a_file_shows_the_identity_its_mappings_show() {
    let cat = Cat::start("/bin/cat".as_ref());
    let mapping = cat.mapping("/cat");
    let file = std::fs::File::open("/bin/cat").unwrap();
    assert_eq!(open::shown_identity(&file), Some((mapping.device, mapping.inode)));
}

#[test]
fn what_is_no_elf_file_is_no_module() {
    let folder = tempfile::tempdir().unwrap();
    let read = |bytes: &[u8], limit| {
        let path = folder.path().join("f");
        std::fs::write(&path, bytes).unwrap();
        open::read_elf(&mut std::fs::File::open(&path).unwrap(), limit).unwrap()
    };
    assert!(read(b"#!/bin/sh\n", 100).is_none());
    assert!(read(b"\x7fE", 100).is_none());
    assert!(read(b"\x7fELF....", 7).is_none());
    assert_eq!(read(b"\x7fELF....", 8).unwrap(), b"\x7fELF....");
    assert!(build_id(b"\x7fELF....").is_empty());
}
