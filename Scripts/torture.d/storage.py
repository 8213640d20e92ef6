"""What happens to Ceph while Slipway works on it."""
import os
import threading
import time

import judge
from bed import Broken, say

# What a request may end with while its cluster is away; each of exit code 5.
AWAY = ('cluster_unreachable', 'timeout', 'source_failed', 'io_error', 'permission_denied')


def outage(bed, host, daemon, verb, back):
    """A daemon goes (`stop`) or freezes (`pause`) in the middle of work, and comes back a while later."""
    random = bed.draw()
    image = bed.images[0]
    for words in (['fetch', image.id, '--format', 'raw'], ['disk', 'create', 'storage-disk', '--image', image.id, '--target', 'rbd'],
                  ['disk', 'create', 'storage-import', '--image', bed.images[2].id, '--target', 'rbd']):
        host.must('cache', 'purge', image.id, but=('base_not_found',))
        process = host.start(*words)
        time.sleep(random.uniform(0, 0.6))
        bed.stack(verb, daemon)
        timer = threading.Timer(random.uniform(2, 6), bed.stack, (back, daemon))
        timer.start()
        ending = host.wait(process)
        timer.join()
        bed.report.hold(ending.status == 0 or ending.status == 5, f'{daemon} {verb}: {ending}')
        host.must(*words, but=())
        if words[0] == 'disk':
            name = words[2]
            bed.report.hold(judge.disk(host, name, image if name == 'storage-disk' else bed.images[2], f'{daemon} {verb}'), f'{name} is not ready')
            end = time.monotonic() + 90
            ending = host.run('disk', 'delete', name)
            while ending.code in ('in_use', 'busy') and time.monotonic() < end:
                time.sleep(2)
                ending = host.run('disk', 'delete', name)
            bed.report.hold(ending.status == 0, f'must succeed: {ending}')
        bed.report.count('outages of Ceph')
    judge.bases(host, set(), f'{daemon} {verb}')
    judge.at_rest(host, f'{daemon} {verb}')


def revoked(bed, host):
    """The image user's key goes while it reads, and comes back."""
    image = bed.images[0]
    saved = bed.ceph('auth', 'export', 'client.slipway-image')
    path = os.path.join(bed.scratch, 'revoked.keyring')
    with open(path, 'w') as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(saved)
    host.must('cache', 'purge', image.id, but=('base_not_found',))
    process = host.start('fetch', image.id, '--format', 'raw')
    try:
        bed.ceph('auth', 'rm', 'client.slipway-image')
        first, second = host.wait(process), host.run('plan', image.id, '--target', 'raw')
    finally:
        bed.ceph('auth', 'import', '-i', path)
    for ending in (first, second):
        bed.report.hold(ending.status in (0, 5), f'the key was revoked: {ending}')
    host.must('fetch', image.id, '--format', 'raw')
    bed.report.count('keys revoked')


def full(bed):
    """The pool that a base is imported into is full: bounded, and nothing left."""
    pool = f'torture-{os.getpid()}'
    bed.ceph('osd', 'pool', 'create', pool, '4')
    bed.rbd('pool', 'init', pool)
    try:
        host = bed.host('full', user='admin', pool=pool, more=f'bases: {{ pool: {pool} }}\n')
        bed.ceph('osd', 'pool', 'set-quota', pool, 'max_bytes', str(4 << 20))
        bed.rados('-p', pool, 'bench', '3', 'write', '--no-cleanup', '-b', '1048576', check=False)
        end = time.monotonic() + 60
        while f"pool '{pool}' is full" not in bed.ceph('health', 'detail') and time.monotonic() < end:
            time.sleep(1)
        ending = host.run('disk', 'create', 'full', '--image', bed.images[2].id, '--target', 'rbd')
        bed.report.hold(ending.status in (5, 6), f'a full pool: {ending}')
        bed.ceph('osd', 'pool', 'set-quota', pool, 'max_bytes', '0')
        end = time.monotonic() + 60
        while f"pool '{pool}' is full" in bed.ceph('health', 'detail') and time.monotonic() < end:
            time.sleep(1)
        host.must('disk', 'create', 'full', '--image', bed.images[2].id, '--target', 'rbd')
        bed.report.count('pools full')
    finally:
        bed.ceph('osd', 'pool', 'rm', pool, pool, '--yes-i-really-really-mean-it')


def vanishing(bed, host):
    """An image that is removed while it is read makes no base, or a whole one."""
    for number in range(3):
        source = bed.images[0]
        name = f'torture-{os.getpid()}-{number}'
        bed.rbd('import', '--no-progress', source.raw, f'images/{name}')
        bed.rbd('snap', 'create', '--no-progress', f'images/{name}@snap')
        url = f'rbd://{bed.story["ceph"]["fsid"]}/images/{name}/snap'
        process = host.start('fetch', url, '--disk-format', 'raw', '--format', 'raw')
        time.sleep(bed.random.uniform(0, 0.5))
        for words in (['snap', 'rm', '--no-progress', f'images/{name}@snap'], ['rm', '--no-progress', f'images/{name}']):
            try:
                bed.rbd(*words)
            except Broken:
                time.sleep(1)
                bed.rbd(*words, check=False)
        ending = host.wait(process)
        if ending.status == 0:
            path = ending.document['path']
            bed.report.hold(judge.same_guest(bed, path, 'raw', source), f'an image removed while it was read: {path} is not what it was')
        else:
            bed.report.hold(ending.status in (3, 4, 5), f'an image removed while it was read: {ending}')
        bed.report.count('images removed while read')


def run(bed):
    host = bed.host('storage')
    say('storage: OSD and monitor stopped and frozen, a key revoked, a pool full, images removed while read')
    vanishing(bed, host)
    revoked(bed, host)
    full(bed)
    for daemon, verb, back in (('ceph.osd', 'stop', 'start'), ('ceph.osd', 'pause', 'resume'), ('ceph.mon', 'stop', 'start'),
                               ('ceph.mon', 'pause', 'resume')):
        outage(bed, host, daemon, verb, back)
