"""A one-node Ceph: monitor, manager and one BlueStore OSD on a sparse file, with cephx and RBD pools."""
import base64
import concurrent.futures
import json
import os
import socket
import struct
import time
import uuid

import processes
from place import PORTS, StackError, write

POOLS = ['images', 'vms', 'volumes', 'slipway-bases']
RBD = 'profile rbd'
# Everyone has what their part needs and no more. `slipway-noread` makes clones of what another user may
# read and cannot open them; tests show that trap with it.
USERS = {
    # Reads what an image uploaded by clone still has from its disk or volume.
    'glance': {'mon': RBD, 'osd': f'{RBD} pool=images, profile rbd-read-only pool=vms, profile rbd-read-only pool=volumes',
               'mgr': f'{RBD} pool=images'},
    'slipway': {'mon': RBD,
                'osd': f'{RBD} pool=vms, {RBD} pool=volumes, {RBD} pool=slipway-bases, profile rbd-read-only pool=images',
                'mgr': f'{RBD} pool=vms, {RBD} pool=volumes, {RBD} pool=slipway-bases'},
    'slipway-image': {'mon': RBD, 'osd': 'profile rbd-read-only pool=images'},
    'slipway-noread': {'mon': RBD, 'osd': f'{RBD} pool=vms', 'mgr': f'{RBD} pool=vms'},
    'slipway-upload': {'mon': RBD, 'osd': f'{RBD} pool=images, profile rbd-read-only pool=vms, profile rbd-read-only pool=volumes'},
    'cinder': {'mon': RBD, 'osd': f'{RBD} pool=volumes, {RBD} pool=vms, profile rbd-read-only pool=images',
               'mgr': f'{RBD} pool=volumes, {RBD} pool=vms'},
}
BLOCK_BYTES = 32 << 30          # sparse: takes what is written


def new_key():
    """A cephx secret: type 1 (AES), seconds, nanoseconds, length, 16 bytes."""
    now = time.time()
    return base64.b64encode(struct.pack('<HIIH', 1, int(now), int(now % 1 * 1e9), 16) + os.urandom(16)).decode()


def keyring(path, *entries):
    """Writes entries of (entity, key, capabilities) to a keyring."""
    text = ''
    for entity, key, caps in entries:
        text += f'[{entity}]\n\tkey = {key}\n'
        text += ''.join(f'\tcaps {kind} = "{what}"\n' for kind, what in caps.items())
    write(path, text, 0o600)


class Cluster:
    def __init__(self, directory, name, base_port, osds=1):
        self.stack, self.name, self.osds = directory, name, osds
        self.home = os.path.join(directory, name)
        self.conf = os.path.join(self.home, 'ceph.conf')
        self.client_conf = os.path.join(directory, 'etc', name + '.conf')
        self.port = base_port + PORTS[name + '.mon']
        self.made = os.path.join(self.home, 'made')     # there once pools and users are

    # --- what others need to know

    @property
    def daemons(self):
        return [f'{self.name}.{kind}' for kind in ['mon', 'mgr'] + [self.osd(i) for i in range(self.osds)]]

    @staticmethod
    def osd(number):
        """What an OSD's daemon and directory are called: the first is the only one as a rule."""
        return f'osd{number or ""}'

    @property
    def mon_host(self):
        return f'[v2:127.0.0.1:{self.port},v1:127.0.0.1:{self.port + 1}]'

    @property
    def fsid(self):
        with open(os.path.join(self.home, 'fsid')) as f:
            return f.read().strip()

    def describe(self):
        return {
            'fsid': self.fsid, 'mon_host': self.mon_host, 'pools': POOLS,
            'conf': self.client_conf, 'admin_conf': self.conf,
            'users': {u: {'keyring': self.user_keyring(u), 'caps': c} for u, c in USERS.items()},
        }

    def user_keyring(self, user):
        return os.path.join(self.stack, 'etc', f'{self.name}.client.{user}.keyring')

    # --- up

    def up(self, progress, users_ready=None):
        """Makes the cluster, or starts what of it does not run. `users_ready` is called as soon as clients can
        connect, which is seconds before the OSD takes data."""
        new = not os.path.exists(self.made)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            disk = None
            if new:
                secrets = self.write_files()
                disk = pool.submit(lambda: [self.make_osd(i) for i in range(self.osds)])
                self.make_mon()
            self.start_mon()
            with self.connect() as mon:
                if new:
                    self.make_users(mon, secrets)
                progress(f'{self.name}: monitor')
                if users_ready:
                    users_ready()
                self.start_mgr()
                if disk:
                    disk.result()
                for number in range(self.osds):
                    self.start_osd(mon, number)
                progress(f'{self.name}: OSD')
                if new:
                    self.make_pools(mon)
        self.wait_for_pools()
        write(self.made, '')
        progress(f'{self.name}: pools')

    def write_files(self):
        fsid = str(uuid.uuid4())
        for sub in ['mon', 'mgr'] + [self.osd(i) for i in range(self.osds)]:
            os.makedirs(os.path.join(self.home, sub))
        write(os.path.join(self.home, 'fsid'), fsid + '\n')
        for number in range(self.osds):
            write(os.path.join(self.home, self.osd(number) + '-uuid'), str(uuid.uuid4()) + '\n')
        more = ''.join(f'[osd.{i}]\nosd data = {self.home}/{self.osd(i)}\nkeyring = {self.home}/{self.osd(i)}/keyring\n'
                       for i in range(1, self.osds))
        # the kernel takes 107 bytes for the path of a socket
        socket_path = os.path.join(self.home, '$name.asok')
        write(self.conf, f'''\
[global]
fsid = {fsid}
mon host = {self.mon_host}
public addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = {self.home}/keyring
log file = {self.stack}/log/{self.name}.$type.log
run dir = {self.home}
admin socket = {socket_path if len(socket_path) < 95 else ''}
pid file =
mon data = {self.home}/mon
mgr data = {self.home}/mgr
osd data = {self.home}/osd
osd objectstore = bluestore
bluestore block size = {BLOCK_BYTES}
osd memory target = 1073741824
osd max object name len = 256
osd max object namespace len = 64
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
# Alone it has nobody to renew its read leases with: frozen for longer than one (16 s), its groups would stay "laggy" for good.
osd pool default read lease ratio = 1000
mon allow pool size one = true
mon allow pool delete = true
mon warn on pool no redundancy = false
mgr initial modules =
bluestore fsck on mkfs = false
paxos propose interval = 0.02
paxos min wait = 0.01
[osd]
keyring = {self.home}/osd/keyring
{more}[client]
log file =
admin socket =
''')
        write(self.client_conf, f'''\
[global]
fsid = {fsid}
mon host = {self.mon_host}
[client]
log file =
admin socket =
keyring = {self.stack}/etc/{self.name}.client.$id.keyring
''')
        secrets = {e: new_key() for e in ['mon.', 'client.admin', 'mgr.x'] + ['client.' + u for u in USERS] + [f'osd.{i}' for i in range(self.osds)]}
        everything = {kind: 'allow *' for kind in ('mon', 'osd', 'mgr', 'mds')}
        admin = ('client.admin', secrets['client.admin'], everything)
        keyring(os.path.join(self.home, 'keyring'), admin)
        # what is in the monitor's first keyring needs no command later
        keyring(os.path.join(self.home, 'mon.keyring'),
                ('mon.', secrets['mon.'], {'mon': 'allow *'}), admin,
                ('mgr.x', secrets['mgr.x'], {'mon': 'allow profile mgr', 'osd': 'allow *', 'mds': 'allow *'}),
                *(('client.' + u, secrets['client.' + u], caps) for u, caps in USERS.items()))
        keyring(os.path.join(self.home, 'mgr', 'keyring'), ('mgr.x', secrets['mgr.x'], {}))
        for number in range(self.osds):
            keyring(os.path.join(self.home, self.osd(number), 'keyring'), (f'osd.{number}', secrets[f'osd.{number}'], {}))
        for user in USERS:
            keyring(self.user_keyring(user), ('client.' + user, secrets['client.' + user], {}))
        return secrets

    def log(self, what):
        return os.path.join(self.stack, 'log', f'{self.name}.{what}.out')

    def make_mon(self):
        log, monmap = self.log('mon-mkfs'), os.path.join(self.home, 'monmap')
        processes.run(['monmaptool', '--create', '--fsid', self.fsid, '--addv', 'a', self.mon_host, monmap], log,
                      f'the monitor map of {self.name}')
        processes.run(['ceph-mon', '-c', self.conf, '--mkfs', '-i', 'a', '--monmap', monmap, '--keyring',
                       os.path.join(self.home, 'mon.keyring')], log, f'the monitor\'s store of {self.name}')

    def make_osd(self, number):
        with open(os.path.join(self.home, self.osd(number), 'block'), 'wb') as f:
            f.truncate(BLOCK_BYTES)
        processes.run(['ceph-osd', '-c', self.conf, '-i', str(number), '--mkfs', '--no-mon-config', '--osd-uuid', self.osd_uuid(number)],
                      self.log(self.osd(number) + '-mkfs'), f'the store of OSD {number} of {self.name}')

    def osd_uuid(self, number):
        with open(os.path.join(self.home, self.osd(number) + '-uuid')) as f:
            return f.read().strip()

    def start(self, kind, *words):
        return processes.start(self.stack, f'{self.name}.{kind}', [f'ceph-{kind}', '-f', '-c', self.conf, *words])

    def start_mon(self):
        log = self.start('mon', '-i', 'a')

        def listening():
            with socket.socket() as s:
                return s.connect_ex(('127.0.0.1', self.port)) == 0
        processes.wait_for(f'the monitor of {self.name}', listening, self.stack, self.name + '.mon', log)

    def start_mgr(self):
        self.start('mgr', '-i', 'x', '--keyring', os.path.join(self.home, 'mgr', 'keyring'))

    def start_osd(self, mon, number=0):
        name = f'{self.name}.{self.osd(number)}'
        if not processes.pid_of(self.stack, name):
            # one that was killed is still up, for all that the monitor knows
            mon.command({'prefix': 'osd down', 'ids': [str(number)], 'definitely_dead': True})
        log = processes.start(self.stack, name, ['ceph-osd', '-f', '-c', self.conf, '-i', str(number)])
        processes.wait_for(f'OSD {number} of {self.name}', lambda: self.osd_up(mon, number), self.stack, name, log)

    def start_daemon(self, name):
        """One daemon alone, for tests that stopped it."""
        kind = name.rpartition('.')[2]
        if kind == 'mon':
            self.start_mon()
        elif kind == 'mgr':
            self.start_mgr()
        else:
            with self.connect() as mon:
                self.start_osd(mon, int(kind.removeprefix('osd') or 0))
            self.wait_for_pools()

    def connect(self):
        return Admin(self)

    def make_users(self, mon, secrets):
        for number in range(self.osds):
            mon.command({'prefix': 'osd new', 'uuid': self.osd_uuid(number), 'id': number},
                        json.dumps({'cephx_secret': secrets[f'osd.{number}']}).encode())

    def osd_up(self, mon, number):
        osds = json.loads(mon.command({'prefix': 'osd dump', 'format': 'json'}))['osds']
        return any(o['osd'] == number and o['up'] and o['in'] for o in osds)

    def make_pools(self, mon):
        existing = mon.rados.list_pools()
        for pool in POOLS:
            if pool not in existing:
                mon.command({'prefix': 'osd pool create', 'pool': pool, 'pg_num': 8})
        import rbd
        for pool in POOLS:
            with mon.rados.open_ioctx(pool) as io:
                rbd.RBD().pool_init(io, True)

    def wait_for_pools(self):
        """A pool answers once its placement groups are active; the call waits for them, at most 60 s. A connection
        from before the OSD's start would look for it at the old address for 15 s."""
        import rbd
        with self.connect() as new:
            for pool in POOLS:
                with new.rados.open_ioctx(pool) as io:
                    rbd.RBD().list(io)


class Admin:
    """client.admin's connection, closed on the way out: a process must not end with a live one."""

    def __init__(self, cluster):
        import rados
        self.cluster = cluster
        self.rados = rados.Rados(conffile=cluster.conf, name='client.admin', conf={
            'client_mount_timeout': '30', 'rados_mon_op_timeout': '30', 'rados_osd_op_timeout': '60'})

    def __enter__(self):
        import rados
        try:
            self.rados.connect(timeout=30)
        except rados.Error as e:
            self.rados.shutdown()
            raise StackError(f'cannot connect to {self.cluster.name}: {e}', self.cluster.log('mon')) from None
        return self

    def __exit__(self, *_):
        self.rados.shutdown()

    def command(self, words, data=b''):
        code, out, err = self.rados.mon_command(json.dumps(words), data)
        if code != 0:
            raise StackError(f"{self.cluster.name} refused '{words['prefix']}': {err or code}")
        return out
