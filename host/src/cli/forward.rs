//! `bursar forward`: a port of a machine's own loopback, served on this computer's loopback until Ctrl-C. Nobody outside
//! this computer can reach it.

use super::{Done, exit::Code, open::open, out::Out, ready::ready_first, refused};
use crate::flow::{FlowError, LOCAL_PRINCIPAL, Rooms};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

/// The arguments of `bursar forward`.
#[derive(Debug, clap::Args)]
pub(super) struct Forward {
    /// Name or id of the machine
    name: String,
    /// The port on the machine, and the one here where it is another; 0 takes a free one
    #[arg(value_name = "PORT[:LOCAL]", value_parser = ports)]
    ports: Ports,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ports {
    there: u16,
    here: u16,
}

pub(super) async fn forward(out: &Out, ask: Forward) -> Done {
    let rooms = open(out).await?;
    if !ready_first(&rooms, &ask.name).await? {
        return Ok(Code::Left);
    }
    let Ports { there, here } = ask.ports;
    let taken = |error| {
        FlowError::failed(
            format!("port {here} of this computer cannot be listened on: {error}"),
            format!("choose another one, or any free one: bursar forward {} {there}:0", ask.name),
        )
    };
    let listener = TcpListener::bind(("127.0.0.1", here)).await.map_err(taken)?;
    let here = listener.local_addr().map_err(taken)?.port();
    out.answer(
        || json!({ "name": ask.name, "port": there, "local": here, "address": format!("127.0.0.1:{here}") }),
        || format!("127.0.0.1:{here} is port {there} of `{}`, for this computer only; Ctrl-C ends it", ask.name),
    );
    let ended = tokio::signal::ctrl_c();
    tokio::pin!(ended);
    loop {
        tokio::select! {
            _ = &mut ended => return Ok(Code::Left),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(carry(rooms.clone(), ask.name.clone(), there, stream))),
                Err(error) => out.aside(format!("one connection could not be taken: {error}")),
            },
        }
    }
}

/// Carries one connection to its end. One that finds nobody is closed, and why is said.
async fn carry(rooms: Rooms, name: String, port: u16, mut here: TcpStream) {
    match rooms.open_port(LOCAL_PRINCIPAL, &name, port).await {
        Ok(mut there) => {
            let carried = tokio::io::copy_bidirectional(&mut here, &mut there).await;
            tracing::debug!(?carried, "a forwarded connection ended");
        }
        Err(error) => eprintln!("{}", refused::message(&error)),
    }
}

fn ports(text: &str) -> Result<Ports, String> {
    let (there, here) = text.split_once(':').unwrap_or((text, text));
    match (there.parse(), here.parse()) {
        (Ok(there @ 1..), Ok(here)) => Ok(Ports { there, here }),
        _ => Err("write the port on the machine, such as 8000, or both, such as 8000:9000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_one_or_two_numbers() {
        for (text, expected) in [
            ("8000", Some((8000, 8000))),
            ("8000:9000", Some((8000, 9000))),
            ("8000:0", Some((8000, 0))),
            ("0", None),
            ("65536", None),
            ("8000:", None),
            ("a", None),
            ("1:2:3", None),
        ] {
            assert_eq!(ports(text).ok().map(|ports| (ports.there, ports.here)), expected, "{text}");
        }
    }
}
