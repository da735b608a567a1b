//! Several servers that share the shards, through the driver.

mod call;
mod failure;
mod fleet;
mod many;
mod place;
mod shift;
mod worker;
