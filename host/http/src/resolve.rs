//! From a name to addresses, once for each connection. It does not judge them.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// Who knows the addresses of names.
#[derive(Debug, Clone)]
pub enum Resolver {
    System,
    /// A fixed table, for tests.
    Table(Arc<Table>),
}

/// Names and their addresses. Every look-up takes the next answer of the name, and the last one stays.
#[derive(Debug, Default)]
pub struct Table {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Table {
    /// Adds an answer for a name, after those it already has.
    pub fn answer(&self, name: &str, addresses: &[IpAddr]) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.entry(name.to_owned()).or_default().push(addresses.to_vec());
    }

    /// Returns the names that were looked up, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        match answers.get_mut(name) {
            Some(list) if list.len() > 1 => Ok(list.remove(0)),
            Some(list) => Ok(list.first().cloned().unwrap_or_default()),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "no such name")),
        }
    }
}

impl Resolver {
    pub(crate) async fn look_up(&self, name: &str, port: u16) -> io::Result<Vec<IpAddr>> {
        match self {
            Resolver::System => Ok(tokio::net::lookup_host((name, port)).await?.map(|at| at.ip()).collect()),
            Resolver::Table(table) => table.look_up(name),
        }
    }
}
