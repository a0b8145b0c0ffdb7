//! The machines behind the servers: which there should be, and making it so. A machine is a directory, processes
//! that carry its id, and an SSH server of one of two kinds. Nothing here knows a provider.

mod builtin;
mod home;
mod openssh;
mod reap;
mod roster;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

pub(crate) use home::{Home, write_private};
pub(crate) use openssh::check as check_openssh;
pub(crate) use roster::Roster;

/// Ends what a practice that was killed left in its directory.
pub(crate) async fn clear_left_behind(base: &Path) {
    let base = base.to_path_buf();
    let _ = tokio::task::spawn_blocking(move || roster::end_left_behind(&base)).await;
}

/// Which SSH server answers on the machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Machines {
    /// In this process; needs nothing installed and no rights.
    #[default]
    BuiltIn,
    /// One `sshd` for each machine; needs root and openssh-server.
    OpenSsh,
}

/// A machine there should be.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    /// Whether SSH should answer.
    pub(crate) up: bool,
    /// Counts how often it went away; a change ends all its processes.
    pub(crate) boots: u32,
    /// Counts how often it was wiped; a change removes its files and its host key.
    pub(crate) builds: u32,
    pub(crate) keys: Vec<String>,
    pub(crate) first_boot: Option<String>,
    pub(crate) gpu: Option<Gpu>,
    /// Who logs in.
    pub(crate) user: &'static str,
    /// Other machines that SSH reaches through this one.
    pub(crate) leads_to: Vec<Ipv4Addr>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Gpu {
    pub(crate) gigabytes: u32,
    pub(crate) driver: Driver,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Driver {
    Working,
    /// `nvidia-smi` appears only after a driver package was installed and the machine rebooted.
    Missing,
}

/// All machines of one practice.
pub(crate) struct Fleet {
    kind: Machines,
    base: PathBuf,
    ssh_port: u16,
    http: SocketAddr,
    machines: HashMap<String, Machine>,
    roster: Roster,
}

struct Machine {
    boots: u32,
    builds: u32,
    home: Home,
    door: Option<Door>,
}

enum Door {
    BuiltIn(builtin::Door),
    OpenSsh(openssh::Door),
}

impl Fleet {
    pub(crate) fn new(kind: Machines, base: PathBuf, ssh_port: u16, http: SocketAddr, roster: Roster) -> Self {
        Self { kind, base, ssh_port, http, machines: HashMap::new(), roster }
    }

    /// Makes the machines be as wanted. Returns which answer now, and which could not be started and why.
    pub(crate) async fn reconcile(&mut self, wanted: &[Wanted]) -> HashMap<String, Result<bool, String>> {
        let gone: Vec<String> =
            self.machines.keys().filter(|id| wanted.iter().all(|want| want.id != **id)).cloned().collect();
        for id in gone {
            self.destroy(&id).await;
        }
        let mut states = HashMap::new();
        for want in wanted {
            let state = self.settle(want).await.map_err(|error| error.to_string());
            states.insert(want.id.clone(), state);
        }
        states
    }

    /// Brings one machine to where it should be. Returns whether it answers.
    async fn settle(&mut self, want: &Wanted) -> std::io::Result<bool> {
        if let Some(machine) = self.machines.get_mut(&want.id) {
            if machine.boots != want.boots {
                machine.power_off(&self.roster).await;
                machine.boots = want.boots;
            }
            if machine.builds != want.builds {
                machine.home.remove();
                self.machines.remove(&want.id);
            }
        }
        let running = self.machines.get(&want.id).is_some_and(|machine| machine.door.is_some());
        if want.up && !running {
            self.power_on(want).await?;
        }
        Ok(want.up)
    }

    async fn power_on(&mut self, want: &Wanted) -> std::io::Result<()> {
        if !self.machines.contains_key(&want.id) {
            let home = Home::create(&self.base, want, self.http)?;
            self.roster.add(&home);
            let machine = Machine { boots: want.boots, builds: want.builds, home, door: None };
            self.machines.insert(want.id.clone(), machine);
            self.open(want).await?;
            return self.first_boot(want);
        }
        self.open(want).await
    }

    async fn open(&mut self, want: &Wanted) -> std::io::Result<()> {
        let Some(machine) = self.machines.get_mut(&want.id) else { return Ok(()) };
        machine.home.on_boot(want)?;
        let at = SocketAddr::new(IpAddr::V4(want.address), self.ssh_port);
        machine.door = Some(match self.kind {
            Machines::BuiltIn => Door::BuiltIn(builtin::open(&machine.home, at).await?),
            Machines::OpenSsh => Door::OpenSsh(openssh::open(&machine.home, at, &self.roster).await?),
        });
        tracing::info!(machine = %want.id, name = %want.name, %at, "machine answers SSH");
        Ok(())
    }

    /// Runs the start script of the create request, once, in the background.
    fn first_boot(&self, want: &Wanted) -> std::io::Result<()> {
        let (Some(machine), Some(script)) = (self.machines.get(&want.id), &want.first_boot) else { return Ok(()) };
        machine.home.run_in_background(script)
    }

    async fn destroy(&mut self, id: &str) {
        let Some(mut machine) = self.machines.remove(id) else { return };
        machine.power_off(&self.roster).await;
        machine.home.remove();
        self.roster.remove(id);
        tracing::info!(machine = %id, "machine is gone");
    }

    pub(crate) async fn destroy_all(&mut self) {
        for id in self.machines.keys().cloned().collect::<Vec<_>>() {
            self.destroy(&id).await;
        }
    }
}

impl Machine {
    /// Ends the SSH server and every process of the machine, without warning them.
    async fn power_off(&mut self, roster: &Roster) {
        match self.door.take() {
            Some(Door::BuiltIn(door)) => door.close().await,
            Some(Door::OpenSsh(door)) => door.close(roster).await,
            None => {}
        }
        let id = self.home.id.clone();
        let roots = roster.roots(&id);
        // Reading /proc and waiting for the end of processes is blocking work.
        let _ = tokio::task::spawn_blocking(move || reap::reap(&id, &roots)).await;
    }
}
