//! `kill -9` of the server, of single backends, and of workers.

mod answer;
mod effect;
mod flow;
mod order;
mod point;
mod schedule;
mod window;
