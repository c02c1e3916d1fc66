//! x87, state saves, system instructions, and what is opaque.

use super::super::{Bulk, ends_block};
use super::*;
use iced_x86::code_asm::*;

const BX: Gpr = Gpr::RBX;

#[test]
fn x87_and_mmx_log_the_whole_state() {
    let cases = [
        assemble(|a| a.fld(dword_ptr(rbx))),
        assemble(|a| a.fninit()),
        assemble(|a| a.emms()),
        assemble(|a| a.paddb(mm1, mm2)),
        assemble(|a| a.movdq2q(mm1, xmm1)),
        assemble(|a| a.movq2dq(xmm1, mm1)),
        assemble(|a| a.cvtpi2ps(xmm1, mm1)),
        assemble(|a| a.fisttp(dword_ptr(rbx))),
        assemble(|a| a.pmovmskb(eax, mm1)),
    ];
    for effects in cases {
        let list = plain(effects);
        assert!(list.contains(&Effect::X87) && !list.contains(&Effect::StatusFlags), "{list:?}");
    }
    assert!(plain(assemble(|a| a.fcomi(st0, st1))).contains(&Effect::StatusFlags));
    assert!(plain(assemble(|a| a.fnstsw(ax))).contains(&logged(Gpr::RAX)));
}

#[test]
fn x87_stores_have_their_size() {
    let bytes = |bytes| Effect::StoreBytes { address: at(BX, 0), bytes };
    let sized = |size| store(at(BX, 0), size, Source::Logged);
    let cases = [
        (assemble(|a| a.fst(dword_ptr(rbx))), sized(4)),
        (assemble(|a| a.fistp(qword_ptr(rbx))), sized(8)),
        (assemble(|a| a.fnstcw(word_ptr(rbx))), sized(2)),
        (assemble(|a| a.fstp(tbyte_ptr(rbx))), bytes(10)),
        (assemble(|a| a.fbstp(tbyte_ptr(rbx))), bytes(10)),
        (of(&[0xd9, 0x33]), bytes(28)),
        (of(&[0xdd, 0x33]), bytes(108)),
    ];
    for (effects, stored) in cases {
        let list = plain(effects);
        assert!(list.contains(&stored) && list.contains(&Effect::X87), "{list:?}");
    }
}

#[test]
fn state_saves_store_and_restores_are_opaque() {
    let saved = Effect::StoreBytes { address: at(BX, 0), bytes: 512 };
    assert_eq!(plain(of(&[0x0f, 0xae, 0x03])), [saved]);
    assert_eq!(plain(of(&[0x48, 0x0f, 0xae, 0x03])), [saved]);
    let area = |compacted| Some(Bulk::Xsave { address: at(BX, 0), compacted });
    let saves: [(&[u8], bool); 3] = [
        (&[0x0f, 0xae, 0x23], false),
        (&[0x48, 0x0f, 0xc7, 0x23], true),
        (&[0x0f, 0xae, 0x33], false),
    ];
    for (bytes, compacted) in saves {
        let effects = of(bytes);
        let all = (&[Effect::StoreBulk][..], area(compacted));
        assert_eq!((effects.list.as_slice(), effects.bulk), all);
    }
    for bytes in [&[0x0f, 0xae, 0x0b][..], &[0x0f, 0xae, 0x2b]] {
        assert_eq!(of(bytes).kind, Kind::Opaque);
    }
}

#[test]
fn syscall_has_a_kind_of_its_own() {
    let effects = assemble(|a| a.syscall());
    assert_eq!(effects.kind, Kind::Syscall);
    let registers = [Gpr::RAX, Gpr::RCX, Gpr::R11].map(logged);
    assert!(registers.iter().all(|effect| effects.list.contains(effect)));
    assert!(effects.list.contains(&Effect::Flags));
    assert!(ends_block(&decode(&[0x0f, 0x05])));
}

#[test]
fn machine_queries_log_their_registers() {
    const A: Gpr = Gpr::RAX;
    const C: Gpr = Gpr::RCX;
    const D: Gpr = Gpr::RDX;
    let cases = [
        (assemble(|a| a.cpuid()), vec![A, C, D, BX]),
        (assemble(|a| a.rdtsc()), vec![A, D]),
        (assemble(|a| a.rdtscp()), vec![A, C, D]),
        (assemble(|a| a.xgetbv()), vec![A, D]),
        (assemble(|a| a.rdpid(rax)), vec![A]),
        (assemble(|a| a.rdpkru()), vec![A, D]),
        (assemble(|a| a.rdfsbase(rax)), vec![A]),
        (assemble(|a| a.xlatb()), vec![A]),
    ];
    for (effects, registers) in cases {
        let mut list = plain(effects);
        list.sort_by_key(|effect| format!("{effect:?}"));
        assert_eq!(list, registers.into_iter().map(logged).collect::<Vec<_>>());
    }
    let random = plain(assemble(|a| a.rdrand(eax)));
    assert_eq!(random, [logged(A), Effect::StatusFlags]);
}

#[test]
fn thread_state_has_its_own_effects() {
    assert_eq!(plain(assemble(|a| a.wrfsbase(rax))), [Effect::FsBase]);
    assert_eq!(plain(assemble(|a| a.wrgsbase(rax))), [Effect::GsBase]);
    assert_eq!(plain(assemble(|a| a.wrpkru())), [Effect::Pkru]);
}

#[test]
fn wide_direct_stores_are_stores() {
    let list = plain(assemble(|a| a.movdir64b(rcx, zmmword_ptr(rbx))));
    assert_eq!(list, [Effect::StoreBytes { address: at(Gpr::RCX, 0), bytes: 64 }]);
    let stored = Source::Form(Form::offset(Gpr::RAX, 0));
    assert_eq!(plain(assemble(|a| a.movnti(qword_ptr(rbx), rax))), [store(at(BX, 0), 8, stored)]);
    assert_eq!(plain(assemble(|a| a.prefetchw(byte_ptr(rbx)))), []);
    assert_eq!(plain(assemble(|a| a.clflush(byte_ptr(rbx)))), []);
}

#[test]
fn what_is_not_understood_is_opaque_and_ends_a_block() {
    let cases: [&[u8]; 12] = [
        &[0xcc],                         // int3
        &[0xcd, 0x80],                   // int 0x80
        &[0xf4],                         // hlt
        &[0x0f, 0x0b],                   // ud2
        &[0x8e, 0xe0],                   // mov fs, eax
        &[0x0f, 0xa1],                   // pop fs
        &[0x48, 0xcf],                   // iretq
        &[0x0f, 0x34],                   // sysenter
        &[0xc7, 0xf8, 0, 0, 0, 0],       // xbegin
        &[0x0f, 0x01, 0xf8],             // swapgs
        &[0xff, 0x2b],                   // jmp far [rbx]
        &[0xc4, 0xe2, 0x78, 0x49, 0xc0], // tilerelease
    ];
    for bytes in cases {
        assert_eq!(of(bytes).kind, Kind::Opaque, "{bytes:02x?}");
        assert!(ends_block(&decode(bytes)));
    }
    assert_eq!(effects(&Instruction::default()).kind, Kind::Opaque);
    assert!(!ends_block(&decode(&[0x90])));
}
