//! The input: files below a directory, by names that need not be text.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Every regular file below a directory, in order of name.
pub struct Listing {
    /// The directory, without symbolic links.
    pub root: PathBuf,
    pub files: Vec<Listed>,
    /// How many files and directories could not be opened.
    pub unreadable: usize,
}

/// A file as it was when it was listed.
pub struct Listed {
    /// Relative to the root.
    pub path: PathBuf,
    state: State,
}

/// What changes with a file's content or name. Its inode changes if another file takes its place.
#[derive(PartialEq, Eq)]
struct State {
    inode: u64,
    bytes: u64,
    changed_at: (i64, i64),
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            bytes: metadata.len(),
            changed_at: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Listing {
    /// Lists `directory` without what is below `excluded`. Symbolic links are not followed.
    pub fn of(directory: &Path, excluded: &[PathBuf]) -> Result<Self> {
        let named = || format!("\"{}\"", directory.display());
        let root = directory
            .canonicalize()
            .with_context(|| format!("cannot open the directory {}", named()))?;
        ensure!(root.is_dir(), "{} is not a directory", named());
        fs::read_dir(&root).with_context(|| format!("cannot read the directory {}", named()))?;
        let excluded: Vec<PathBuf> = excluded
            .iter()
            .filter_map(|path| path.canonicalize().ok())
            .collect();
        let mut listing = Self {
            root: root.clone(),
            files: Vec::new(),
            unreadable: 0,
        };
        let mut directories = vec![root];
        while let Some(directory) = directories.pop() {
            if !excluded.contains(&directory) {
                listing.add(&directory, &mut directories);
            }
        }
        listing.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(listing)
    }

    /// Adds the files of `directory`, and the directories in it to `directories`.
    fn add(&mut self, directory: &Path, directories: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(directory) else {
            self.unreadable += 1;
            return;
        };
        for entry in entries {
            let Ok(entry) = entry else {
                self.unreadable += 1;
                continue;
            };
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => directories.push(path),
                Ok(kind) if kind.is_file() => self.add_file(&path),
                Ok(_) => {}
                Err(_) => self.unreadable += 1,
            }
        }
    }

    fn add_file(&mut self, path: &Path) {
        // Opened only to learn whether that is allowed.
        match File::open(path).and_then(|file| file.metadata()) {
            Ok(metadata) => self.files.push(Listed {
                path: path.strip_prefix(&self.root).unwrap_or(path).to_owned(),
                state: State::of(&metadata),
            }),
            // Removed since its directory was read.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(_) => self.unreadable += 1,
        }
    }

    /// Whether `file` was written, replaced or removed since it was listed.
    pub fn has_changed(&self, file: &Listed) -> bool {
        fs::symlink_metadata(self.root.join(&file.path))
            .map_or(true, |metadata| State::of(&metadata) != file.state)
    }
}

/// A path as JSON: a string, or an array of its bytes where it is no text.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub enum JsonPath {
    Text(String),
    Bytes(Vec<u8>),
}

impl JsonPath {
    pub fn of(path: &Path) -> Self {
        path.to_str().map_or_else(
            || Self::Bytes(path.as_os_str().as_bytes().to_vec()),
            |text| Self::Text(text.to_owned()),
        )
    }
}

impl From<JsonPath> for PathBuf {
    fn from(path: JsonPath) -> Self {
        match path {
            JsonPath::Text(text) => text.into(),
            JsonPath::Bytes(bytes) => OsString::from_vec(bytes).into(),
        }
    }
}
