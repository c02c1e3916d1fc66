# Run by gdb: single-steps a program and writes one line per instruction.
# Takes RDB_FROM (an address expression, or empty for the first instruction), RDB_STEPS,
# RDB_SKEW and RDB_OUT from the environment of gdb. With an RDB_SKEW other than 0 the program
# reads another upper half of the time-stamp counter, which is equal in two runs by chance.
import os
import gdb

NAMES = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
         "r12", "r13", "r14", "r15", "rip", "eflags", "fs_base"]
STRING = {0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF}
PREFIXES = {0xF2, 0xF3, 0x66, 0x67, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65} | set(range(0x40, 0x50))


def repeats(inferior, pc):
    """Whether the instruction at pc is a string instruction with a rep prefix."""
    code = bytes(inferior.read_memory(pc, 8))
    at = 0
    while at < 7 and code[at] in PREFIXES:
        at += 1
    return code[at] in STRING and any(byte in (0xF2, 0xF3) for byte in code[:at])


def reads_clock(inferior, pc):
    """Whether the instruction at pc is rdtsc or rdtscp."""
    code = bytes(inferior.read_memory(pc, 3))
    return code[:2] == b"\x0f\x31" or code == b"\x0f\x01\xf9"


def line_of(pc):
    place = gdb.find_pc_line(pc)
    if place.symtab is None or place.line == 0:
        return "-"
    return "%s:%d" % (os.path.basename(place.symtab.filename), place.line)


def registers():
    frame = gdb.newest_frame()
    return [int(frame.read_register(name)) & 0xFFFFFFFFFFFFFFFF for name in NAMES]


def main():
    gdb.execute("set pagination off")
    gdb.execute("starti", to_string=True)
    start = os.environ["RDB_FROM"]
    if start:
        # A break on an address: gdb would skip the prologue of a function.
        gdb.execute("tbreak main", to_string=True)
        gdb.execute("continue", to_string=True)
        gdb.execute("delete", to_string=True)
        address = int(gdb.parse_and_eval(start).cast(gdb.lookup_type("unsigned long")))
        gdb.execute("kill", to_string=True)
        gdb.execute("break *%d" % address, to_string=True)
        gdb.execute("run", to_string=True)
        gdb.execute("delete", to_string=True)
    inferior = gdb.selected_inferior()
    skew = int(os.environ["RDB_SKEW"])
    with open(os.environ["RDB_OUT"], "w") as out:
        for _ in range(int(os.environ["RDB_STEPS"])):
            values = registers()
            pc = values[16]
            out.write(line_of(pc) + " " + " ".join("%x" % value for value in values) + "\n")
            repeating = repeats(inferior, pc)
            clock = reads_clock(inferior, pc)
            gdb.execute("stepi", to_string=True)
            # A rep instruction traps after each iteration; it is one instruction.
            while repeating and inferior.pid and registers()[16] == pc:
                gdb.execute("stepi", to_string=True)
            if not inferior.pid:
                break
            if clock and skew:
                gdb.execute("set $rdx = $rdx ^ %d" % skew)
    if inferior.pid:
        gdb.execute("kill", to_string=True)


gdb.execute("set confirm off")
main()
