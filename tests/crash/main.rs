//! `kill -9` of the server.

mod demo;
mod schedule;
