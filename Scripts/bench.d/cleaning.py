"""What a cleaning costs: 10 000 bases and 1 000 disks weighed (`slipway cache clean --dry-run`), against `qemu-img info` on each disk.

Needs no services. By itself: SLIPWAY_PROGRAM=… python3 Scripts/bench.d/cleaning.py [--quick] [--runs N] [--dir D]
"""
import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import measure
from measure import BenchError, Cost, Row

GOAL = '≤ 0.05'


def identity(number):
    """A base's identity and its name: the first 160 bits of SHA-256 over the identity's lines (docs/decisions/0002)."""
    digest = 'sha256:' + hashlib.sha256(b'bench %d' % number).hexdigest()
    lines = ['slipway-base 1', f'digest {digest}', 'source-format raw', 'format qcow2']
    text = ''.join(line + '\n' for line in lines)
    return digest, hashlib.sha256(text.encode()).hexdigest()[:40] + '.qcow2'


class Place:
    """A store with many bases, and many disks on some of them."""

    def __init__(self, program, scratch, bases, disks):
        self.program, self.scratch, self.bases = program, scratch, bases
        self.config = os.path.join(scratch, 'slipway.yaml')
        self.store = os.path.join(scratch, 'store')
        self.roots = os.path.join(scratch, 'instances')
        with open(self.config, 'w', encoding='utf-8') as file:
            json.dump({
                'store': {'path': self.store, 'immutable': 'off'}, 'file_roots': [scratch], 'libvirt': {'uri': 'none'},
                'disks': {'target': 'qcow2', 'path': os.path.join(scratch, 'disks'), 'roots': [self.roots]},
                'clean': {'unused_for': '0', 'min_age': '0', 'max_bytes': '0', 'max_count': 1, 'min_free': '1%'},
            }, file)
        names = self.fill(bases)
        self.disks = self.overlays(names, disks)

    def slipway(self, *words):
        return measure.run([self.program, *words, '--config', self.config, '--json'], self.environment())

    @staticmethod
    def environment():
        return {key: value for key, value in os.environ.items() if not key.startswith(('SLIPWAY_', 'OS_'))}

    def fill(self, count):
        """One real base, and its like under the names of others: what cleaning weighs is names, sidecars and inodes."""
        source = os.path.join(self.scratch, 'image.raw')
        with open(source, 'wb') as file:
            file.write(os.urandom(4096))
        first = json.loads(self.slipway('fetch', source, '--disk-format', 'raw').output)['path']
        sidecar = os.path.join(self.store, 'meta', os.path.basename(first) + '.json')
        with open(sidecar, encoding='utf-8') as file:
            record = json.load(file)
        size = os.path.getsize(first)
        names = []
        for number in range(count - 1):
            digest, name = identity(number)
            record['identity'] = {'digest': digest, 'source_format': 'raw', 'format': 'qcow2'}
            record['created'] = int(time.time()) - 86400 - number
            with open(os.path.join(self.store, 'meta', name + '.json'), 'w', encoding='utf-8') as file:
                json.dump(record, file)
            path = os.path.join(self.store, 'bases', name)
            with open(path, 'wb') as file:
                file.truncate(size)
            names.append(path)
        return names

    def overlays(self, names, count):
        paths = []
        one = os.path.join(self.scratch, 'one.qcow2')
        for number in range(count):
            directory = os.path.join(self.roots, f'{number:08x}')
            os.makedirs(directory)
            path = os.path.join(directory, 'disk')
            if number == 0:
                subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-u', '-b', names[0], '-F', 'raw', one, '1G'], check=True)
                with open(one, 'rb') as file:
                    head = file.read()
                at = head.index(names[0].encode())
            # All names have one length, so that the header stays whole.
            with open(path, 'wb') as file:
                name = names[number % len(names)].encode()
                file.write(head[:at] + name + head[at + len(name):])
            paths.append(path)
        return paths

    def ours(self):
        cost = self.slipway('cache', 'clean', '--dry-run')
        answer = json.loads(cost.output)
        used = min(len(self.disks), self.bases - 1)
        if answer['disks']['overlays'] != len(self.disks) or len(answer['evicted']) != self.bases - used:
            raise BenchError(f"{answer['disks']['overlays']} overlays, {len(answer['evicted'])} evictions")
        return cost

    def theirs(self):
        total = Cost()
        for disk in self.disks:
            total += measure.run(['qemu-img', 'info', '-U', '--output=json', disk])
        return total


def row(program, scratch, pairs, say, bases=10_000, disks=1_000):
    """The table's row. `scratch` is a directory that the caller removes."""
    say(f'cleaning: making {bases} bases and {disks} disks')
    place = Place(program, scratch, bases, disks)
    found = measure.in_turn('cleaning', place.ours, place.theirs, pairs, say)
    return Row(f'Deciding what may go: {bases} bases, {disks} disks', '`qemu-img info` on each disk', GOAL, found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--runs', type=int)
    parser.add_argument('--dir', default=tempfile.gettempdir())
    options = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix='slipway-cleaning-', dir=options.dir)
    try:
        size = (1000, 100) if options.quick else (10_000, 1_000)
        line = row(os.environ['SLIPWAY_PROGRAM'], scratch, options.runs or 3,
                   lambda text: print(text, file=sys.stderr, flush=True), *size)
        print('| ' + ' | '.join(line.cells) + ' |')
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == '__main__':
    main()
