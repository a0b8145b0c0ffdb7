//! The shell's side of a folder that waits to be whole: one copy at a time works in it, and unpacks what comes.

/// Run in a stage. Another copy works there when that very process lives and something was written lately: it is left alone.
/// One that stands still, as it does behind a broken connection, is ended.
pub(super) const BUSY_STAGE: &str = "busy() { old= start=; { read -r old start <pid && IFS= read -r line <\"/proc/$old/stat\"; } 2>/dev/null || return 1\n\
    set -- ${line##*) }; [ \"$1\" != Z ] && [ \"${20}\" = \"$start\" ] || return 1\n\
    [ -n \"$(find . -cmin -1 2>/dev/null | head -n 1)\" ] || { kill -9 -- \"-$old\" 2>/dev/null; return 1; }; }";

/// Makes the stage this process's own, or says that it is not: of two that come at once only one can make the file, and what
/// lies there of an ended one is only taken away as it was judged. A shell's own echo says "I/O error" of a full disk.
const CLAIM: &str = "claim() { busy && return 1\n\
    { IFS= read -r line <\"/proc/$$/stat\"; } 2>/dev/null; set -- ${line##*) }; echo \"$$ ${20}\" | cat >\"pid.$$\" || stop 'the stage cannot be written'\n\
    if [ -e pid ] && mv pid \"was.$$\" 2>/dev/null; then read -r was began <\"was.$$\"\n\
    [ \"$was $began\" = \"$old $start\" ] || { mv \"was.$$\" pid; rm -f \"pid.$$\"; return 1; }; fi\n\
    (set -C; cat <\"pid.$$\" >pid) 2>/dev/null; made=$?; rm -f \"pid.$$\" \"was.$$\"; return $made; }";

/// What a copy hears that began at the same moment as another one.
pub(super) const BUSY: &str = "another copy of this folder runs";

/// Returns what waits for the word that there is something to do, and unpacks what comes.
pub(super) fn unpack() -> String {
    format!(
        "stop() {{ echo \"$1\" >&2; exit 1; }}\n{BUSY_STAGE}\n{CLAIM}\n\
         IFS= read -r word || exit 0\nmkdir -p -m 700 -- \"$s\" && cd \"$s\" || exit 1\nclaim || stop '{BUSY}'\n\
         [ \"$word\" = go ] || rm -rf t\nrm -f -- put names sums; mkdir -p t || exit 1\n\
         tar -xpof - || stop 'unpacking failed'\n[ -f put ] || stop 'the stream ended early'\n. ./put"
    )
}
