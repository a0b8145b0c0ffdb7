//! Ways out: another address, path, method or endpoint, and the sockets and files of a computer.

use crate::{
    bursar::driver::{http::Request, types::Error},
    ideas::Reach,
    run::{Asked, Run},
};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

pub fn act(idea: Reach, run: &mut Run) -> Result<(), Error> {
    match idea {
        Reach::AnAddressBesideTheFixedOne => run.at("user", "evil.example"),
        Reach::AnAddressNobodyNamed => {
            run.send("nodes");
            run.send("status");
            run.at("status", "evil.example");
        }
        Reach::PartOfANamedAddress => {
            run.send("nodes");
            for address in
                ["1.example", "example", "evil-node-1.example", "node-1.example.evil", "node-1.example/x", "node-1", ""]
            {
                run.at("status", address);
            }
        }
        Reach::ANamedAddressThatIsPrivate => {
            run.send("nodes");
            for address in
                ["127.0.0.1", "10.0.0.5", "[::1]", "localhost", "2130706433", "node-2.example:8443", "u@node-3.example"]
            {
                run.at("status", address);
            }
        }
        Reach::AnAddressOfAnEarlierCall => match run.asked {
            Asked::Account => run.send("nodes"),
            _ => run.at("status", "node-1.example"),
        },
        Reach::APathAsRoute => {
            for route in ["/user", "GET /user", "user?x=1", "https://evil.example/", "../user", "User", " user", ""] {
                run.send(route);
            }
        }
        Reach::AMethodAsRoute => {
            ["DELETE /servers/id-9", "DELETE user", "POST", "user\r\nDELETE /servers/id-9"]
                .iter()
                .for_each(|route| run.send(route));
        }
        Reach::AWayUpInThePath => {
            let long = "a".repeat(129);
            for what in ["..", ".", "a/b", "/evil", "\\evil", "%2e%2e", "", "a?b", "a#b", "a b", "é", "a\r\nb", &long]
            {
                run.give("said", &[("what", what)]);
            }
        }
        Reach::AnAuthorityInThePath => {
            for what in ["//evil.example", "http://evil.example", "user@evil.example:80"] {
                run.give("said", &[("what", what)]);
            }
        }
        Reach::MoreInTheQuery => run.give("echo", &[("text", "a&admin=1#x?y=../\"")]),
        Reach::LinesInAHeader => {
            for agent in ["x\r\nx-evil: 1", "x\ny", "x\0", "é", " x", "x "] {
                run.give("agent", &[("agent", agent)]);
            }
        }
        Reach::ABodyOfItsOwn => {
            for route in ["user", "servers", "plan"] {
                let body = Some(r#"{"size":"big"}"#.into());
                run.ask(Request { route: route.into(), values: vec![], address: None, body });
            }
        }
        Reach::NamesNobodyLeftToIt => {
            run.give("user", &[("extra", "1")]);
            run.give("servers", &[("instance", "id-9")]);
            run.give("echo", &[("text", "a"), ("text", "b")]);
            run.give("echo", &[("text", "a"), ("_method", "DELETE")]);
            run.give("user", &[("host", "evil.example")]);
        }
        Reach::ARedirect => run.send("user"),
        Reach::Sockets => sockets(run),
        Reach::Files => files(run),
    }
    run.report()
}

fn sockets(run: &mut Run) {
    let ended = |good: bool| if good { "open" } else { "closed" };
    for address in ["127.0.0.1:80", "[::1]:80", "8.8.8.8:53", "169.254.169.254:80"] {
        run.note(ended(TcpStream::connect(address).is_ok()));
    }
    run.note(ended(TcpListener::bind("127.0.0.1:0").is_ok()));
    run.note(ended(UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"x", "8.8.8.8:53")).is_ok()));
    run.note(ended("localhost:80".to_socket_addrs().is_ok()));
}

fn files(run: &mut Run) {
    for path in ["/etc/passwd", "/proc/self/environ", "drivers.lock", "../../../../etc/hostname"] {
        let read = std::fs::read_to_string(path);
        run.note(read.unwrap_or_else(|_| "closed".into()));
    }
    for path in ["/", ".", "/tmp"] {
        let read =
            std::fs::read_dir(path).map(|all| all.flatten().map(|entry| format!("{entry:?}")).collect::<String>());
        run.note(read.unwrap_or_else(|_| "closed".into()));
    }
    run.note(if std::fs::write("/tmp/hostile", "x").is_ok() { "open" } else { "closed" });
    let variables: Vec<String> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    run.note(format!("{} variables {}", variables.len(), variables.join(",")));
    run.note(format!("{} arguments", std::env::args().count()));
    let mut line = String::new();
    run.note(format!("{:?} bytes of input", std::io::stdin().read_line(&mut line).unwrap_or(0)));
}
