//! Header and module frames.

use super::{Message, Result, finish, open, set_strings, strings, text};
use crate::event::{Layout, ProcessStart};
use crate::header::{Header, Host, Module, XsaveComponent};
use crate::trace_capnp::{header, host, layout, module, process_start};
use capnp::message::Builder;

/// A header frame's payload.
pub fn encode_header(value: &Header) -> Vec<u8> {
    let mut message = Builder::new_default();
    let mut out = message.init_root::<header::Builder>();
    out.set_recorder(&value.recorder);
    out.set_engine(&value.engine);
    let lines = &value.command_line;
    set_strings(out.reborrow().init_command_line(lines.len() as u32), lines);
    let mut options = out.reborrow().init_options(value.options.len() as u32);
    for (i, (name, setting)) in value.options.iter().enumerate() {
        let mut option = options.reborrow().get(i as u32);
        option.set_name(name);
        option.set_value(setting);
    }
    set_host(out.reborrow().init_host(), &value.host);
    set_process_start(out.init_process(), &value.start);
    finish(&message)
}

/// The header in a frame's payload.
///
/// # Errors
/// The payload is no header.
pub fn decode_header(payload: &[u8]) -> Result<Header> {
    let message: Message = open(payload)?;
    let from = message.get_root::<header::Reader>()?;
    let options = from.get_options()?.iter();
    Ok(Header {
        recorder: text(from.get_recorder()?),
        engine: text(from.get_engine()?),
        command_line: strings(from.get_command_line()?)?,
        options: options
            .map(|o| Ok((text(o.get_name()?), text(o.get_value()?))))
            .collect::<Result<_>>()?,
        host: host(from.get_host()?)?,
        start: process_start(from.get_process()?)?,
    })
}

fn set_host(mut out: host::Builder, value: &Host) {
    out.set_system(&value.system);
    out.set_host_name(&value.name);
    out.set_cpu_model(&value.cpu_model);
    let mut features = out.reborrow().init_cpu_features(value.cpu_features.len() as u32);
    for (i, feature) in value.cpu_features.iter().enumerate() {
        features.set(i as u32, feature);
    }
    out.set_xcr0(value.xcr0);
    out.set_start_time(value.start_time);
    let mut list = out.init_xsave_components(value.xsave_components.len() as u32);
    for (i, component) in value.xsave_components.iter().enumerate() {
        let mut slot = list.reborrow().get(i as u32);
        slot.set_number(component.number);
        slot.set_offset(component.offset);
        slot.set_size(component.size);
        slot.set_flags(component.flags);
    }
}

fn host(from: host::Reader) -> Result<Host> {
    let components = from.get_xsave_components()?.iter().map(|c| XsaveComponent {
        number: c.get_number(),
        offset: c.get_offset(),
        size: c.get_size(),
        flags: c.get_flags(),
    });
    Ok(Host {
        system: text(from.get_system()?),
        name: text(from.get_host_name()?),
        cpu_model: text(from.get_cpu_model()?),
        cpu_features: from
            .get_cpu_features()?
            .iter()
            .map(|f| Ok(text(f?)))
            .collect::<Result<_>>()?,
        xcr0: from.get_xcr0(),
        xsave_components: components.collect(),
        start_time: from.get_start_time(),
    })
}

pub(super) fn set_process_start(mut out: process_start::Builder, value: &ProcessStart) {
    out.set_process(value.process);
    out.set_parent(value.parent);
    out.set_executable(&value.executable);
    let arguments = &value.arguments;
    set_strings(out.reborrow().init_arguments(arguments.len() as u32), arguments);
    let environment = &value.environment;
    set_strings(out.reborrow().init_environment(environment.len() as u32), environment);
    out.set_auxv(&value.auxv);
    out.set_personality(value.personality);
    set_layout(out.init_layout(), &value.layout);
}

pub(super) fn process_start(from: process_start::Reader) -> Result<ProcessStart> {
    Ok(ProcessStart {
        process: from.get_process(),
        parent: from.get_parent(),
        executable: from.get_executable()?.to_vec(),
        arguments: strings(from.get_arguments()?)?,
        environment: strings(from.get_environment()?)?,
        auxv: from.get_auxv()?.to_vec(),
        personality: from.get_personality(),
        layout: layout(from.get_layout()?),
    })
}

fn set_layout(mut out: layout::Builder, value: &Layout) {
    out.set_start_code(value.start_code);
    out.set_end_code(value.end_code);
    out.set_start_data(value.start_data);
    out.set_end_data(value.end_data);
    out.set_start_brk(value.start_brk);
    out.set_start_stack(value.start_stack);
    out.set_arg_start(value.arg_start);
    out.set_arg_end(value.arg_end);
    out.set_env_start(value.env_start);
    out.set_env_end(value.env_end);
    out.set_mmap_base(value.mmap_base);
}

fn layout(from: layout::Reader) -> Layout {
    Layout {
        start_code: from.get_start_code(),
        end_code: from.get_end_code(),
        start_data: from.get_start_data(),
        end_data: from.get_end_data(),
        start_brk: from.get_start_brk(),
        start_stack: from.get_start_stack(),
        arg_start: from.get_arg_start(),
        arg_end: from.get_arg_end(),
        env_start: from.get_env_start(),
        env_end: from.get_env_end(),
        mmap_base: from.get_mmap_base(),
    }
}

/// A module frame's payload.
pub fn encode_module(value: &Module) -> Vec<u8> {
    let mut message = Builder::new_default();
    let mut out = message.init_root::<module::Builder>();
    out.set_index(value.index);
    out.set_path(&value.path);
    out.set_build_id(&value.build_id);
    out.set_device(value.device);
    out.set_inode(value.inode);
    out.set_modified(value.modified);
    out.set_size(value.size);
    finish(&message)
}

/// The module in a frame's payload.
///
/// # Errors
/// The payload is no module.
pub fn decode_module(payload: &[u8]) -> Result<Module> {
    let message = open(payload)?;
    let from = message.get_root::<module::Reader>()?;
    Ok(Module {
        index: from.get_index(),
        path: from.get_path()?.to_vec(),
        build_id: from.get_build_id()?.to_vec(),
        device: from.get_device(),
        inode: from.get_inode(),
        modified: from.get_modified(),
        size: from.get_size(),
    })
}
