"""Where a stack lies: its directory with the marker file, the lock on it, and its block of ports."""
import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import time

MARKER = '.slipway-stack'
BLOCK = 16                      # ports of one stack, from its base on
PORTS = {'ceph.mon': 0, 'ceph.mon.v1': 1, 'ceph2.mon': 2, 'ceph2.mon.v1': 3, 'keystone': 4, 'glance': 5,
         'glance-hidden': 6, 'barbican': 7, 'cinder': 8}
# Below the kernel's ephemeral ports, above what Ceph's own daemons bind (6800 to 7300).
FIRST_PORT, LAST_PORT = 17000, 31000


class StackError(Exception):
    """What went wrong, in one sentence; `log` is a file whose end tells more."""

    def __init__(self, message, log=None):
        super().__init__(message)
        self.log = log


class Usage(StackError):
    """The caller asked for something that makes no sense."""


def cache_dir():
    """What stacks share: the virtual environment, template databases, port claims."""
    if os.environ.get('SLIPWAY_STACK_CACHE'):
        return os.path.abspath(os.environ['SLIPWAY_STACK_CACHE'])
    base = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    return os.path.join(os.path.abspath(base), 'slipway-stack')


def write(path, text, mode=0o644):
    """Replaces a file whole; a reader sees the old text or the new one."""
    new = f'{path}.new.{os.getpid()}'
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), 'w') as f:
        f.write(text)
    os.rename(new, path)


def write_json(path, value, mode=0o644):
    write(path, json.dumps(value, indent=1) + '\n', mode)


def read_json(path):
    try:
        with open(path) as f:
            return json.load(f)
    except FileNotFoundError:
        return None


def ours(directory):
    return os.path.exists(os.path.join(directory, MARKER))


@contextlib.contextmanager
def locked(directory, create):
    """Holds the directory itself locked: one `up` or `down` at a time, and no lock file left beside it.
    Yields False when there is no such directory and none was to be made."""
    deadline = time.monotonic() + 600
    while True:
        if create:
            claim(directory)
        try:
            fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            if create:
                continue
            yield False
            return
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(fd)
                    raise StackError(f'{directory} is locked by another Scripts/stack for 10 minutes now')
                time.sleep(0.1)
        # whoever held the lock before may have removed the directory, and a third one made it anew
        try:
            if os.stat(directory).st_ino == os.fstat(fd).st_ino and ours(directory):
                break
        except FileNotFoundError:
            pass
        os.close(fd)
    try:
        yield True
    finally:
        os.close(fd)


def claim(directory):
    """Makes the directory, or takes an empty one; refuses one with a stranger's files in it."""
    os.makedirs(directory, exist_ok=True)
    if not ours(directory):
        if os.listdir(directory) and not ours(directory):
            raise Usage(f'{directory} is not empty and not a stack: choose another --dir')
        try:
            write(os.path.join(directory, MARKER), 'made by Scripts/stack; "down" removes all of this directory\n')
        except FileNotFoundError:
            pass            # removed under us: the caller looks again


def remove(directory):
    if not ours(directory):
        raise Usage(f'{directory} holds no {MARKER}: not a stack, nothing removed')
    # The marker goes last, so that a removal that was cut short can be taken up again.
    for name in os.listdir(directory):
        if name == MARKER:
            continue
        remove_path(os.path.join(directory, name))
    os.unlink(os.path.join(directory, MARKER))
    os.rmdir(directory)


def remove_path(path):
    if os.path.isdir(path) and not os.path.islink(path):
        # Bases in a store that lies here may be immutable.
        subprocess.run(['chattr', '-R', '-f', '-i', path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(path)
    else:
        os.unlink(path)


# --- ports. One file per claimed block, naming the directory that uses it; a claim whose directory is
# gone is void. Binding is the last word, since others use ports too.

def _claims():
    # not TMPDIR: two stacks that start at once have to meet here
    path = f'/tmp/slipway-stack-ports-{os.getuid()}'
    os.makedirs(path, mode=0o700, exist_ok=True)
    if os.stat(path).st_uid != os.getuid():
        raise StackError(f'{path} belongs to somebody else')
    return path


@contextlib.contextmanager
def _claims_locked():
    path = _claims()
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield path
    finally:
        os.close(fd)


def _bindable(base):
    for port in range(base, base + BLOCK):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(('127.0.0.1', port))
            except OSError:
                return False
    return True


def take_ports(directory, wanted=None):
    """The base of a block of free ports, claimed for this directory."""
    with _claims_locked() as claims:
        held = {}
        for name in os.listdir(claims):
            path = os.path.join(claims, name)
            with open(path) as f:
                owner = f.read()
            if owner == directory or not ours(owner):
                os.unlink(path)
            else:
                held[int(name)] = owner
        for base in [wanted] if wanted else range(FIRST_PORT, LAST_PORT, BLOCK):
            taken = [o for p, o in held.items() if abs(p - base) < BLOCK]
            if not taken and _bindable(base):
                write(os.path.join(claims, str(base)), directory)
                return base
            if wanted:
                raise StackError(f'ports {base} to {base + BLOCK - 1} are not all free' +
                                 (f' (used by {taken[0]})' if taken else ''))
    raise StackError(f'no {BLOCK} free ports in a row between {FIRST_PORT} and {LAST_PORT}')


def give_back_ports(directory):
    with _claims_locked() as claims:
        for name in os.listdir(claims):
            path = os.path.join(claims, name)
            with open(path) as f:
                if f.read() == directory:
                    os.unlink(path)
