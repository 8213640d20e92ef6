"""Bases in a pool, and deleting disks: ten disks of one qcow2 image against Nova's way, an import against `rbd import`, a deletion against `rbd rm`."""
import json
import os

import measure
from images import Image
from measure import Cost, Row

GIB = 1 << 30
MIB = 1 << 20
SNAPSHOT = 'snap'
DISKS = 10


class Pool:
    """What the rows have in common: the bench's own cluster, images and programs."""

    def __init__(self, bench, say):
        self.bench, self.say = bench, say
        self.base = None            # that of the last disk, if it stands on one

    # --- disks of ours

    def create(self, number, *words):
        cost = self.bench.slipway('disk', 'create', f'bench-{number}', '--target', 'rbd', '--json', *words)
        self.base = json.loads(cost.output)['base']
        return cost

    def forget(self, count):
        """No disk and no base is left, nor anything in a trash."""
        for number in range(count):
            self.bench.slipway('disk', 'delete', f'bench-{number}', '--json')
        self.bench.slipway('cache', 'purge', self.base.split('/')[1].split('@')[0], '--json')
        self.bench.slipway('cache', 'clean', '--json')

    # --- ten disks of one qcow2 image

    def ten(self, quick):
        """The first of ten, and each of the others, against one of Nova's: its way is the same ten times."""
        bench = self.bench
        image = Image('bench-ten', 10 * GIB, (256 * MIB if quick else 2 * GIB) >> 22, 5)
        self.say(f'making {image.name}: qcow2, {image.size >> 30} GiB with {image.runs * 4} MiB of data')
        image.make(bench.tmpfs)
        path = os.path.join(bench.tmpfs, 'ten.qcow2')
        measure.run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-W', '-m', '16', image.path, path])
        os.unlink(image.path)
        image.path = path
        bench.upload(image)
        digest = measure.run(['openssl', 'dgst', '-sha512', '-r', path]).output.split()[0]
        words = ['--image', bench.url(image), '--disk-format', 'qcow2', '--digest', f'sha512:{digest}']
        further = []

        def ours():
            first = self.create(0, *words)
            rest = [self.create(number, *words) for number in range(1, DISKS)]
            further.append(Cost(sum(cost.seconds for cost in rest) / len(rest), max(cost.peak for cost in rest)))
            if len({json.loads(cost.output)['base'] for cost in [first] + rest}) != 1:
                raise measure.BenchError('ten disks of one image stand on several bases')
            self.forget(DISKS)
            return first

        def theirs():
            """Its download is read from Ceph here, and not by HTTP from an image service that reads it from Ceph: in its favour."""
            copy, raw = os.path.join(bench.tmpfs, 'nova.part'), os.path.join(bench.tmpfs, 'nova.raw')
            cost = measure.run(bench.rbd('glance', 'export', '--no-progress', f'images/{image.name}@{SNAPSHOT}', copy))
            cost += measure.run(['qemu-img', 'convert', '-O', 'raw', '-f', 'qcow2', copy, raw])
            cost += measure.run(bench.rbd('slipway', 'import', '--no-progress', raw, 'vms/bench-nova'))
            os.unlink(copy)
            os.unlink(raw)
            measure.run(bench.rbd('slipway', 'rm', '--no-progress', 'vms/bench-nova'))
            return cost

        self.create(0, *words)
        self.judge(path, 'qcow2')
        self.forget(1)
        found = measure.in_turn('pool', ours, theirs, bench.pairs, self.say)
        what = f'disk on RBD of a qcow2 image, {image.runs * 4 / 1024:.1f} GiB of data'
        nova = '`rbd export; qemu-img convert; rbd import`'
        os.unlink(path)
        others = list(zip(further[1:], (theirs for _, theirs in found)))
        return [Row(f'{what}: the first', nova, '0.80', found), Row(f'{what}: each of nine more', nova, '0.05', others)]

    def judge(self, path, format):
        """What a guest sees of a disk is what it sees of the image."""
        copy = os.path.join(self.bench.tmpfs, 'judged.raw')
        measure.run(self.bench.rbd('slipway', 'export', '--no-progress', 'vms/bench-0', copy))
        measure.run(['qemu-img', 'compare', '-f', format, '-F', 'raw', path, copy])
        os.unlink(copy)

    # --- raw bytes into a base

    def raw(self):
        """A disk of a raw file: its base is imported, and one clone made. What is not asked of rbd: every byte is hashed and inspected."""
        bench, image = self.bench, self.bench.dense
        words = ['--image', image.path, '--disk-format', 'raw']

        def ours():
            cost = self.create(0, *words)
            self.forget(1)
            return cost

        def theirs():
            cost = measure.run(bench.rbd('slipway', 'import', '--no-progress', image.path, 'vms/bench-import'))
            measure.run(bench.rbd('slipway', 'rm', '--no-progress', 'vms/bench-import'))
            return cost

        self.create(0, *words)
        self.judge(image.path, 'raw')
        self.forget(1)
        found = measure.in_turn('import', ours, theirs, bench.pairs, self.say)
        what = f'raw file, {image.size >> 30} GiB, {image.runs * 4 / 1024:.1f} GiB of data, to a base in a pool and a disk'
        return [Row(what, '`rbd import`', '0.60', found)]

    # --- deleting

    def deletions(self):
        """Two clones of one snapshot, alike: as they are made, and with data written; there also where the data is left to the cleaner."""
        rows = []
        size = (1 if self.bench.options.quick else 4) * GIB
        for name, written, deferred in (('as it was made', 0, False), (f'{size >> 30} GiB written', size, False),
                                        (f'{size >> 30} GiB written, deferred', size, True)):
            found = measure.in_turn('delete', lambda: self.delete(written, True, deferred), lambda: self.delete(written, False, deferred),
                                    self.bench.pairs, self.say)
            rows.append(Row(f'delete a disk of 20 GiB, {name}', '`rbd rm`', '0.50', found))
        return rows

    def delete(self, written, is_ours, deferred):
        bench = self.bench
        if deferred:
            bench.slipway('cache', 'clean', '--json')
        self.create(0, '--image', bench.url(bench.dense), '--disk-format', 'raw', '--size', '20G')
        if written:
            measure.run(bench.rbd('slipway', 'bench', '--io-type', 'write', '--io-size', '4M', '--io-total', str(written), '--io-threads', '8',
                                  'vms/bench-0'))
        if is_ours:
            words = [bench.program, 'disk', 'delete', 'bench-0', '--json', '--config', bench.config]
            return measure.run(words, {**os.environ, 'SLIPWAY_DISKS_DEFERRED_DELETION': 'true' if deferred else 'false'})
        return measure.run(bench.rbd('slipway', 'rm', '--no-progress', 'vms/bench-0'))


def rows(bench, wanted, say):
    """The lines of the table that `wanted` names."""
    pool = Pool(bench, say)
    found = []
    if wanted('pool'):
        found += pool.ten(bench.options.quick)
    if wanted('import'):
        found += pool.raw()
    if wanted('delete'):
        found += pool.deletions()
    return found
