# The payloads of a trace file's frames. Framing, checksums and compression are
# the container's (src/container). Bulk data are `Data` columns: little-endian
# primitives, never one struct per instruction.
#
# Regenerate the checked-in code with `cargo run -p rdb-schema --example generate`
# after changing this file (needs the `capnp` tool, 0.9.2 or later).
@0xe3a1c77a30f5b2d1;

# Frame kind 1, one per process, first of its frames.
struct Header {
  recorder @0 :Text;               # name and version of what wrote the file
  engine @1 :Text;                 # "step", "translate"
  commandLine @2 :List(Data);      # argv of rdb-record
  options @3 :List(Option);
  host @4 :Host;
  process @5 :ProcessStart;
}

struct Option {
  name @0 :Text;
  value @1 :Text;
}

struct Host {
  system @0 :Text;                 # uname: sysname release version machine
  hostName @1 :Text;
  cpuModel @2 :Text;
  cpuFeatures @3 :List(Text);      # /proc/cpuinfo's flags
  xcr0 @4 :UInt64;                 # enabled state components
  xsaveComponents @5 :List(XsaveComponent);
  startTime @6 :UInt64;            # nanoseconds since the epoch
}

# CPUID leaf 0xD: places differ between CPUs (Intel SDM vol. 1, 13.2).
struct XsaveComponent {
  number @0 :UInt8;
  offset @1 :UInt32;
  size @2 :UInt32;
  flags @3 :UInt32;                # ECX of the sub-leaf
}

# A process as it stands at state 0, just after exec.
struct ProcessStart {
  process @0 :UInt32;              # pid while recording
  parent @1 :UInt32;
  executable @2 :Data;             # path as opened
  arguments @3 :List(Data);
  environment @4 :List(Data);
  auxv @5 :Data;
  personality @6 :UInt64;
  layout @7 :Layout;
}

# Addresses of struct mm_struct a restore sets with PR_SET_MM_MAP (prctl(2)).
struct Layout {
  startCode @0 :UInt64;
  endCode @1 :UInt64;
  startData @2 :UInt64;
  endData @3 :UInt64;
  startBrk @4 :UInt64;
  startStack @5 :UInt64;
  argStart @6 :UInt64;
  argEnd @7 :UInt64;
  envStart @8 :UInt64;
  envEnd @9 :UInt64;
  mmapBase @10 :UInt64;            # end of the highest mapping below the stack
}

# Frame kind 2: a mapped ELF file, once. A frame of kind 9 holds its bytes, as they are.
struct Module {
  index @0 :UInt32;                # what Mapping.module names
  path @1 :Data;
  buildId @2 :Data;                # empty: the file has none
  device @3 :UInt64;
  inode @4 :UInt64;
  modified @5 :Int64;              # nanoseconds since the epoch
  size @6 :UInt64;
}

# Frame kind 3: page contents as they stand at a state, 4096 bytes each.
struct Pages {
  state @0 :UInt64;
  numbers @1 :Data;                # u64 page numbers (address / 4096), ascending
  contents @2 :Data;
}

# Frame kind 4: new dictionary entries. Ids count from 0 over the whole process.
struct Blocks {
  firstId @0 :UInt32;
  starts @1 :Data;                 # u64: address
  counts @2 :Data;                 # u16: instructions; 0: see compositions
  lengths @3 :Data;                # u8: bytes of each instruction, all blocks in a row
  code @4 :Data;                   # bytes of the instructions, all blocks in a row
  templateLengths @5 :Data;        # u32: bytes of each block's template
  templates @6 :Data;              # src/block/template.rs
  compositions @7 :Data;                # blocks of 0 instructions: made of which others; src/block/composition.rs
}

# Frame kind 5: the events of one chunk.
struct Events {
  list @0 :List(Event);
}

struct Event {
  tracepoint @0 :UInt64;           # the instruction it belongs to; what it changes shows at the next state
  thread @1 :UInt32;
  registers @2 :List(RegisterRange);
  memory @3 :List(MemoryRange);    # bytes written from outside the instruction stream
  mappings @4 :List(MappingChange);
  union {
    syscall @5 :Syscall;
    signal @6 :Signal;
    exec @7 :ProcessStart;
    exit @8 :Exit;
    moduleLoad @9 :UInt32;         # index
    external @10 :External;        # an audit found a difference and mended it
    opaque @11 :Void;              # an instruction whose effects are only known afterwards
    mapping @12 :Void;             # the kernel changed mappings by itself: stack growth
    gap @13 :Gap;
    threadStart @14 :UInt32;
    notice @15 :Text;              # why the recording ends early, and the like
  }
}

struct RegisterRange {
  offset @0 :UInt16;               # in the canonical layout of Registers
  bytes @1 :Data;
}

struct MemoryRange {
  address @0 :UInt64;
  bytes @1 :Data;
}

struct Syscall {
  number @0 :UInt64;
  arguments @1 :List(UInt64);      # six
  result @2 :Int64;
  known @3 :Bool;                  # false: its writes were found by comparing memory
  restarted @4 :Bool;              # the kernel rewound to run it again
  finished @5 :Bool;               # false: it never came back (exit, exec, death)
}

struct Signal {
  number @0 :UInt32;
  info @1 :Data;                   # siginfo_t, 128 bytes
  fault @2 :Bool;                  # raised by the tracepoint's instruction, which did not complete
  disposition @3 :Disposition;
  enum Disposition {
    ignored @0;
    handled @1;                    # the next state is the handler's first instruction
    fatal @2;
    stopped @3;
  }
}

struct Exit {
  union {
    status @0 :Int32;
    signal @1 :UInt32;
    unknown @2 :Void;              # recording ended before the program
  }
}

struct External {
  detail @0 :Text;
  bytes @1 :UInt64;                # how many bytes differed
}

# Seam for untraced stretches.
struct Gap {
  detail @0 :Text;
}

struct Mapping {
  start @0 :UInt64;
  end @1 :UInt64;
  protection @2 :UInt8;            # PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4
  flags @3 :UInt32;                # mmap(2) MAP_* bits
  fileOffset @4 :UInt64;
  device @5 :UInt64;
  inode @6 :UInt64;
  name @7 :Data;                   # path or [stack], [heap], [vdso] …
  advice @8 :List(UInt32);         # madvise(2) that sticks, in order
  since @9 :UInt64;                # the state from which its base content holds
  base :union {
    zero @10 :Void;
    module @11 :UInt32;            # bytes of the file at fileOffset
    unreadable @12 :Void;          # not known: vvar, device memory
    moved @13 :UInt64;             # content of this address one state earlier: mremap
  }
  key @14 :UInt32;                 # protection key
}

struct MappingChange {
  union {
    map @0 :Mapping;
    unmap @1 :AddressRange;
    protect @2 :Protect;
    advise @3 :Advise;
    clear @4 :Void;                # exec: all of them
  }
}

struct AddressRange {
  start @0 :UInt64;
  end @1 :UInt64;
}

struct Protect {
  range @0 :AddressRange;
  protection @1 :UInt8;
  key @2 :UInt32;
}

struct Advise {
  range @0 :AddressRange;
  advice @1 :UInt32;
}

# Frame kind 6: a contiguous range of tracepoints. Written last of its range:
# a range without its chunk does not count.
struct Chunk {
  first @0 :UInt64;
  count @1 :UInt64;
  endPc @2 :UInt64;                # rip at state first + count
  slices @3 :List(Slice);
  keyframes @4 :List(Keyframe);
  mappings @5 :List(Mapping);      # at state `first`
  system @6 :SystemState;          # at state `first`
  path @7 :Path;
  columns @8 :List(Column);        # slots, by class: src/columns
  bulk @9 :Data;
  versioned @10 :UInt64;           # state at which page versions say all that was written before it
}

struct Slice {
  thread @0 :UInt32;
  count @1 :UInt64;
}

struct Keyframe {
  thread @0 :UInt32;
  registers @1 :Data;              # canonical layout of Registers
}

struct Path {
  blocks @0 :Data;                 # ids, in order of first execution: src/columns/path.rs
  runs @1 :Data;                   # how many predictions held, each time
  misses @2 :Data;                 # what came instead
  cuts @3 :Data;                   # executions that left their block early
}

struct Column {
  class @0 :UInt8;
  data @1 :Data;
}

# What the kernel keeps for the process and no register or page shows; a restore
# needs it.
struct SystemState {
  workingDirectory @0 :Data;
  umask @1 :UInt32;
  brk @2 :UInt64;
  limits @3 :List(Limit);
  descriptors @4 :List(Descriptor);
  timers @5 :Data;                 # /proc/PID/timers
  signals @6 :SignalState;
  root @7 :Data;
  threads @8 :List(ThreadState);
}

struct Limit {
  resource @0 :UInt32;             # RLIMIT_*
  soft @1 :UInt64;
  hard @2 :UInt64;
}

struct Descriptor {
  number @0 :Int32;
  target @1 :Data;                 # readlink of /proc/PID/fd/N
  flags @2 :UInt32;                # O_* as fdinfo shows, O_CLOEXEC included
  offset @3 :UInt64;
  device @4 :UInt64;
  inode @5 :UInt64;
  size @6 :UInt64;
  modified @7 :Int64;
  sharedWith @8 :Int32;            # lowest descriptor of the same open file description
  detail @9 :Data;                 # the rest of fdinfo: eventfd, timerfd, epoll, inotify
}

struct SignalState {
  pending @0 :UInt64;              # process-wide
  ignored @1 :UInt64;
  caught @2 :UInt64;
  actions @3 :List(Action);
}

struct Action {
  signal @0 :UInt32;
  handler @1 :UInt64;
  flags @2 :UInt64;
  restorer @3 :UInt64;
  mask @4 :UInt64;
}

struct ThreadState {
  thread @0 :UInt32;
  pending @1 :UInt64;
  blocked @2 :UInt64;
  queued @3 :Data;                 # siginfo_t of pending signals, 128 bytes each, process-wide then own
  queuedShared @4 :UInt32;         # how many of them are process-wide
  tidAddress @5 :UInt64;           # set_tid_address(2)
  robustList @6 :UInt64;
  robustLength @7 :UInt64;
  rseq @8 :UInt64;
  rseqLength @9 :UInt32;
  rseqSignature @10 :UInt32;
  alternateStack @11 :UInt64;      # sigaltstack(2)
  alternateSize @12 :UInt64;
  alternateFlags @13 :UInt32;
}

# Frame kind 7: where every page's versions are, for a sealed recording.
struct Index {
  pages @0 :Data;                  # u64 page numbers, ascending by (page, state)
  states @1 :Data;                 # u64
  frames @2 :Data;                 # u32: index of the Pages frame in the directory
  slots @3 :Data;                  # u32: place in that frame
}

# Frame kind 8, the last. The directory itself are the frame headers, each of
# which says where the next one is.
struct Footer {
  tracepoints @0 :UInt64;
  exit @1 :Exit;
  frames @2 :UInt32;               # how many frames precede this one
  stepped @3 :List(Stepped);       # what a translating engine left to single-stepping
}

struct Stepped {
  reason @0 :Text;
  count @1 :UInt64;                # tracepoints
}
