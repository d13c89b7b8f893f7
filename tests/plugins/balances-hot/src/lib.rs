//! `balances` once more: the same views and results in a module of another digest, which may take the place of the first
//! without a rebuild. That it is another crate makes it another module.

#[path = "../../../../plugins/balances/src/lib.rs"]
mod balances;
