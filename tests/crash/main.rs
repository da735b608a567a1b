//! `kill -9` of the server, of single backends, and of workers.

mod answer;
mod bulk;
mod dump;
mod effect;
mod failover;
mod fault;
mod flow;
mod order;
mod point;
mod schedule;
mod sweep;
mod upgrade;
mod window;
