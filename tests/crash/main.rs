//! `kill -9` of the server, of single backends, and of workers.

mod answer;
mod effect;
mod order;
mod schedule;
mod window;
