//! One file from a machine. One call tells its size and streams its bytes, while the machine sums them up beside; what an
//! earlier attempt left in the caller's file is gone on with, if it is the beginning of this very file.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::clean::{clean, clean_line};
use crate::copy::{Copied, RESOLVE, SUM, checked_path, hash_start, hex, local};
use crate::error::SshError;
use crate::exec::Input;
use crate::gather::Gather;
use crate::stream::{Done, Progress, follow};
use crate::{Ssh, Target};

const DOING: &str = "fetching a file";
/// A path and two numbers.
const HEADER_MAX: usize = 8 * 1024;

impl Ssh {
    /// Fetches a file of at most `max_bytes` into `into`. What that holds already is kept if it is how the file begins.
    pub async fn download(
        &self,
        at: &Target,
        remote_path: &str,
        into: &mut File,
        max_bytes: Option<u64>,
        progress: Progress<'_>,
    ) -> Result<Copied, SshError> {
        let given = checked_path(remote_path)?;
        let begun = Begun::of(into).await?;
        let script = script(&given, &begun, max_bytes);
        let done = Done::default();
        let writing = Writing {
            file: into.try_clone().map_err(local)?,
            begun: Some(begun),
            hash: Sha256::new(),
            max: max_bytes.unwrap_or(u64::MAX),
            header: Vec::new(),
            path: Vec::new(),
            size: 0,
            left: 0,
            done: done.clone(),
            failed: None,
        };
        let writing = Arc::new(Mutex::new(writing));
        let own = writing.clone();
        // A packet is small and the page cache takes it at once; a thread of its own would cost more than it saves.
        let sink = Box::new(move |bytes: &[u8]| lock(&own).take(bytes));
        let mut running = self
            .begin(at, &script, Input::Whole(Vec::new()), Gather::through(sink), Gather::folding(16 * 1024))
            .await?;
        let ended = follow(&mut running, at, DOING, &done, progress).await;
        let mut writing = lock(&writing);
        if let Some(error) = writing.failed.take() {
            return Err(error);
        }
        ended?;
        let answer = running.answer(DOING)?;
        let finished = writing.finish(&answer.stderr);
        match finished {
            Ok(copied) => Ok(copied),
            // What the machine complained of explains best what is missing.
            Err(missing @ SshError::Damaged { .. }) => {
                if writing.path.is_empty() || answer.exit != Some(0) {
                    answer.succeeded(DOING)?;
                }
                into.set_len(0).map_err(local)?;
                Err(missing)
            }
            Err(error) => Err(error),
        }
    }
}

/// `$n` bytes are here already, if their sum is `$x`. While the bytes run, their sum is made beside; a file that grew
/// meanwhile is summed up to where it was.
fn script(given: &str, begun: &Begun, max: Option<u64>) -> String {
    format!(
        "{SUM}\np={given}\n{RESOLVE}\n[ -f \"$p\" ] || {{ echo \"no file $p\" >&2; exit 1; }}\nz=$(wc -c <\"$p\") || exit 1\nz=$((z))\n\
         n={} x={}\nif [ $n -gt 0 ]; then h=; [ $n -le $z ] && h=$(head -c $n -- \"$p\" | sum); [ \"${{h%% *}}\" = $x ] || n=0; fi\n\
         printf '%s\\0%s\\0%s\\0' \"$p\" $z $n\n[ $z -gt {} ] && exit 0\n\
         {{ h=$(sum <\"$p\"); [ $(wc -c <\"$p\") -eq $z ] || h=$(head -c $z -- \"$p\" | sum); echo \"bursar-sum ${{h%% *}}\" >&2; }} &\n\
         if [ $n -gt 0 ]; then tail -c +$((n + 1)) -- \"$p\"; else cat -- \"$p\"; fi || exit 1\nwait",
        begun.bytes,
        begun.sum,
        max.unwrap_or(i64::MAX as u64),
    )
}

/// What an earlier attempt left.
struct Begun {
    bytes: u64,
    hash: Sha256,
    sum: String,
}

impl Begun {
    async fn of(into: &File) -> Result<Begun, SshError> {
        let bytes = into.metadata().map_err(local)?.len();
        let mut file = into.try_clone().map_err(local)?;
        let hashing = tokio::task::spawn_blocking(move || {
            if bytes > 0 {
                file.seek(SeekFrom::Start(0))?;
            }
            hash_start(&mut file, bytes)
        });
        let hash = hashing.await.map_err(|why| SshError::input("local file", why.to_string()))?.map_err(local)?;
        Ok(Begun { bytes, sum: hex(hash.clone()), hash })
    }
}

fn lock(writing: &Mutex<Writing>) -> std::sync::MutexGuard<'_, Writing> {
    writing.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the header, then writes and sums up what follows, and no more than the header told.
struct Writing {
    file: File,
    begun: Option<Begun>,
    hash: Sha256,
    max: u64,
    header: Vec<u8>,
    path: Vec<u8>,
    size: u64,
    left: u64,
    done: Done,
    failed: Option<SshError>,
}

impl Writing {
    /// Returns whether more is wanted.
    fn take(&mut self, bytes: &[u8]) -> bool {
        if let Err(error) = self.write(bytes) {
            self.failed = Some(error);
        }
        self.failed.is_none()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SshError> {
        if self.begun.is_none() {
            return self.keep(bytes);
        }
        self.header.extend_from_slice(bytes);
        let ends: Vec<usize> =
            self.header.iter().enumerate().filter(|(_, b)| **b == 0).map(|(at, _)| at).take(3).collect();
        let [path, size, from] = ends[..] else {
            return match self.header.len() > HEADER_MAX {
                true => Err(odd(&self.header)),
                false => Ok(()),
            };
        };
        let header = std::mem::take(&mut self.header);
        let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<u64>().ok());
        let (Some(total), Some(start)) = (number(&header[path + 1..size]), number(&header[size + 1..from])) else {
            return Err(odd(&header));
        };
        self.path = header[..path].to_vec();
        self.begin(total, start)?;
        self.keep(&header[from + 1..])
    }

    fn begin(&mut self, total: u64, start: u64) -> Result<(), SshError> {
        if total > self.max {
            return Err(SshError::TooLarge { bytes: total, max: self.max });
        }
        let begun = self.begun.take().filter(|begun| start > 0 && begun.bytes == start && start <= total);
        if begun.is_none() && start > 0 {
            return Err(odd(&self.path));
        }
        self.hash = begun.map_or_else(Sha256::new, |begun| begun.hash);
        self.file.set_len(start).map_err(local)?;
        self.file.seek(SeekFrom::Start(start)).map_err(local)?;
        (self.size, self.left) = (total, total - start);
        self.done.set_total(total);
        self.done.add(usize::try_from(start).unwrap_or(usize::MAX));
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), SshError> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let bytes = &bytes[..most];
        self.file.write_all(bytes).map_err(local)?;
        self.hash.update(bytes);
        self.left -= most as u64;
        self.done.add(most);
        Ok(())
    }

    fn finish(&mut self, stderr: &str) -> Result<Copied, SshError> {
        if self.begun.is_some() || self.left > 0 {
            let why = format!("{} of {} bytes came", self.size - self.left, self.size);
            return Err(SshError::Damaged { why });
        }
        let sha256 = hex(self.hash.clone());
        let theirs = stderr.lines().rev().find_map(|line| line.strip_prefix("bursar-sum ")).unwrap_or("none").trim();
        let checked = match theirs {
            "none" => false,
            sum if sum == sha256 => true,
            sum => {
                let why = format!("sha256 {sha256} here, {} on the machine", clean_line(sum.as_bytes(), 64));
                return Err(SshError::Damaged { why });
            }
        };
        Ok(Copied { bytes: self.size, sha256, checked, remote_path: clean(&self.path) })
    }
}

fn odd(text: &[u8]) -> SshError {
    SshError::Machine { doing: DOING, why: format!("it answered `{}`", clean_line(text, 200)) }
}
