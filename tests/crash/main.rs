//! `kill -9` of the server, of single backends, and of workers.

mod demo;
mod effect;
mod order;
mod schedule;
mod window;
