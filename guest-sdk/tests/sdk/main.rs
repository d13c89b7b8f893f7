//! The SDK as a plugin's author sees it, on views in memory.

mod config;
mod events;
mod json;
mod views;
