//! The pages of the documentation: every Markdown file of the checkout.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result};

use crate::Workspace;

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Path from the root of the checkout.
    pub path: PathBuf,
    /// Contents of the file.
    pub text: String,
}

/// A fenced block of a page.
#[derive(Clone, Debug)]
pub struct Block {
    /// The text after the opening fence; empty for drawings.
    pub language: String,
    /// The text between the fences.
    pub text: String,
    /// Line of the opening fence, for messages.
    pub line: usize,
}

impl Page {
    /// All pages, by path.
    ///
    /// # Errors
    /// If the checkout cannot be read.
    pub fn all() -> Result<Vec<Self>> {
        let root = Workspace::find()?.root().to_owned();
        let mut paths = Vec::new();
        collect(&root, &mut paths)?;
        paths.sort();
        let pages = paths
            .iter()
            .map(|path| Self::read(path.strip_prefix(&root)?));
        pages.collect()
    }

    /// The page at a path from the root of the checkout.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let file = Workspace::find()?.root().join(&path);
        let text = fs::read_to_string(&file).with_context(|| path.display().to_string())?;
        Ok(Self { path, text })
    }

    /// The page's fenced blocks, in order.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        // A block of a list is indented as its fence is.
        let mut margin = 0;
        for (index, line) in self.text.lines().enumerate() {
            let text = line.trim_start();
            let indent = line.len() - text.len();
            let fence = text.strip_prefix("```");
            match (open.as_mut(), fence) {
                (None, Some(language)) => {
                    margin = indent;
                    open = Some(Block {
                        language: language.to_owned(),
                        text: String::new(),
                        line: index + 1,
                    });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => {
                    block.text.push_str(&line[indent.min(margin)..]);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        blocks
    }

    /// The page's blocks in one language.
    #[must_use]
    pub fn blocks_of(&self, language: &str) -> Vec<Block> {
        let blocks = self.blocks().into_iter();
        blocks.filter(|block| block.language == language).collect()
    }
}

/// Every Markdown file below a directory. Build directories and hidden ones have no pages.
fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        let is_directory = entry.file_type()?.is_dir();
        if is_directory && name != "target" && name != "node_modules" && !name.starts_with('.') {
            collect(&path, paths)?;
        } else if !is_directory && name.ends_with(".md") {
            paths.push(path);
        }
    }
    Ok(())
}
