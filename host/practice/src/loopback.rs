//! The loopback addresses of machines: one each in 127.77.0.0/16 on one port, or 127.0.0.1 for one machine at a time
//! where the computer has no others (macOS). It binds nothing but the reservation of the port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

/// Never given to a machine: its port is held here, so that no second practice takes it.
const RESERVED: Ipv4Addr = Ipv4Addr::new(127, 77, 255, 254);

pub(crate) struct Loopback {
    port: u16,
    single: bool,
    // Held while the practice lives, except where the machine itself needs the address.
    _reservation: Option<TcpListener>,
}

impl Loopback {
    pub(crate) fn reserve(single: bool) -> std::io::Result<Self> {
        let many = if single { None } else { TcpListener::bind(SocketAddr::new(IpAddr::V4(RESERVED), 0)).ok() };
        if let Some(reservation) = many {
            let port = reservation.local_addr()?.port();
            return Ok(Self { port, single: false, _reservation: Some(reservation) });
        }
        let free = TcpListener::bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))?;
        Ok(Self { port: free.local_addr()?.port(), single: true, _reservation: None })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn single_address(&self) -> Option<Ipv4Addr> {
        self.single.then_some(Ipv4Addr::LOCALHOST)
    }

    pub(crate) fn notice(&self) -> Option<String> {
        self.single.then(|| {
            "practice runs one machine at a time here: this computer has 1 loopback address and not 127.77.0.0/16; \
             use Linux for more"
                .to_owned()
        })
    }
}
