//! Shells and terminals of built-in machines.

use tokio::io::AsyncWriteExt;

use crate::support::place;

#[tokio::test]
async fn a_shell_on_a_terminal_knows_its_size_and_its_name() {
    let place = place().await;
    let (_, address) = place.machine("box").await;
    let mut client = place.ssh(&address);
    client.arg("-tt").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut shell = client.env("TERM", "xterm-256color").spawn().unwrap();
    let typed = b"stty size; tty; echo \"term $TERM\"; command -v nvidia-smi; exit 5\n";
    shell.stdin.take().unwrap().write_all(typed).await.unwrap();
    let output = shell.wait_with_output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for expected in ["24 80", "/dev/pts/", "term xterm-256color", "/bin/nvidia-smi"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    assert_eq!(output.status.code(), Some(5));
}

#[tokio::test]
async fn a_shell_without_a_terminal_reads_its_input() {
    let place = place().await;
    let (_, address) = place.machine("box").await;
    let mut client = place.ssh(&address);
    client.arg("-T").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut shell = client.spawn().unwrap();
    shell.stdin.take().unwrap().write_all(b"echo one\ncommand -v apt-get\n").await.unwrap();
    let output = shell.wait_with_output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("one\n") && text.contains("/bin/apt-get"), "{text}");
}
