"""Daemons of a stack: started in a session of their own, known by a pid file, and told from a stranger
that got the same pid by their command line, which names the stack's directory."""
import os
import signal
import subprocess
import threading
import time

from place import StackError, write

children = {}                   # pid → Popen, of those this process started
starting = threading.Lock()     # held over a fork and its entry in `children`
ended = False                   # set once this process gives up: its threads start nothing more


def environment():
    """Ours without what would lead a daemon elsewhere."""
    return {k: v for k, v in os.environ.items()
            if not k.startswith(('OS_', 'CEPH_')) and not k.lower().endswith('_proxy')}


def spawn(command, log, env, **more):
    with starting, open(log, 'ab') as out:
        if ended:
            raise StackError('interrupted')
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd='/',
                                       env=env or environment(), **more)
        except FileNotFoundError:
            raise StackError(f'{command[0]} is not installed: run Scripts/deps') from None
        children[process.pid] = process
    return process


def command_line(pid):
    """The words of a running process; [] for none, and for a zombie."""
    try:
        with open(f'/proc/{pid}/cmdline', 'rb') as f:
            words = f.read().decode(errors='replace').split('\0')
        with open(f'/proc/{pid}/stat') as f:
            return [] if f.read().rpartition(')')[2].split()[0] == 'Z' else [w for w in words if w]
    except (FileNotFoundError, ProcessLookupError):
        return []


def state(pid):
    """The kernel's letter for a process: S, R, T (stopped), …"""
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rpartition(')')[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ''


def belongs(pid, directory):
    return any(word.startswith(directory + '/') for word in command_line(pid)[1:])


def pid_file(directory, name):
    return os.path.join(directory, 'run', name + '.pid')


def pid_of(directory, name):
    """The pid of a daemon that runs, else None."""
    try:
        with open(pid_file(directory, name)) as f:
            pid = int(f.read())
    except (FileNotFoundError, ValueError):
        return None
    return pid if belongs(pid, directory) else None


def names(directory):
    try:
        return sorted(f[:-4] for f in os.listdir(os.path.join(directory, 'run')) if f.endswith('.pid'))
    except FileNotFoundError:
        return []


def start(directory, name, command, env=None):
    """Starts a daemon unless it runs. Returns its log file."""
    log = os.path.join(directory, 'log', name + '.out')
    if pid_of(directory, name):
        return log
    process = spawn(command, log, env, start_new_session=True)
    write(pid_file(directory, name), f'{process.pid}\n')
    return log


def check(directory, name, log):
    """Raises if a daemon that was started ended since."""
    if not pid_of(directory, name):
        # between fork and exec a child has its parent's command line: look at the child itself
        for process in list(children.values()):
            if process.poll() is None and pid_matches(directory, name, process.pid):
                return
        raise StackError(f'{name} ended while starting', log)


def pid_matches(directory, name, pid):
    try:
        with open(pid_file(directory, name)) as f:
            return f.read().strip() == str(pid)
    except FileNotFoundError:
        return False


def run(command, log, what, env=None):
    """Runs a command to its end, its output to a log."""
    process = spawn(command, log, env)
    code = process.wait()
    children.pop(process.pid, None)
    if code != 0:
        raise StackError(f'{what} failed ({os.path.basename(command[0])} ended with {code})', log)


def wait_for(what, probe, directory, name, log, seconds=60):
    """Polls until probe() is true; a daemon that ended meanwhile ends the wait."""
    deadline = time.monotonic() + seconds
    while not probe():
        if ended:
            raise StackError('interrupted')
        check(directory, name, log)
        if time.monotonic() > deadline:
            raise StackError(f'{what} did not come up within {seconds} s', log)
        time.sleep(0.05)


def stray(directory):
    """Processes that name this directory's daemons though no pid file does: an `up` that was killed between
    the start and the pid file."""
    found = []
    for entry in os.listdir('/proc'):
        if entry.isdigit() and int(entry) != os.getpid():
            words = command_line(entry)
            if words and (os.path.basename(words[0]).startswith('ceph-') or
                          any(w.endswith(('/stack.d/serve.py', '/stack.d/schema.py')) for w in words[1:4])):
                if belongs(entry, directory):
                    found.append(int(entry))
    return found


def send(pid, number, directory):
    try:
        if belongs(pid, directory):
            os.kill(pid, number)
    except ProcessLookupError:
        pass


def stop(directory, only=None):
    """Stops the named daemons: TERM, and KILL to what is left after 5 s (a paused one is woken, or it would
    never see the TERM). Or all of the directory, whose data nobody will read again: KILL."""
    if only is None:
        pids = set(stray(directory))
        with starting:
            pids |= {pid for pid, process in list(children.items()) if process.poll() is None}
        pids |= {p for p in (pid_of(directory, n) for n in names(directory)) if p}
    else:
        pids = {p for p in (pid_of(directory, n) for n in only) if p}
    for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 10))[only is None:]:
        for pid in pids:
            if pid in children and children[pid].poll() is None and not belongs(pid, directory):
                children[pid].send_signal(number)       # a helper of this run, or not yet exec'ed
            send(pid, number, directory)
            send(pid, signal.SIGCONT, directory)
        deadline = time.monotonic() + patience
        while pids and time.monotonic() < deadline:
            pids = {p for p in pids if (children[p].poll() is None if p in children else belongs(p, directory))}
            if pids:
                time.sleep(0.02)
    if pids:
        raise StackError('would not die: ' + ', '.join(map(str, sorted(pids))))
    for name in only if only is not None else names(directory):
        try:
            os.unlink(pid_file(directory, name))
        except FileNotFoundError:
            pass


def stop_helpers():
    """Ends the commands that run() waits for, of this process."""
    with starting:
        for pid, process in list(children.items()):
            if process.poll() is None and os.getsid(pid) == os.getsid(0):
                process.terminate()
