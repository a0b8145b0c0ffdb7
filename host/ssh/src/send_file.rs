//! One file to a machine. It is written beside its place, summed up on both sides while it moves, and renamed when the sums
//! are the same. What a broken connection left beside is gone on with, if it is the beginning of this very file.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::clean::{clean, clean_line};
use crate::copy::{Content, Copied, RESOLVE, SUM, Upload, checked_path, hash_start, hex, key_of, local};
use crate::error::SshError;
use crate::exec::{Answer, Input};
use crate::gather::Gather;
use crate::script::quote;
use crate::stream::{Done, Pieces, Progress, follow};
use crate::{Ssh, Target};

const DOING: &str = "sending a file";
/// Up to this size all of it goes along with one script, and a break sends it again from its start.
const SMALL: u64 = 1 << 20;
const CHUNK: usize = 256 * 1024;
/// A first call that takes longer goes a long way, or to a busy machine.
const FAR: Duration = Duration::from_millis(60);

/// Checks `$t` against the sum `$x` and the size `$z`, gives it the permissions `$m`, those of the file that it replaces, or
/// `$d`, and its name.
const PUT: &str = "if [ \"$n\" -ne \"$z\" ] || { [ \"$h\" != \"$x\" ] && [ \"$h\" != none ]; }; then rm -f -- \"$t\"; echo \"differs $h $n\"; exit 0; fi\n\
    if [ -z \"$m\" ]; then m=$d; [ -e \"$p\" ] && m=$(stat -c %a -- \"$p\" 2>/dev/null || stat -f %Lp -- \"$p\"); fi\n\
    chmod \"$m\" \"$t\" && mv -f -- \"$t\" \"$p\" || { rm -f -- \"$t\"; exit 1; }\necho \"done $h\"";

/// A file to be sent, from where it stands.
struct Source {
    file: File,
    start: u64,
    bytes: u64,
    mode: u32,
    /// Seconds and parts of one, so that a changed file is another one.
    changed: u128,
}

impl Ssh {
    /// Sends a file, so that nobody meets half of it under its name.
    pub async fn upload(&self, at: &Target, what: Upload, progress: Progress<'_>) -> Result<Copied, SshError> {
        let given = checked_path(&what.remote_path)?;
        match what.content {
            Content::Bytes(bytes) => self.send_small(at, &given, bytes, (what.mode, 0o644), progress).await,
            Content::File(file) => {
                let mut source = Source::of(file)?;
                let modes = (what.mode, source.mode);
                if source.bytes > SMALL {
                    return self.send_large(at, &given, source, modes, progress).await;
                }
                let mut bytes = Vec::new();
                (&mut source.file).take(source.bytes).read_to_end(&mut bytes).map_err(local)?;
                self.send_small(at, &given, bytes, modes, progress).await
            }
        }
    }

    /// All in one call: the path is found, the bytes come, are checked and get their name.
    async fn send_small(
        &self,
        at: &Target,
        given: &str,
        bytes: Vec<u8>,
        modes: (Option<u32>, u32),
        progress: Progress<'_>,
    ) -> Result<Copied, SshError> {
        let (total, mut hash) = (bytes.len() as u64, Sha256::new());
        hash.update(&bytes);
        let sum = hex(hash);
        let script = format!(
            "{SUM}\n{}\nt=$p.{}.part\ntrap 'rm -f -- \"$t\"' EXIT\numask 077\ncat >\"$t\" || exit 1\n\
             n=$(wc -c <\"$t\") || exit 1\nh=$(sum <\"$t\"); h=${{h%% *}}\n{}\n{PUT}\nprintf '%s\\n' \"$p\"",
            find(given),
            crate::key::random_hex(),
            expected(&sum, total, modes),
        );
        progress(0, total);
        let stdout = Gather::exact(64 * 1024);
        let mut running = self.begin(at, &script, Input::Whole(bytes), stdout, Gather::folding(8 * 1024)).await?;
        follow(&mut running, at, DOING, &Done::default(), &mut |_, _| {}).await?;
        let answer = running.answer(DOING)?.succeeded(DOING)?;
        let checked = put_answer(&answer, &sum, total)?;
        progress(total, total);
        let text = answer.text();
        let path = text.split_once('\n').map_or("", |(_, path)| path.trim_end_matches('\n'));
        Ok(Copied { bytes: total, sha256: sum, checked, remote_path: clean(path.as_bytes()) })
    }

    async fn send_large(
        &self,
        at: &Target,
        given: &str,
        source: Source,
        modes: (Option<u32>, u32),
        progress: Progress<'_>,
    ) -> Result<Copied, SshError> {
        let total = source.bytes;
        let asked = Instant::now();
        let (path, part, begun) = self.begun(at, given, &source).await?;
        let far = asked.elapsed() > FAR;
        let sent = self.send_rest(at, &part, source, (begun, far), progress).await;
        let put = match sent {
            Ok((sum, theirs, arrived)) => {
                let script = format!(
                    "t={} p={} h={} n={arrived}\n{}\n{PUT}",
                    quote(&part),
                    quote(&path),
                    quote(&theirs),
                    expected(&sum, total, modes)
                );
                let answer = self.ask(at, DOING, &script, 60).await.and_then(|answer| answer.succeeded(DOING));
                answer.and_then(|answer| put_answer(&answer, &sum, total)).map(|checked| (sum, checked))
            }
            Err(error) => Err(error),
        };
        match put {
            Ok((sha256, checked)) => Ok(Copied { bytes: total, sha256, checked, remote_path: clean(path.as_bytes()) }),
            Err(error) => {
                // After a break what arrived is a good beginning; after anything else it is rubbish.
                if !error.may_pass() {
                    let remove = format!("rm -f -- {}", quote(&part));
                    if let Err(error) = self.ask(at, "removing half a copy", &remove, 10).await {
                        tracing::debug!(%error, part, "half a copy stays on the machine");
                    }
                }
                Err(error)
            }
        }
    }

    /// Returns the full path, where the bytes wait, and how many of them an earlier attempt brought.
    async fn begun(&self, at: &Target, given: &str, source: &Source) -> Result<(String, String, u64), SshError> {
        let key = key_of(&[given.as_bytes(), &source.bytes.to_le_bytes(), &source.changed.to_le_bytes()]);
        let script = format!(
            "{SUM}\n{}\nt=$p.{key}.part\nn=0 h=none\nif [ -f \"$t\" ]; then n=$(wc -c <\"$t\"); h=$(sum <\"$t\"); fi\n\
             printf '%s\\n' \"$p\" $n \"${{h%% *}}\"",
            find(given)
        );
        let text =
            String::from_utf8_lossy(&self.ask_long(at, DOING, &script, Vec::new(), 64 * 1024).await?).into_owned();
        let mut lines = text.lines();
        let (Some(path), Some(Ok(there)), Some(sum)) = (
            lines.next().filter(|path| path.starts_with('/')),
            lines.next().map(|line| line.trim().parse::<u64>()),
            lines.next(),
        ) else {
            let why = format!("it answered `{}`", clean_line(text.as_bytes(), 200));
            return Err(SshError::Machine { doing: DOING, why });
        };
        let part = format!("{path}.{key}.part");
        if there == 0 || there > source.bytes {
            return Ok((path.to_owned(), part, 0));
        }
        let mut file = source.file.try_clone().map_err(local)?;
        let (start, sum) = (source.start, sum.to_owned());
        let fits = tokio::task::spawn_blocking(move || {
            file.seek(std::io::SeekFrom::Start(start))?;
            hash_start(&mut file, there).map(|hash| hex(hash) == sum)
        });
        let fits = fits.await.map_err(|why| SshError::input("local file", why.to_string()))?.map_err(local)?;
        Ok((path.to_owned(), part, if fits { there } else { 0 }))
    }

    /// Sends what is missing. Returns our sum, the machine's sum, and how many bytes lie there.
    ///
    /// Over a long way the machine sums up while it waits for more. Over a short one that would cost more than it saves: a
    /// pipe moves fewer bytes in a second than a second look at the file.
    async fn send_rest(
        &self,
        at: &Target,
        part: &str,
        source: Source,
        (begun, far): (u64, bool),
        progress: Progress<'_>,
    ) -> Result<(String, String, u64), SshError> {
        // `tee` reads small pieces; a server that may write only those says after each that more may come, and gets as small
        // packets then. `cat` takes all there is.
        let take = match (far, begun) {
            (true, 0) => "h=$(cat | tee -- \"$t\" | sum)".to_owned(),
            (true, begun) => format!("h=$({{ head -c {begun} -- \"$t\"; cat | tee -a -- \"$t\"; }} | sum)"),
            (false, 0) => "cat >\"$t\" && h=$(sum <\"$t\")".to_owned(),
            (false, _) => "cat >>\"$t\" && h=$(sum <\"$t\")".to_owned(),
        };
        let script = format!(
            "{SUM}\nt={}\numask 077\n{take}\nn=$(wc -c <\"$t\") || exit 1\necho \"${{h%% *}} $n\"",
            quote(part)
        );
        let done = Done::of(source.bytes);
        done.add(usize::try_from(begun).unwrap_or(usize::MAX));
        let (total, counted) = (source.bytes, done.clone());
        let (pieces, input) = Pieces::new();
        let mut running = self.begin(at, &script, input, Gather::exact(1024), Gather::folding(8 * 1024)).await?;
        let reading = tokio::task::spawn_blocking(move || source.pass(pieces, begun, &counted));
        let ended = follow(&mut running, at, DOING, &done, progress).await;
        let answer = ended.and_then(|()| running.answer(DOING));
        let sum = reading.await.map_err(|why| SshError::input("local file", why.to_string()))?;
        let answer = answer?;
        let complaint = clean_line(answer.stderr.as_bytes(), 600);
        let answer = answer.succeeded(DOING)?;
        let text = answer.text();
        let told = text.trim_end().split_once(' ').and_then(|(sum, n)| Some((sum.to_owned(), n.parse::<u64>().ok()?)));
        match (sum, told) {
            (Err(why), _) if why.kind() != std::io::ErrorKind::BrokenPipe => Err(local(why)),
            (Ok(sum), Some((theirs, arrived))) if arrived == total => Ok((sum, theirs, arrived)),
            (_, told) => {
                let arrived = told.map_or(0, |(_, arrived)| arrived);
                let why = format!("{arrived} of {total} bytes could be written there; {complaint}");
                Err(SshError::Machine { doing: DOING, why })
            }
        }
    }
}

/// Sets `p` and makes the folder that it lies in.
fn find(given: &str) -> String {
    format!("p={given}\n{RESOLVE}\ncase $p in */*) mkdir -p -- \"${{p%/*}}/\" || exit 1;; esac")
}

fn expected(sum: &str, total: u64, (asked, usual): (Option<u32>, u32)) -> String {
    let asked = asked.map_or(String::new(), |mode| format!("{:o}", mode & 0o7777));
    format!("x={sum} z={total} m={asked} d={:o}", usual & 0o777)
}

/// Returns whether the machine's checksum confirms ours; one that differs is an error.
fn put_answer(answer: &Answer, ours: &str, total: u64) -> Result<bool, SshError> {
    let text = answer.text();
    let words: Vec<&str> = text.lines().next().unwrap_or_default().split(' ').collect();
    match words[..] {
        ["done", "none"] => Ok(false),
        ["done", sum] if sum == ours => Ok(true),
        ["differs", sum, arrived] => Err(SshError::Damaged {
            why: format!(
                "sha256 {ours} of {total} bytes here, {} of {} bytes on the machine",
                clean_line(sum.as_bytes(), 64),
                clean_line(arrived.trim().as_bytes(), 20)
            ),
        }),
        _ => {
            Err(SshError::Machine { doing: DOING, why: format!("it answered `{}`", clean_line(text.as_bytes(), 200)) })
        }
    }
}

impl Source {
    fn of(mut file: File) -> Result<Source, SshError> {
        let meta = file.metadata().map_err(local)?;
        let start = file.stream_position().map_err(local)?;
        let changed = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok(Source {
            start,
            bytes: meta.len().saturating_sub(start),
            mode: meta.permissions().mode() & 0o777,
            changed: changed.map_or(0, |since| since.as_nanos()),
            file,
        })
    }

    /// Sums all of it up, and passes on what lies behind `begun`.
    fn pass(mut self, mut pieces: Pieces, begun: u64, done: &Done) -> std::io::Result<String> {
        self.file.seek(std::io::SeekFrom::Start(self.start))?;
        let mut hash = hash_start(&mut self.file, begun)?;
        let mut buffer = vec![0; CHUNK];
        let mut rest = self.file.take(self.bytes - begun);
        loop {
            let got = rest.read(&mut buffer)?;
            if got == 0 {
                pieces.flush()?;
                return Ok(hex(hash));
            }
            hash.update(&buffer[..got]);
            pieces.write_all(&buffer[..got])?;
            done.add(got);
        }
    }
}
