//! Keeps every SQL entity that pgrx embeds in the library, although nothing in it refers to them.

fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,--no-gc-sections");
}
