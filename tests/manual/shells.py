"""Shells on a terminal of their own, whose completion answers to a test.

Each has complete(line): the words that the shell would offer for the last one of `line`.
"""

import fcntl
import os
import pathlib
import pty
import shutil
import subprocess
import tempfile
import termios
import threading

from programs import BIN_DIR, clean_environ, output_of, tied, wait_until

END = "-- end of the answer --"


class Terminal:
    """Runs an interactive shell, and reads all that it prints."""

    def __init__(self, command, env):
        self.folder = tempfile.mkdtemp(prefix="rg-")
        self.answer = pathlib.Path(self.folder, "answer")
        self.printed = bytearray()
        self._command, self._env = command, env
        self._process = None
        self._master = -1

    def start(self, startup):
        pathlib.Path(self.folder, "startup").write_text(startup, encoding="utf-8")
        pathlib.Path(self.folder, ".zshrc").write_text(startup, encoding="utf-8")
        self._master, slave = pty.openpty()
        env = clean_environ(**{
            "TERM": "xterm", "HOME": self.folder, "ZDOTDIR": self.folder, "ANSWER": self.answer,
            "PATH": f"{BIN_DIR}:/usr/bin:/bin", **self._env})
        command = [word.replace("STARTUP", f"{self.folder}/startup") for word in self._command]
        self._process = subprocess.Popen(  # pylint: disable=subprocess-popen-preexec-fn
            tied(command), stdin=slave, stdout=slave, stderr=slave, env=env, cwd=self.folder,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        threading.Thread(target=self._read, daemon=True).start()
        self.wait_answer("the shell to start")

    def _read(self):
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                return
            if not data:
                return
            self.printed += data

    def type(self, keys):
        os.write(self._master, keys.encode())

    def wait_answer(self, what):
        """The lines of the answer's file, which is then away."""
        def whole():
            if self._process.poll() is not None:
                raise AssertionError(f"the shell ended: {bytes(self.printed)!r}")
            if not self.answer.exists():
                return None
            lines = self.answer.read_text(encoding="utf-8").splitlines()
            return lines if lines and lines[-1] == END else None
        try:
            lines = wait_until(whole, 15, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; on the screen: {bytes(self.printed)!r}") from None
        self.answer.unlink()
        return lines[:-1]

    def close(self):
        if self._process:
            self._process.kill()
            self._process.wait()
            os.close(self._master)
        shutil.rmtree(self.folder, ignore_errors=True)


class Bash(Terminal):
    """bash; with `loader` the package bash-completion loads what is installed."""

    STARTUP = """
PS1=
bind 'set enable-bracketed-paste off'
depth=0
captured() {
  local function=$1
  shift
  depth=$((depth + 1))
  $function "$@"
  depth=$((depth - 1))
  [ $depth = 0 ] || return
  { printf '%s\\n' "$2" "${COMPREPLY[@]}"; echo "END"; } >"$ANSWER.new"
  mv "$ANSWER.new" "$ANSWER"
  COMPREPLY=()
}
captured_rategate() { captured _rategate "$@"; }
captured_rategated() { captured _rategated "$@"; }
line() { { printf '%s\\n' "$READLINE_LINE"; echo "END"; } >"$ANSWER.new"; mv "$ANSWER.new" "$ANSWER"; }
bind -x '"\\C-t": line'
"""

    def __init__(self, folder, env, loader=False):
        super().__init__(["bash", "--noprofile", "--rcfile", "STARTUP", "-i"],
                         {**env, "XDG_DATA_DIRS": f"{folder}:/usr/share"})
        load = "source /usr/share/bash-completion/bash_completion\n"
        if not loader:
            for name in ("rategate", "rategated"):
                load += (f"source {folder}/bash-completion/completions/{name}\n"
                         f"complete -F captured_{name} {name}\n")
        self.start((self.STARTUP + load).replace("END", END) + f'echo "{END}" >"$ANSWER"\n')

    def complete(self, line):
        self.type("\x15" + line + "\t")
        readlines_word, *words = self.wait_answer(f"a completion of {line!r}")
        typed = line.split(" ")[-1]
        before = typed[:len(typed) - len(readlines_word)]
        return {before + word for word in words if word}

    def type_tab(self, line):
        """The line after TAB."""
        self.type("\x15" + line + "\t\x14")
        return self.wait_answer(f"the line {line!r}")[0]


class Zsh(Terminal):
    STARTUP = """
PS1=
fpath=($COMPLETIONS $fpath)
autoload -Uz compinit
compinit -u -d $ZDOTDIR/dump
zstyle ':completion:*' menu no
# What the completion adds is written down, too; what it only asks compadd for is not.
compadd() {
  local -a known
  if [[ -n ${(M)argv:#-[a-zA-Z]#[OAD]} ]]; then
    builtin compadd "$@"
    return
  fi
  builtin compadd -O known "$@"
  print -rl -- $known >>$ANSWER.new
  builtin compadd "$@"
}
setopt extendedglob
write_down() {
  : >$ANSWER.new
  _main_complete
  print -r -- 'END' >>$ANSWER.new
  mv $ANSWER.new $ANSWER
  compstate[insert]=''
  compstate[list]=''
}
zle -C write-down list-choices write_down
bindkey '^I' write-down
started() { print -r -- 'END' >$ANSWER; zle -D zle-line-init }
zle -N zle-line-init started
"""

    def __init__(self, folder, env):
        super().__init__(["zsh", "-d", "-i"],
                         {**env, "COMPLETIONS": f"{folder}/zsh/vendor-completions"})
        self.start(self.STARTUP.replace("END", END))

    def complete(self, line):
        self.type("\x15" + line + "\t")
        return {word for word in self.wait_answer(f"a completion of {line!r}") if word}


class Fish:
    """Asked without a terminal, by `complete --do-complete`, which loads what is installed."""

    def __init__(self, folder, env):
        self._home = tempfile.mkdtemp(prefix="rg-")
        self._env = {**env, "HOME": self._home, "XDG_DATA_DIRS": f"{folder}:/usr/share",
                     "XDG_CONFIG_HOME": self._home, "XDG_DATA_HOME": self._home,
                     "PATH": f"{BIN_DIR}:/usr/bin:/bin"}

    def complete(self, line):
        printed = output_of("fish", "-c", "cd $HOME; complete --do-complete $argv[1]", "--", line,
                            env=self._env)
        return {word.split("\t")[0] for word in printed.splitlines() if word}

    def close(self):
        shutil.rmtree(self._home, ignore_errors=True)
