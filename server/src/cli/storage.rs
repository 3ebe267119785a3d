//! `pulsewire-relay backup` and `restore`: the store of `data_dir`, out and back in.

use super::{Failure, StorageArgs, sources};
use crate::store::{Copied, backup, restore};
use std::path::PathBuf;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Out,
    In,
}

pub(super) fn copy(args: &StorageArgs, way: Way) -> Result<(), Failure> {
    let folder = data_dir(args)?;
    let copied = match way {
        Way::Out => backup(&folder, &args.file),
        Way::In => restore(&args.file, &folder),
    };
    let Copied { file, bytes, replaced } = copied.map_err(|error| Failure::new(1, error.to_string()))?;
    match replaced {
        None => println!("{}: {bytes} bytes, checked", file.display()),
        Some(replaced) => println!("{}: {bytes} bytes, checked; what was there is now {}", file.display(), replaced.display()),
    }
    Ok(())
}

fn data_dir(args: &StorageArgs) -> Result<PathBuf, Failure> {
    // No token is made or checked: the configuration need not know a key.
    let config = crate::config::load_without_key(&sources(args.sources.config.clone(), args.flags())?)?;
    config.data_dir.ok_or_else(|| {
        Failure::new(2, "data_dir is not set, so this relay stores nothing: name it as serve has it (PULSEWIRE_DATA_DIR, --config)")
    })
}
