//! `kill -9` of the server, and of single backends.

mod demo;
mod order;
mod schedule;
mod window;
