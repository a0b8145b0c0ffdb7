//! One file to a machine. It is written beside its place, summed up on both sides while it moves, and renamed when the sums
//! are the same. What a broken connection left beside is gone on with, if it is the beginning of this very file.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::clean::{clean, clean_line};
use crate::copy::{Content, Copied, SUM, Upload, find, hash_start, hex, key_of, local};
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
/// `$d`, and its name. What nobody writes any more beside it goes: the next attempt would begin with another file.
const PUT: &str = "if [ \"$n\" -ne \"$z\" ] || { [ \"$h\" != \"$x\" ] && [ \"$h\" != none ]; }; then rm -f -- \"$t\"; echo \"differs $h $n\"; exit 0; fi\n\
    if [ -z \"$m\" ]; then m=$d; [ -e \"$p\" ] && m=$(stat -c %a -- \"$p\" 2>/dev/null || stat -f %Lp -- \"$p\"); fi\n\
    chmod \"$m\" \"$t\" && mv -f -- \"$t\" \"$p\" || { rm -f -- \"$t\"; exit 1; }\n\
    for o in \"$p\".bursar-*.*.part; do [ -f \"$o\" ] && { w=${o%.part}; lives \"${w##*.}\" || rm -f -- \"$o\"; }; done\n\
    echo \"done $h\"";

/// Finds the longest beginning of this very file that an earlier attempt left, and sums it up. One whose writer lives and
/// wrote lately belongs to another copy that runs; a writer whose connection broke takes a moment to end.
const BEGUN: &str = "n=0 t= w=-\nfor o in \"$p.bursar-$k\".*.part; do\n[ -f \"$o\" ] || continue\ni=${o%.part}; i=${i##*.}; tries=6\n\
    while lives \"$i\" && [ -z \"$(find \"$o\" -mmin +1 2>/dev/null)\" ]; do\n\
    tries=$((tries - 1)); [ \"$tries\" -gt 0 ] || continue 2; sleep 0.2 2>/dev/null || sleep 1\ndone\n\
    c=$(wc -c <\"$o\"); [ \"$((c))\" -gt \"$n\" ] && n=$((c)) t=$o w=$i\ndone\nh=none; [ -z \"$t\" ] || h=$(sum <\"$t\")\n\
    printf '%s\\n' \"$p\" \"$n\" \"$w\" \"${h%% *}\"";

/// Whether a process lives; what nobody has asked after its death does not.
const LIVES: &str = "lives() { kill -0 \"$1\" 2>/dev/null || return 1; { IFS= read -r s <\"/proc/$1/stat\"; } 2>/dev/null || return 0\n\
    case ${s##*) } in Z*) return 1;; esac; }";

/// Takes that beginning over from `$w`, for itself alone, where it is still there and nobody wrote to it.
const TAKE: &str = "t=$p.bursar-$k.$$.part\numask 077\nif [ \"$n\" -gt 0 ]; then mv -- \"$p.bursar-$k.$w.part\" \"$t\" 2>/dev/null && \
    [ \"$(($(wc -c <\"$t\")))\" = \"$n\" ] || { rm -f -- \"$t\"; echo taken; exit 0; }; fi";

/// The sum that was made while the file was read comes last. Without it the file did not come whole, and what is here waits.
const WHOLE: &str = "n=$(($(wc -c <\"$t\")))\n[ \"$n\" -eq $((z + 65)) ] || { echo \"short $n\"; exit 0; }\nx=$(tail -c 65 -- \"$t\")\n\
    truncate -s \"$z\" -- \"$t\" 2>/dev/null || dd if=/dev/null of=\"$t\" bs=1 seek=\"$z\" 2>/dev/null || exit 1\nn=$z";

/// A file to be sent, from where it stands.
struct Source {
    file: File,
    start: u64,
    bytes: u64,
    mode: u32,
    /// Seconds and parts of one, so that a changed file is another one.
    changed: u128,
}

/// What the machine has of a file already: `bytes` of it, left by the process `writer`.
struct Begun {
    path: String,
    bytes: u64,
    writer: String,
    /// The way to the machine is long, or it is busy.
    far: bool,
}

/// How sending the rest of a file ended.
enum Sent {
    /// Whether the machine could check it.
    Put { sha256: String, checked: bool },
    /// Somebody else took the beginning over first.
    Taken,
}

impl Ssh {
    /// Sends a file, so that nobody meets half of it under its name.
    pub async fn upload(&self, at: &Target, what: Upload, progress: Progress<'_>) -> Result<Copied, SshError> {
        let find = find(&what.remote_path, what.name.as_deref())?;
        match what.content {
            Content::Bytes(bytes) => self.send_small(at, &find, bytes, (what.mode, 0o644), progress).await,
            Content::File(file) => {
                let mut source = Source::of(file)?;
                let modes = (what.mode, source.mode);
                if source.bytes > SMALL {
                    return self.send_large(at, &find, source, modes, progress).await;
                }
                let mut bytes = Vec::new();
                (&mut source.file).take(source.bytes).read_to_end(&mut bytes).map_err(local)?;
                self.send_small(at, &find, bytes, modes, progress).await
            }
        }
    }

    /// All in one call: the path is found, the bytes come, are checked and get their name.
    async fn send_small(
        &self,
        at: &Target,
        find: &str,
        bytes: Vec<u8>,
        modes: (Option<u32>, u32),
        progress: Progress<'_>,
    ) -> Result<Copied, SshError> {
        let (total, mut hash) = (bytes.len() as u64, Sha256::new());
        hash.update(&bytes);
        let sum = hex(hash);
        let script = format!(
            "{SUM}\n{LIVES}\n{find}\nt=$p.{}.part\ntrap 'rm -f -- \"$t\"' EXIT\numask 077\ncat >\"$t\" || exit 1\n\
             n=$(wc -c <\"$t\") || exit 1\nh=$(sum <\"$t\"); h=${{h%% *}}\nx={sum} {}\n{PUT}\nprintf '%s\\n' \"$p\"",
            crate::key::random_hex(),
            expected(total, modes),
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
        find: &str,
        source: Source,
        modes: (Option<u32>, u32),
        progress: Progress<'_>,
    ) -> Result<Copied, SshError> {
        let total = source.bytes;
        let key = key_of(&[&source.bytes.to_le_bytes(), &source.changed.to_le_bytes()]);
        let mut begun = self.begun(at, find, &key, &source).await?;
        loop {
            match self.send_rest(at, &key, &source, &begun, modes, progress).await? {
                Sent::Put { sha256, checked } => {
                    let remote_path = clean(begun.path.as_bytes());
                    return Ok(Copied { bytes: total, sha256, checked, remote_path });
                }
                Sent::Taken => begun.bytes = 0,
            }
        }
    }

    /// Returns the full path, and how many of the bytes an earlier attempt brought.
    async fn begun(&self, at: &Target, find: &str, key: &str, source: &Source) -> Result<Begun, SshError> {
        let script = format!("{SUM}\n{LIVES}\n{find}\nk={key}\n{BEGUN}");
        let asked = Instant::now();
        let text = self.ask_long(at, DOING, &script, Vec::new(), 64 * 1024).await?;
        let far = asked.elapsed() > FAR;
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let there = lines.get(1).and_then(|bytes| bytes.parse::<u64>().ok());
        let ([path, _, writer, sum], Some(there), true) = (&lines[..], there, text.starts_with('/')) else {
            let why = format!("it answered `{}`", clean_line(text.as_bytes(), 200));
            return Err(SshError::Machine { doing: DOING, why });
        };
        let mut begun = Begun { path: path.to_string(), bytes: 0, writer: writer.to_string(), far };
        if there > 0 && there <= source.bytes && writer.bytes().all(|byte| byte.is_ascii_digit()) {
            let (mut file, start, sum) = (source.file.try_clone().map_err(local)?, source.start, sum.to_string());
            let fits = tokio::task::spawn_blocking(move || {
                file.seek(std::io::SeekFrom::Start(start))?;
                hash_start(&mut file, there).map(|hash| hex(hash) == sum)
            });
            let fits = fits.await.map_err(|why| SshError::input("local file", why.to_string()))?.map_err(local)?;
            begun.bytes = if fits { there } else { 0 };
        }
        Ok(begun)
    }

    /// Sends what is missing, and our sum behind it; the machine compares it with its own and gives the file its name.
    ///
    /// Over a long way the machine sums up while it waits for more. Over a short one that would cost more than it saves: a
    /// pipe moves fewer bytes in a second than a second look at the file.
    async fn send_rest(
        &self,
        at: &Target,
        key: &str,
        source: &Source,
        begun: &Begun,
        modes: (Option<u32>, u32),
        progress: Progress<'_>,
    ) -> Result<Sent, SshError> {
        let Begun { path, bytes, writer, far } = begun;
        // `tee` reads small pieces; a server that may write only those says after each that more may come, and gets as small
        // packets then. `cat` takes all there is.
        let (take, sum) = match (far, bytes) {
            (true, 0) => ("h=$(cat | tee -- \"$t\" | { head -c \"$z\" | sum; cat >/dev/null; })", ""),
            (true, _) => (
                "h=$({ head -c \"$n\" -- \"$t\"; cat | tee -a -- \"$t\"; } | { head -c \"$z\" | sum; cat >/dev/null; })",
                "",
            ),
            (false, 0) => ("cat >\"$t\"", "h=$(sum <\"$t\")"),
            (false, _) => ("cat >>\"$t\"", "h=$(sum <\"$t\")"),
        };
        let script = format!(
            "{SUM}\n{LIVES}\np={} k={key} n={bytes} w={writer}\n{TAKE}\n{}\n{take}\n{WHOLE}\n{sum}\nh=${{h%% *}}\n{PUT}",
            quote(path),
            expected(source.bytes, modes),
        );
        let done = Done::of(source.bytes);
        done.add(usize::try_from(*bytes).unwrap_or(usize::MAX));
        let (pieces, input) = Pieces::new();
        let mut running = self.begin(at, &script, input, Gather::exact(1024), Gather::folding(8 * 1024)).await?;
        let (source, counted, bytes) = (source.try_clone()?, done.clone(), *bytes);
        let reading = tokio::task::spawn_blocking(move || source.pass(pieces, bytes, &counted));
        let ended = follow(&mut running, at, DOING, &done, progress).await;
        let part = format!("{path}.bursar-{key}.{}.part", running.pid.unwrap_or(0));
        let answer = ended.and_then(|()| running.answer(DOING));
        let sum = reading.await.map_err(|why| SshError::input("local file", why.to_string()))?;
        let put = answer.and_then(|answer| sent(answer, sum, done.total()));
        if let Err(error) = &put
            && !error.may_pass()
        {
            // After a break what arrived is a good beginning; after anything else it is rubbish.
            let remove = format!("rm -f -- {}", quote(&part));
            if let Err(error) = self.ask(at, "removing half a copy", &remove, 10).await {
                tracing::debug!(%error, part, "half a copy stays on the machine");
            }
        }
        put
    }
}

/// Reads what became of it: `sum` is ours, or why the file could not be read.
fn sent(answer: Answer, sum: std::io::Result<String>, total: u64) -> Result<Sent, SshError> {
    let complaint = clean_line(answer.stderr.as_bytes(), 600);
    let answer = answer.succeeded(DOING)?;
    let text = answer.text();
    match (sum, text.trim_end().split_once(' ')) {
        (Err(why), _) if why.kind() != std::io::ErrorKind::BrokenPipe => Err(local(why)),
        (_, None) if text == "taken\n" => Ok(Sent::Taken),
        (_, Some(("short", arrived))) => {
            let arrived = arrived.parse::<u64>().unwrap_or(0).min(total);
            let why = format!("{arrived} of {total} bytes could be written there; {complaint}");
            Err(SshError::Machine { doing: DOING, why })
        }
        (Ok(sha256), _) => put_answer(&answer, &sha256, total).map(|checked| Sent::Put { sha256, checked }),
        (Err(_), _) => {
            Err(SshError::Machine { doing: DOING, why: format!("it answered `{}`", clean_line(text.as_bytes(), 200)) })
        }
    }
}

fn expected(total: u64, (asked, usual): (Option<u32>, u32)) -> String {
    let asked = asked.map_or(String::new(), |mode| format!("{:o}", mode & 0o7777));
    format!("z={total} m={asked} d={:o}", usual & 0o777)
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

    fn try_clone(&self) -> Result<Source, SshError> {
        let Source { file, start, bytes, mode, changed } = self;
        let file = file.try_clone().map_err(local)?;
        Ok(Source { file, start: *start, bytes: *bytes, mode: *mode, changed: *changed })
    }

    /// Sums all of it up, and passes on what lies behind `begun`, and then the sum.
    fn pass(mut self, mut pieces: Pieces, begun: u64, done: &Done) -> std::io::Result<String> {
        self.file.seek(std::io::SeekFrom::Start(self.start))?;
        let mut hash = hash_start(&mut self.file, begun)?;
        let mut buffer = vec![0; CHUNK];
        let mut rest = self.file.take(self.bytes - begun);
        loop {
            let got = rest.read(&mut buffer)?;
            if got == 0 {
                let sum = hex(hash);
                // A file that became shorter is not whole, and its sum must not say so.
                if rest.limit() == 0 {
                    pieces.write_all(format!("{sum}\n").as_bytes())?;
                }
                pieces.flush()?;
                return Ok(sum);
            }
            hash.update(&buffer[..got]);
            pieces.write_all(&buffer[..got])?;
            done.add(got);
        }
    }
}
