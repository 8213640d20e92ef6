"""A private libvirtd of the stack: its state directories bound over the system's in a mount namespace of its own, on a Unix
socket in the stack's directory. Needs root. Its guests are TCG ones; they outlive it, and go with the stack."""
import os
import shutil
import subprocess
import time
import uuid

import place
import processes
from place import StackError, write

NAME = 'libvirtd'
STATE = ('run', 'lib', 'etc', 'cache', 'log')
# What libvirt of Debian 12 has compiled in, by our directories' names.
BIND = '''
for pair in run:/run/libvirt lib:/var/lib/libvirt cache:/var/cache/libvirt log:/var/log/libvirt etc:/etc/libvirt; do
  mkdir -p "${pair#*:}" && mount --bind "$1/${pair%%:*}" "${pair#*:}" || exit 1
done
# The user that libvirt looks for even where no guest runs as it; Debian makes it with the package that starts libvirtd.
for line in passwd:libvirt-qemu:x:64055:64055::/:/bin/false group:libvirt-qemu:x:64055:; do
  file=${line%%:*}
  grep -q ^libvirt-qemu: "/etc/$file" && continue
  cp "/etc/$file" "$1/$file" && echo "${line#*:}" >>"$1/$file" && mount --bind "$1/$file" "/etc/$file" || exit 1
done
exec libvirtd -f "$1/libvirtd.conf" -p "$1/libvirtd.pid"
'''


class Libvirt:
    def __init__(self, stack):
        self.stack = stack.dir
        self.home = os.path.join(stack.dir, 'libvirt')
        self.socket = os.path.join(self.home, 'run', 'libvirt-sock')
        self.log = os.path.join(stack.dir, 'log', NAME + '.out')

    daemons = [NAME]

    @property
    def uri(self):
        return f'qemu+unix:///system?socket={self.socket}'

    def describe(self):
        return {'uri': self.uri, 'socket': self.socket, 'log': os.path.join(self.home, 'log', 'libvirtd.log')}

    def up(self, say):
        if os.geteuid() != 0:
            raise StackError('libvirtd of a stack needs root (a mount namespace)')
        if len(self.socket) > 107:
            raise StackError(f'{self.socket} is too long for a Unix socket: choose a shorter --dir')
        for name in STATE:
            os.makedirs(os.path.join(self.home, name), exist_ok=True)
        self.configure()
        # Asking QEMU what it can takes seconds; the answers are kept for all stacks, and libvirt checks whether they still hold.
        kept, cache = os.path.join(place.cache_dir(), 'libvirt'), os.path.join(self.home, 'cache')
        if not os.listdir(cache) and os.path.isdir(kept):
            shutil.copytree(kept, cache, dirs_exist_ok=True)
        self.start_daemon(NAME)
        if not os.path.isdir(kept):
            new = f'{kept}.new.{os.getpid()}'
            shutil.copytree(cache, new)
            try:
                os.rename(new, kept)
            except OSError:                 # another stack was first
                shutil.rmtree(new)
        say('libvirtd answers')

    def configure(self):
        path = os.path.join(self.home, 'libvirtd.conf')
        if not os.path.exists(path):
            write(path, f'''\
listen_tls = 0
listen_tcp = 0
unix_sock_dir = "{self.home}/run"
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_ro_perms = "0700"
unix_sock_rw_perms = "0700"
log_outputs = "3:file:{self.home}/log/libvirtd.log"
host_uuid = "{uuid.uuid4()}"
''')
            write(os.path.join(self.home, 'etc', 'qemu.conf'), '''\
security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
''')

    def start_daemon(self, name):
        processes.start(self.stack, NAME, ['unshare', '-m', '--propagation', 'private', 'bash', '-c', BIND, '_', self.home])
        processes.wait_for('libvirtd', self.answers, self.stack, NAME, self.log)

    def answers(self):
        """Asked as a client asks: the socket is there before the drivers are."""
        if not os.path.exists(self.socket):
            return False
        try:
            return subprocess.run(['virsh', '-c', self.uri, 'version'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, timeout=30, env=processes.environment()).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def stop_guests(self):
        """Ends the guests, which no pid file of ours names: by libvirt's, if the process sees this stack's state directory."""
        run = os.path.join(self.home, 'run', 'qemu')
        pids = []
        for name in os.listdir(run) if os.path.isdir(run) else []:
            if name.endswith('.pid'):
                try:
                    with open(os.path.join(run, name)) as f:
                        pids.append(int(f.read()))
                except (OSError, ValueError):
                    pass
        pids = [p for p in pids if self.is_guest(p)]
        for pid in pids:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + 10
        while any(self.is_guest(p) for p in pids) and time.monotonic() < deadline:
            time.sleep(0.02)

    def is_guest(self, pid):
        words = processes.command_line(pid)
        if not words or 'qemu' not in os.path.basename(words[0]):
            return False
        try:
            return os.path.samefile(f'/proc/{pid}/root/run/libvirt', os.path.join(self.home, 'run'))
        except OSError:
            return False
