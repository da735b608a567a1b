//! Several servers that share the shards, through the driver.

mod call;
mod failover;
mod failure;
mod many;
mod place;
mod shift;
mod worker;
